"""Without this module whatever somebody types would stand before the staff unread by anybody (protocols/wechat.md 4).

Two steps, as the platform is never asked inside a transaction: `check` before the command's, `keep` within it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from app.identity.queries import device_of
from app.kernel import clock, ports
from app.kernel.actor import Actor
from app.kernel.errors import NotSignedIn, ProviderUnavailable
from app.kernel.logging import get_logger
from app.kernel.metrics import TEXTS
from app.kernel.privacy import seal
from app.texts.errors import TextNotAllowed
from app.texts.models import TextCheck
from app.texts.ports import NO_ANSWER, ContentCheck, Judgement, Verdict
from app.texts.rules import ARGUMENTS, TextKind, TextStanding

_log = get_logger(__name__)
_PATIENCE_SECONDS = 2.0
"""So long somebody waits for their own words to be judged; then a person of ours judges them later."""


@dataclass(frozen=True)
class Checked:
    """A text that may be kept, and why; `provider` is empty where nobody was asked."""

    kind: TextKind
    text: str
    writer: UUID
    provider: str = ""
    judgement: Judgement = NO_ANSWER

    @property
    def standing(self) -> TextStanding:
        if not self.provider:
            return TextStanding.UNCHECKED
        return TextStanding.PASSED if self.judgement.verdict is Verdict.PASS else TextStanding.REVIEW


async def check(actor: Actor, kind: TextKind, text: str) -> Checked:
    """Have the host app in which a resident writes judge the text, for two seconds at most; keep what comes out.

    For no transaction: a platform is asked. Whoever acts for another is the one who writes. Raises `TextNotAllowed`.
    """
    if actor.id is None:
        raise NotSignedIn
    writes_in = await device_of(actor)
    judge = ports.every(ContentCheck).get(writes_in.channel) if writes_in else None
    if writes_in is None or judge is None:
        TEXTS.labels("", kind, TextStanding.UNCHECKED).inc()
        return Checked(kind, text, actor.id)
    judgement = await _judged(judge, text, writes_in.open_id)
    TEXTS.labels(writes_in.channel, kind, judgement.verdict).inc()
    if judgement.verdict is Verdict.RISKY:
        _log.info("text refused", provider=writes_in.channel, concern=judgement.concern, trace=judgement.trace)
        raise TextNotAllowed(field=ARGUMENTS[kind])
    return Checked(kind, text, actor.id, writes_in.channel, judgement)


async def _judged(judge: ContentCheck, text: str, user: str) -> Judgement:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await judge.check(text, user)
    except (TimeoutError, ProviderUnavailable):
        return NO_ANSWER


async def keep(checked: Checked, *, division: str, department: str = "") -> TextCheck:
    """Write down what is known of a text, in the transaction that keeps the text itself.

    `division` and `department` say whose managers review it.
    """
    waits = checked.standing is TextStanding.REVIEW
    return await TextCheck.create(
        kind=checked.kind,
        resident_id=checked.writer,
        division_code=division,
        department=department,
        standing=checked.standing,
        concern=checked.judgement.concern,
        provider=checked.provider,
        trace=checked.judgement.trace,
        text_sealed=seal(checked.text) if waits else None,
        checked_at=clock.now(),
    )
