"""Without this module what we know of a resident themselves could be neither told, joined nor forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.identity.models import ChannelBinding, Consent, IdentityProof, Resident, Session
from app.identity.ports import Fate, Kind, Reason, Retention
from app.identity.privacy_notice import Purpose, still_holds
from app.identity.sessions import end_with_the_act
from app.kernel import clock, db
from app.kernel.audit import AuditLine
from app.kernel.inbox.requests import AnsweredRequest
from app.kernel.privacy import unseal

ACCOUNT_CLOSED = "ACCOUNT_CLOSED"
_SEALED = ("name_sealed", "id_number_sealed", "id_number_index", "phone_sealed", "phone_index")

# Batches: a table that was never purged before must not be locked for minutes.
_PURGES = {
    "sessions": """
        DELETE FROM session WHERE id IN (
            SELECT id FROM session WHERE least(coalesce(revoked_at, expires_at), expires_at) < $1 LIMIT 1000
        ) RETURNING id
    """,
    "proofs": """
        DELETE FROM identity_proof WHERE id IN (
            SELECT id FROM identity_proof WHERE coalesce(finished_at, expires_at) < $1 LIMIT 1000
        ) RETURNING id
    """,
    "requests": """
        DELETE FROM inbox_answered_request WHERE id IN (
            SELECT id FROM inbox_answered_request WHERE created_at < $1 LIMIT 1000
        ) RETURNING id
    """,
    "notices": """
        DELETE FROM inbox_notice WHERE id IN (
            SELECT id FROM inbox_notice WHERE state = 'HANDLED' AND handled_at < $1 LIMIT 1000
        ) RETURNING id
    """,
    "consents": """
        DELETE FROM consent WHERE id IN (SELECT id FROM consent WHERE withdrawn_at < $1 LIMIT 1000) RETURNING id
    """,
}


class Holdings:
    """The account itself, how host apps name it, proofs, sessions, consents and answered requests.

    Providers' notices name nobody that could be looked up; they only grow old.
    Audit lines are told and counted here too, and never purged: the database refuses to remove them.
    """

    rank = 0
    kinds: Mapping[str, Kind] = {
        "account": Kind("姓名、身份证号、手机号", "name, identity number, phone", Fate.ANONYMISED),
        "bindings": Kind("微信、支付宝等应用的绑定", "bindings to host apps", Fate.DELETED),
        "proofs": Kind("实名核验记录", "proofs of identity", Fate.DELETED),
        "requests": Kind("防重复提交的请求编号", "keys of answered requests", Fate.DELETED),
        "sessions": Kind("登录记录", "sessions", Fate.KEPT, "《网络安全法》第二十一条:网络日志留存不少于六个月"),
        "consents": Kind(
            "同意与撤回同意的记录", "consents", Fate.KEPT, "《个人信息保护法》第十四条:须能证明曾取得同意"
        ),
        "notices": Kind(
            "支付、物流通知的原文", "providers' notices as sent", Fate.KEPT, "《网络安全法》第二十一条:不少于六个月"
        ),
        "audit": Kind("访问和操作记录", "record of who did what", Fate.KEPT, "《网络安全法》第二十一条、等级保护三级"),
    }
    retention: tuple[Retention, ...] = (
        Retention("sessions", 180, "《网络安全法》第二十一条:自登录结束起不少于六个月"),
        Retention("proofs", 30, "《个人信息保护法》第十九条:核验完成后的最短必要期限"),
        Retention("requests", 90, "《个人信息保护法》第十九条:防止重复提交所需的最短期限"),
        Retention("notices", 180, "《网络安全法》第二十一条:自处理完成起不少于六个月"),
        Retention("consents", 1095, "《个人信息保护法》第十四条、第五十六条:自撤回起三年"),
        Retention("audit", 1095, "《网络安全法》第二十一条:不少于六个月,本市定为三年"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Of one purpose agreed to in both accounts the older consent that holds stays; of one request key answered
        in both, the survivor's answer. Phone and language go over only where the survivor has none.
        """
        await _agree_once(absorbed, survivor)
        await _answer_once(absorbed, survivor)
        await _hand_over_phone_and_language(absorbed, survivor)
        await _lock_sessions(absorbed)
        await Resident.filter(merged_into_id=absorbed).update(merged_into_id=survivor)
        return {
            "bindings": await ChannelBinding.filter(resident_id=absorbed).update(resident_id=survivor),
            "sessions": await Session.filter(resident_id=absorbed).update(resident_id=survivor),
            "proofs": await IdentityProof.filter(resident_id=absorbed).update(resident_id=survivor),
            "consents": await Consent.filter(resident_id=absorbed).update(resident_id=survivor),
            "requests": await AnsweredRequest.filter(owner=absorbed).update(owner=survivor),
        }

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:  # noqa: ARG002 - the port's question
        return ()

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        """Consents are withdrawn and sessions ended; what is left of the account names nobody."""
        await Consent.filter(resident_id=resident_id, withdrawn_at=None).update(withdrawn_at=clock.now())
        await end_with_the_act(Session.filter(resident_id=resident_id), ACCOUNT_CLOSED)
        blank: dict[str, object] = {**dict.fromkeys(_SEALED), "level": 1, "language": ""}
        return {
            "account": await Resident.filter(id=resident_id).update(**blank),
            "bindings": await ChannelBinding.filter(resident_id=resident_id).delete(),
            "proofs": await IdentityProof.filter(resident_id=resident_id).delete(),
            "requests": await AnsweredRequest.filter(owner=resident_id).delete(),
            "sessions": await Session.filter(resident_id=resident_id).count(),
            "consents": await Consent.filter(resident_id=resident_id).count(),
            "audit": await AuditLine.filter(person=resident_id).count(),
        }

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """Everything but secrets: refresh tokens and session keys are not told to anybody."""
        return {
            "account": [_account(await Resident.get(id=resident_id))],
            "bindings": [_binding(row) for row in await ChannelBinding.filter(resident_id=resident_id).order_by("id")],
            "proofs": [_proof(row) for row in await IdentityProof.filter(resident_id=resident_id).order_by("id")],
            "sessions": [_session(row) for row in await Session.filter(resident_id=resident_id).order_by("id")],
            "consents": [_consent(row) for row in await Consent.filter(resident_id=resident_id).order_by("id")],
            "requests": [_request(row) for row in await AnsweredRequest.filter(owner=resident_id).order_by("id")],
        }

    async def purge(self, kind: str, before: datetime) -> int:
        statement = _PURGES.get(kind)
        return len(await db.rows(statement, before)) if statement else 0


async def _lock_sessions(resident_id: UUID) -> None:
    """In the order of their keys, as who ends them all does: an update takes them as they lie and would meet it."""
    await Session.filter(resident_id=resident_id).order_by("id").select_for_update()


async def _agree_once(absorbed: UUID, survivor: UUID) -> None:
    """Of two consents in force for one purpose one stays that still holds, then the older: since then they agree."""
    kept: set[str] = set()
    both = Consent.filter(resident_id__in=[absorbed, survivor], withdrawn_at=None)
    by_age, today = await both.order_by("given_at", "id").select_for_update(), clock.today()
    for consent in sorted(by_age, key=lambda row: not still_holds(Purpose(row.purpose), row.version, today)):
        if consent.purpose in kept:
            consent.withdrawn_at = clock.now()
            await consent.save(update_fields=["withdrawn_at"])
        kept.add(consent.purpose)


async def _answer_once(absorbed: UUID, survivor: UUID) -> None:
    keys = await AnsweredRequest.filter(owner=survivor).values_list("key", flat=True)
    await AnsweredRequest.filter(owner=absorbed, key__in=list(keys)).delete()


async def _hand_over_phone_and_language(absorbed: UUID, survivor: UUID) -> None:
    given, kept = await Resident.get(id=absorbed), await Resident.get(id=survivor)
    if kept.phone_sealed is None:
        kept.phone_sealed, kept.phone_index = given.phone_sealed, given.phone_index
    kept.language = kept.language or given.language
    await kept.save(update_fields=["phone_sealed", "phone_index", "language"])


def _account(row: Resident) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "level": row.level,
        "name": _opened(row.name_sealed),
        "id_number": _opened(row.id_number_sealed),
        "phone": _opened(row.phone_sealed),
        "language": row.language,
        "created_at": row.created_at,
    }


def _opened(sealed: str | None) -> str | None:
    return unseal(sealed) if sealed else None


def _binding(row: ChannelBinding) -> dict[str, object]:
    return {
        "id": row.id,
        "channel": row.channel,
        "app_id": row.app_id,
        "open_id": row.open_id,
        "union_id": row.union_id,
        "user_id": row.user_id,
        "bound_at": row.bound_at,
    }


def _proof(row: IdentityProof) -> dict[str, object]:
    return {
        "id": row.id,
        "method": row.method,
        "name": unseal(row.name_sealed),
        "id_number": unseal(row.id_number_sealed),
        "state": row.state,
        "reference": row.reference,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }


def _session(row: Session) -> dict[str, object]:
    return {
        "id": row.id,
        "channel": row.channel,
        "device": row.device,
        "address": row.address,
        "created_at": row.created_at,
        "refreshed_at": row.refreshed_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
    }


def _consent(row: Consent) -> dict[str, object]:
    return {
        "id": row.id,
        "purpose": row.purpose,
        "version": row.version,
        "given_at": row.given_at,
        "withdrawn_at": row.withdrawn_at,
    }


def _request(row: AnsweredRequest) -> dict[str, object]:
    return {"id": row.id, "key": row.key, "created_at": row.created_at}
