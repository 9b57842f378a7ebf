from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.kernel import ports
from app.kernel.errors import ProviderUnavailable
from app.payments.ports import FiscalPlatform, ReceiptOrder, ReceiptRefused
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Door

UNIT = "11990100MB0000000X"
ORDER = ReceiptOrder(
    order_id="0f1e2d3c-0",
    unit_code=UNIT,
    unit_name="云澜市公安局(户政)",
    division_code="990100",
    payer_name="测试居民甲",
    total_fen=6000,
    lines=[("ID40", "居民身份证工本费(丢失补领/损坏换领)", 4000), ("ID20", "居民身份证工本费(换领)", 2000)],
    paid_at=datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC),
    payment_code="99010026000000000012",
)


@pytest.fixture
def platform(door: Door) -> FiscalPlatform:
    return ports.get(FiscalPlatform, "fiscal")


async def test_a_receipt_is_issued_over_what_was_paid(platform: FiscalPlatform, control: SandboxControl) -> None:
    receipt = await platform.issue(ORDER)
    assert (len(receipt.code), len(receipt.number), len(receipt.check_code)) == (8, 10, 6)
    assert receipt.total_fen == 6000
    assert abs((receipt.issued_at - datetime.now(UTC)).total_seconds()) < 60
    [kept] = await control.fiscal_receipts()
    assert (kept.order_id, kept.number, kept.unit_code, kept.total) == ("0f1e2d3c-0", receipt.number, UNIT, 6000)
    assert kept.lines == [
        ["ID40", "居民身份证工本费(丢失补领/损坏换领)", "40.00"],
        ["ID20", "居民身份证工本费(换领)", "20.00"],
    ]


async def test_an_order_is_answered_with_one_receipt_whatever_the_repeat_says(
    platform: FiscalPlatform, control: SandboxControl
) -> None:
    first = await platform.issue(ORDER)
    again = await platform.issue(replace(ORDER, total_fen=4000, lines=ORDER.lines[:1], payer_name="测试居民乙"))
    assert again == first
    assert await platform.ask(ORDER.order_id) == first
    assert len(await control.fiscal_receipts()) == 1


async def test_a_number_is_given_once_also_after_a_reset(platform: FiscalPlatform, control: SandboxControl) -> None:
    first = await platform.issue(ORDER)
    await control.reset()
    again = await platform.issue(ORDER)
    assert int(again.number) == int(first.number) + 1


async def test_an_order_never_heard_of_has_no_receipt(platform: FiscalPlatform) -> None:
    assert await platform.ask("never-0") is None


async def test_taking_back_again_gives_the_same_red_letter(platform: FiscalPlatform, control: SandboxControl) -> None:
    receipt = await platform.issue(ORDER)
    red = await platform.take_back(receipt, "全额退付")
    assert await platform.take_back(receipt, "换了一个说法") == red
    assert (red.code, red.total_fen) == (receipt.code, 6000)
    assert red.number != receipt.number
    [kept] = await control.fiscal_receipts()
    assert (kept.red_number, kept.red_reason) == (red.number, "全额退付")


@pytest.mark.parametrize(
    ("otherwise", "code"),
    [
        ({"lines": [("", "没有编码的项目", 6000)]}, "ITEM_UNKNOWN"),
        ({"lines": [("ID40", "少算一分", 5999)]}, "TOTAL_DIFFERS"),
        ({"lines": []}, "LINES_INVALID"),
        ({"unit_code": "ps-household"}, "UNIT_UNKNOWN"),
        ({"payer_name": ""}, "PAYER_INVALID"),
        ({"payment_code": "9" * 21}, "FIELD_INVALID"),
    ],
)
async def test_what_no_treasury_would_take_is_refused_and_nothing_is_issued(
    platform: FiscalPlatform, control: SandboxControl, otherwise: dict[str, object], code: str
) -> None:
    with pytest.raises(ReceiptRefused) as refused:
        await platform.issue(replace(ORDER, **otherwise))  # type: ignore[arg-type]
    assert refused.value.code == code
    assert await control.fiscal_receipts() == []


async def test_a_wrong_check_code_takes_nothing_back(platform: FiscalPlatform, control: SandboxControl) -> None:
    receipt = await platform.issue(ORDER)
    with pytest.raises(ReceiptRefused, match="RECEIPT_UNKNOWN"):
        await platform.take_back(replace(receipt, check_code="000000"), "误开")
    [kept] = await control.fiscal_receipts()
    assert kept.red_number == ""


async def test_an_answer_lost_after_the_deed_is_found_by_asking_again(
    platform: FiscalPlatform, control: SandboxControl
) -> None:
    await control.be_hostile(error_after_effect=1.0)
    with pytest.raises(ProviderUnavailable):
        await platform.issue(ORDER)
    await control.be_kind()
    [kept] = await control.fiscal_receipts()
    found = await platform.ask(ORDER.order_id)
    assert found is not None
    assert (found.number, found) == (kept.number, await platform.issue(ORDER))


@pytest.mark.parametrize("fault", ["sign_test", "garbage", "server_error"])
async def test_what_the_platform_did_not_sign_is_no_answer(
    platform: FiscalPlatform, control: SandboxControl, fault: str
) -> None:
    await control.be_hostile(**{fault: 1.0})
    with pytest.raises(ProviderUnavailable) as refusal:
        await platform.issue(ORDER)
    assert "财政电子票据平台暂时没有响应" in refusal.value.sentence("zh")


async def test_a_platform_closed_for_maintenance_is_unavailable(
    platform: FiscalPlatform, control: SandboxControl
) -> None:
    await control.fiscal_platform(open=False)
    with pytest.raises(ProviderUnavailable):
        await platform.issue(ORDER)
    await control.fiscal_platform(open=True)
    assert (await platform.issue(ORDER)).total_fen == 6000


async def test_the_doctor_hears_that_both_believe_each_other(door: Door, control: SandboxControl) -> None:
    health = ports.get(ports.HealthCheck, "fiscal")
    assert await health.check() == "the fiscal platform accepts our signature, and we its own"
    await control.be_hostile(sign_test=1.0)
    with pytest.raises(Exception, match="signature wrong"):
        await health.check()
