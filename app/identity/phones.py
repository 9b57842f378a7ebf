"""Without this module the hall could not reach a resident by phone.

A number counts only when a host app vouches for it, is kept only with consent, and goes when that is withdrawn.
"""

from __future__ import annotations

import hashlib
from uuid import NAMESPACE_URL, uuid5

from app.identity import capabilities
from app.identity.attempts import check_attempt
from app.identity.commands import sign_in_channel
from app.identity.consents import check_given
from app.identity.errors import PhoneCodeInvalid, SessionDataUnreadable, SignInUnavailable
from app.identity.models import ChannelBinding, Resident
from app.identity.ports import SessionData, SignInChannel
from app.identity.privacy_notice import Purpose
from app.identity.queries import binding_of, locked_resident
from app.kernel import audit, db, ports
from app.kernel.actor import Actor
from app.kernel.errors import IdempotencyKeyReused
from app.kernel.inbox.requests import claim
from app.kernel.privacy import blind_index, seal, unseal

PHONE = "resident.phone"
_ALLOWANCE = "10/hour"


async def set_phone(actor: Actor, channel: str, code: str) -> Resident:
    """Keep the mobile number that the phone-number button vouches for; what it gave one user is no other's.

    Raises `SignInUnavailable`, `ConsentNeeded`, or what `SignInChannel.phone_number` raises.
    """
    adapter, binding = await _vouching(actor, channel)
    number = await adapter.phone_number(code, binding.open_id)
    return await _keep(actor, binding, number, adapter.voucher(code))


async def set_phone_from_session_data(actor: Actor, channel: str, encrypted: str, iv: str) -> Resident:
    """Keep the mobile number that an older phone hands over encrypted under its host app's session.

    Raises `SignInUnavailable`, `ConsentNeeded`, `TooManyRequests`, and `SessionDataUnreadable` for whatever does
    not open: signing in again is what helps.
    """
    _, binding = await _vouching(actor, channel)
    try:
        opener = ports.get(SessionData, channel)
    except ports.NoSuchAdapter:
        raise SignInUnavailable from None
    if binding.session_secret_sealed is None:
        raise SessionDataUnreadable
    number = opener.phone_number(unseal(binding.session_secret_sealed), encrypted, iv)
    return await _keep(actor, binding, number, f"{binding.id}/{encrypted.strip()}")


async def _vouching(actor: Actor, channel: str) -> tuple[SignInChannel, ChannelBinding]:
    """The host app that is to vouch, and how it names the resident. Every try counts, refused ones too."""
    resident_id = actor.own_id()
    await check_attempt(actor, "phone", _ALLOWANCE)
    adapter = sign_in_channel(channel)
    binding = await binding_of(actor, channel)
    if binding is None or not capabilities.is_on(capabilities.phone(channel)):
        raise SignInUnavailable
    await check_given(resident_id, Purpose.PHONE)
    return adapter, binding


async def _keep(actor: Actor, binding: ChannelBinding, number: str, voucher: str) -> Resident:
    async with db.transaction():
        resident = await locked_resident(actor.own_id())
        await check_given(resident.id, Purpose.PHONE)
        await _accept_from_its_user(binding, voucher, resident)
        resident.phone_sealed = seal(number)
        resident.phone_index = blind_index(PHONE, number)
        await resident.save(update_fields=["phone_sealed", "phone_index"])
        await audit.record(actor, "identity.phone_set", f"resident:{resident.id}")
    return resident


async def _accept_from_its_user(binding: ChannelBinding, voucher: str, resident: Resident) -> None:
    """Some vouchers hold no user, time or nonce: whoever picked one up could otherwise bring it again.

    The user of the host app who brings one first may bring it again, since Alipay's is the same text at every tap;
    nobody else may. All users of a channel claim under one owner.
    """
    owner = uuid5(NAMESPACE_URL, f"phone-vouchers/{binding.channel}")
    key = hashlib.sha256(voucher.encode("utf-8", "replace")).hexdigest()
    try:
        claimed = await claim(owner, key, "set-phone", user=f"{binding.app_id}/{binding.open_id}")
    except IdempotencyKeyReused:
        raise PhoneCodeInvalid from None
    if claimed.earlier is None:
        await claimed.answered_with(resident.id)
