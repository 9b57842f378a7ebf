from __future__ import annotations

from app.kernel import db
from app.kernel.jobs import Priority
from app.payments.receipts.issuing import pursue_receipt
from tests.payments.receipts.stage import paid_payer
from tests.payments.stage import make_payer
from tests.portal import Portal

_DONE = """
    SELECT job.task_name FROM procrastinate_events AS event JOIN procrastinate_jobs AS job ON job.id = event.job_id
    WHERE event.type = 'succeeded' AND job.task_name IN ('inbox.process', 'payments.pursue_receipt')
    ORDER BY event.id
"""


async def test_money_that_comes_in_is_settled_before_twenty_receipts_are_drawn(portal: Portal) -> None:
    """However long the worker has had them waiting: the payer looks at the phone, nobody looks at the receipt yet."""
    paid, payer = await paid_payer(portal), await make_payer(portal)
    await portal.run_jobs()
    for _ in range(20):
        async with db.transaction():
            await pursue_receipt.defer(bill_id=str(paid.bill.id))
    await payer.pays(await payer.open_order())
    await portal.control.settle()

    await portal.queue.run_worker_async(
        wait=False, concurrency=1, listen_notify=False, install_signal_handlers=False, delete_jobs="never"
    )

    assert [row["task_name"] for row in await db.rows(_DONE)] == ["inbox.process"] + ["payments.pursue_receipt"] * 20
    assert await payer.settlements() == 1
    await db.rows("DELETE FROM procrastinate_jobs WHERE status = 'succeeded'")


async def test_what_a_payment_causes_for_its_receipt_is_patient(portal: Portal) -> None:
    payer = await paid_payer(portal)
    sql = "SELECT task_name, priority FROM procrastinate_jobs WHERE args->'fact'->>'bill_id' = $1 ORDER BY task_name"
    caused = {row["task_name"]: row["priority"] for row in await db.rows(sql, str(payer.bill.id))}
    assert caused["payments.see_to_receipt_of_bill<BillPaid"] == Priority.PATIENT
    await portal.run_jobs()
