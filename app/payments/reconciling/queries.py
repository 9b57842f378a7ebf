"""Without this module nobody would see which days are closed and which are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.kernel import clock, ports
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.payments.models import PaymentAttempt, Statement
from app.payments.ports import PaymentChannel
from app.payments.reconciling.commands import OLDEST_DAYS, check_keeps_statements
from app.payments.reconciling.recomputing import Moved, ledgered, recomputed
from app.payments.reconciling.statements import open_tasks
from app.payments.words import StatementState

_SHOWN = (
    "id", "channel", "day", "state", "payments", "refunds", "paid_fen", "refunded_fen", "fees_e5", "fetched_at",
    "reconciled_at", "signed_at",
)  # fmt: skip
"""All but the files, which are large."""


@dataclass(frozen=True)
class DayInFull:
    """A day of a channel from three sides: the provider's account (of a window: the count), our rows, our ledger."""

    statement: Statement
    rows: Moved
    ledger: Moved
    open_tasks: int

    @property
    def ledger_agrees(self) -> bool:
        return self.rows == self.ledger


async def statements(
    actor: Actor,
    *,
    channel: str | None = None,
    first: date | None = None,
    last: date | None = None,
    state: StatementState | None = None,
    limit: int,
    offset: int,
) -> list[Statement]:
    """Days of channels, newest first. Raises `NotAllowed`."""
    check_keeps_statements(actor)
    given: Mapping[str, object] = {"channel": channel, "day__gte": first, "day__lte": last, "state": state}
    found = Statement.filter(**{name: value for name, value in given.items() if value is not None})
    return await found.order_by("-day", "channel").offset(offset).limit(limit).only(*_SHOWN)


async def day_in_full(actor: Actor, channel: str, day: date) -> DayInFull:
    """One day with its sums from all sides. Raises `NotAllowed` or `NotFound`."""
    check_keeps_statements(actor)
    statement = await Statement.filter(channel=channel, day=day).only(*_SHOWN).first()
    if statement is None:
        raise NotFound(what_zh="这一天的对账单", what_en="statement of this day")
    return await in_full(statement)


async def in_full(statement: Statement) -> DayInFull:
    rows, ledger = [
        (await moved(statement.day, statement.channel)).get(statement.channel, Moved())
        for moved in (recomputed, ledgered)
    ]
    return DayInFull(statement, rows, ledger, await open_tasks(statement))


async def missed_days() -> Sequence[tuple[str, date]]:
    """Days that have not been compared with the channel's account yet, oldest first, at most a month back.

    The first is the day on which somebody first paid by the channel, or yesterday.
    """
    yesterday = clock.today() - timedelta(days=1)
    missed = []
    for code, channel in ports.every(PaymentChannel).items():
        if not channel.keeps_accounts:
            continue
        begun = await PaymentAttempt.filter(channel=code).order_by("id").first()
        first = clock.local(begun.opened_at).date() if begun else yesterday
        first = min(max(first, clock.today() - timedelta(days=OLDEST_DAYS)), yesterday)
        kept = Statement.filter(channel=code, day__gte=first, reconciled_at__not_isnull=True)
        known = {statement.day for statement in await kept.only("id", "day")}
        days = [first + timedelta(days=ahead) for ahead in range((yesterday - first).days + 1)]
        missed += [(code, day) for day in days if day not in known]
    return missed
