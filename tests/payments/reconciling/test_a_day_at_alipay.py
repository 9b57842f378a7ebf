from __future__ import annotations

import os

from app.identity.models import ChannelBinding
from app.kernel import clock
from app.payments.commands import pay
from app.payments.models import LedgerEntry, MoneyTask, PaymentAttempt, Statement
from app.payments.reconciling.accounts import Taken
from app.payments.reconciling.asking import settle_difference
from app.payments.reconciling.commands import reconcile
from app.payments.reconciling.queries import in_full
from app.payments.reconciling.recomputing import Moved
from app.payments.states import AttemptState
from app.payments.words import StatementState
from tests.payments.reconciling.stage import FEE, Days
from tests.payments.stage import make_payer
from tests.people import new_key
from tests.portal import Portal


async def test_a_day_in_alipay_is_matched_with_its_zip_and_settles_what_we_never_heard_of(
    portal: Portal, days: Days
) -> None:
    with await days.at(9):
        payer = await make_payer(portal)
        user = await portal.control.add_alipay_user()
        await ChannelBinding.create(
            resident_id=payer.actor.id,
            channel="alipay",
            app_id=os.environ["ALIPAY_APP_ID"],
            open_id=user.open_id,
            bound_at=clock.now(),
        )
        payable = await pay(payer.actor, payer.bill.id, "alipay", idempotency_key=new_key())
        assert await portal.control.pay_trade(payable.attempt.order_no) == "9000"
        assert (await PaymentAttempt.get(id=payable.attempt.id)).state is AttemptState.OPEN
    with await days.morning():
        assert await reconcile("alipay", days.day()) is Taken.NEW
        task = await MoneyTask.get(channel="alipay", day=days.day())
        assert (task.kind.value, task.state.value, task.unit) == ("STATE", "OPEN", "ps-household")
        await settle_difference(task.id)
        assert await reconcile("alipay", days.day()) is Taken.SAME
    day = await in_full(await Statement.get(channel="alipay", day=days.day()))
    assert (day.statement.state, day.statement.paid_fen, day.statement.fees_e5) == (StatementState.MATCHED, FEE, 24_000)
    assert (day.rows, day.ledger, day.open_tasks) == (Moved(FEE), Moved(FEE), 0)
    kept = await LedgerEntry.filter(channel="alipay", day=days.day(), account="FEES")
    assert [(entry.unit, entry.amount_fen) for entry in kept] == [("ps-household", 24)]
