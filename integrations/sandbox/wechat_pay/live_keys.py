"""Without this module WeChat Pay could not change a key while payments go on: it says which are good now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from integrations.sandbox.rotations import What
from integrations.sandbox.world import World

Signer = tuple[str, RSAPrivateKey]


def merchant_keys(world: World) -> Mapping[str, RSAPublicKey]:
    """Whose signature is the merchant's, by the serial of the certificate."""
    changed = world.rotations.of("merchant")
    first = {world.keys.account.pay_serial_no: world.keys.merchant}
    if changed is None:
        return first
    second = {changed.serial: changed.key.public_key()}
    return second if changed.is_alone else first | second


def api_v3_key(world: World) -> str:
    """What notifications and platform certificates are sealed with from now on."""
    changed = world.rotations.of("api_v3_key")
    return changed.secret if changed and changed.is_used else world.keys.account.pay_api_v3_key


def certificates(world: World) -> Sequence[tuple[str, x509.Certificate]]:
    """Those that /v3/certificates shows."""
    changed = world.rotations.of("platform_certificate")
    first = (world.keys.certificate_serial, world.keys.certificate)
    if changed is None:
        return [first]
    second = (changed.serial, x509.load_pem_x509_certificate(changed.certificate.encode()))
    return [second] if changed.is_alone else [first, second]


def answer_signer(world: World, wanted_serial: str) -> Signer:
    """The request's Wechatpay-Serial chooses; who names none, or one that is gone, gets the public key in use."""
    known = dict([*_live(world, "platform_certificate"), *_live(world, "platform_public_key")])
    return (wanted_serial, known[wanted_serial]) if wanted_serial in known else _used(world, "platform_public_key")


def notice_signer(world: World) -> Signer:
    """A notification is signed with the kind of key that the merchant's switch-over says."""
    return _used(world, "platform_certificate" if world.dice.now.sign_with_certificate else "platform_public_key")


def _used(world: World, what: What) -> Signer:
    changed = world.rotations.of(what)
    return _live(world, what)[-1 if changed and changed.is_used else 0]


def _live(world: World, what: What) -> Sequence[Signer]:
    keys, changed = world.keys, world.rotations.of(what)
    first = (keys.account.pay_public_key_id, keys.platform)
    if what == "platform_certificate":
        first = (keys.certificate_serial, keys.certified)
    if changed is None:
        return [first]
    return [(changed.serial, changed.key)] if changed.is_alone else [first, (changed.serial, changed.key)]
