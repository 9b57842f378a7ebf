"""The journey of a lost identity card, step by step; the test and `make demo` play the same steps."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from stdnum.iso7064 import mod_11_2

from app.identity.rules import Role
from app.kernel.clock import local, now
from integrations.sandbox.control import SandboxControl
from tests.people import AlipayPhone, Caller, Clerk, Phone, new_key, until

ITEM = "id-card-replace"
ITEM_NAME = "居民身份证丢失补领(损坏换领)"
HALL = "city-hall"
BUSINESS = "D"
FEE_FEN = 4000
BACK_FEN = 1000
FAR_AWAY = {"latitude": 30.5, "longitude": 104.25, "accuracyMetres": 20}
CARRIER = "ems"
_DIVISIONS = ("110101", "110102", "110105", "110106", "310101", "310104", "440103", "440104")

Step = Callable[["Journey"], Awaitable[str]]


@dataclass(frozen=True)
class Told:
    """One step: what happens, for the narrator."""

    title: str
    play: Step


class Journey:
    """Everybody who takes part, and what they hold in their hands."""

    def __init__(self, base_url: str, control: SandboxControl) -> None:
        self.base_url = base_url
        self.control = control
        self.phone: Phone
        self.window: Clerk
        self.held: dict[str, Any] = {}

    async def case(self) -> dict[str, Any]:
        case: dict[str, Any] = await self.phone.do("CaseDetail", id=self.held["case"])
        return case

    async def case_in(self, state: str) -> dict[str, Any]:
        """The case once it has reached a state; the worker may need a moment."""

        async def look() -> dict[str, Any] | None:
            case = await self.case()
            return case if case["state"] == state else None

        return await until(look, what=f"the case to be {state}")


def _new_id_number() -> str:
    """A well-formed number nobody has (sequence 000), another one each time: servers of one's own remember people."""
    born = date(1950, 1, 1) + timedelta(days=secrets.randbelow(20_000))
    body = f"{secrets.choice(_DIVISIONS)}{born:%Y%m%d}000"
    return body + mod_11_2.calc_check_digit(body)


async def sign_in(journey: Journey) -> str:
    person = await journey.control.make_phone(id_number=_new_id_number())
    journey.phone = Phone(journey.base_url, journey.control, person)
    signed_in = await journey.phone.sign_in()
    assert signed_in["resident"]["level"]["level"] == 1
    return f"recognised by WeChat as a new resident, {signed_in['resident']['level']['nameZh']}"


async def agree(journey: Journey) -> str:
    notice = await journey.phone.do("PrivacyNotice")
    await journey.phone.agree("PHONE", "FACE_CHECK")
    given = (await journey.phone.do("MyConsents"))["edges"]
    assert {edge["node"]["purpose"] for edge in given} == {"PHONE", "FACE_CHECK"}
    return f"read the privacy notice ({notice['version']}) and agreed to face verification and keeping the number"


async def leave_phone_number(journey: Journey) -> str:
    code = await journey.control.phone_code(journey.phone.person.openid)
    resident = await journey.phone.do("SetPhone", code=code)
    masked = resident["maskedPhone"]
    assert masked == journey.phone.person.mobile[:3] + "****" + journey.phone.person.mobile[-4:]
    return f"phone number {masked} is kept, sealed"


async def find_the_item(journey: Journey) -> str:
    found = await journey.phone.do("FindItems", search="身份证丢了")
    first = found["edges"][0]["node"]
    assert (first["key"], first["name"]) == (ITEM, ITEM_NAME)
    assert [fee["amountFen"] for fee in first["fees"]] == [FEE_FEN]
    guide = await journey.phone.do("Guide", key=ITEM)
    assert guide["statutoryLimit"]["text"] == "60日"
    assert guide["promisedLimit"]["text"] == "15个工作日"
    assert guide["visitCount"] == 1
    assert HALL in [point["key"] for point in guide["servicePoints"]]
    halls = len(guide["servicePoints"])
    return f"“身份证丢了” finds {first['name']}: 40.00 yuan, {guide['promisedLimit']['text']}, {halls} halls serve it"


async def apply_too_early(journey: Journey) -> str:
    refused = await journey.phone.do("Apply", itemKey=ITEM, idempotencyKey=new_key())
    assert refused["code"] == "ASSURANCE_TOO_LOW"
    return f"refused, and told the missing step: {refused['message']}"


async def prove_identity(journey: Journey) -> str:
    resident = await journey.phone.prove()
    assert resident["level"]["level"] == 4
    return f"{resident['maskedName']} {resident['maskedIdNumber']} is now {resident['level']['nameZh']}"


async def apply(journey: Journey) -> str:
    key = new_key()
    wanted = {
        "itemKey": ITEM,
        "idempotencyKey": key,
        "delivery": "POST",
        "address": journey.phone.address(),
    }
    case = await journey.phone.do("Apply", **wanted)
    assert case["state"] == "SUBMITTED", case
    again = await journey.phone.do("Apply", **wanted)
    assert again["id"] == case["id"]
    journey.held["case"] = case["id"]
    assert case["nextStep"]["code"] == "BOOK_VISIT"
    return f"case {case['number']} is filed (sent twice, filed once); next: {case['nextStep']['text']}"


async def arrive_from_alipay(journey: Journey) -> str:
    alipay = await AlipayPhone.of(journey.phone)
    stranger = (await alipay.sign_in())["resident"]
    left = await alipay.prove()
    assert left["id"] != stranger["id"]
    seen = await alipay.do("CaseDetail", id=journey.held["case"])
    await alipay.http.aclose()
    assert [binding["channel"] for binding in await journey.phone.do("MyBindings")] == ["wechat", "alipay"]
    return f"a face check there made one resident of two; case {seen['number']} is seen from Alipay too"


def _next_half_hour(moment: datetime) -> datetime:
    start = moment.replace(minute=0, second=0, microsecond=0)
    while start <= moment:
        start += timedelta(minutes=30)
    return start


async def book(journey: Journey) -> str:
    """A slot that begins within half an hour; outside opening hours the hall's manager opens an extra session."""
    starts_at = _next_half_hour(local(now()) + timedelta(seconds=20))
    slot, opened = await _slot_at(journey, starts_at), ""
    if slot is None:
        manager = await Clerk.of(journey.base_url, Role.DEPARTMENT_MANAGER)
        session = await manager.do(
            "OpenExtraSession",
            servicePoint=HALL,
            category=BUSINESS,
            opensAt=starts_at.isoformat(),
            closesAt=(starts_at + timedelta(minutes=30)).isoformat(),
            capacity=5,
        )
        await manager.http.aclose()
        assert session["__typename"] == "ExtraSession", session
        slot, opened = session["slots"][0], "; the hall is closed now, so its manager opened an extra session"
    items = [{"itemKey": ITEM, "caseId": journey.held["case"]}]
    held = await journey.phone.do("HoldPlaces", slotId=slot["id"], items=items, idempotencyKey=new_key())
    assert held["state"] == "HELD", held
    booking = await journey.phone.do("ConfirmBooking", id=held["id"])
    assert booking["state"] == "BOOKED", booking
    journey.held["booking"], journey.held["starts_at"] = booking["id"], starts_at
    place = booking["slot"]["servicePoint"]["name"]
    return f"{starts_at:%m-%d %H:%M} at {place}, held until it was confirmed{opened}"


async def _slot_at(journey: Journey, starts_at: datetime) -> dict[str, Any] | None:
    slots = await journey.phone.do("Slots", itemKey=ITEM, servicePoint=HALL, day=starts_at.date().isoformat())
    for slot in slots:
        if datetime.fromisoformat(slot["startsAt"]) == starts_at and slot["free"] > 0:
            found: dict[str, Any] = slot
            return found
    return None


async def check_in(journey: Journey) -> str:
    early = (journey.held["starts_at"] - timedelta(minutes=30) - now()).total_seconds()
    await asyncio.sleep(max(0.0, early))
    booking = journey.held["booking"]
    from_home = await journey.phone.do("CheckIn", bookingId=booking, **FAR_AWAY)
    assert from_home["code"] == "NOT_AT_THE_HALL", from_home
    code = await journey.phone.do("CheckInCode", bookingId=booking)
    scanned = await _scan_at_the_door(journey, code["text"])
    assert scanned["outcome"] == "ACCEPTED", scanned
    # The phone asks again, and is given the same number.
    ticket = await journey.phone.do("CheckIn", bookingId=booking)
    assert (ticket["code"], ticket["state"]) == (scanned["ticket"]["code"], "WAITING"), ticket
    journey.held["ticket"] = ticket["id"]
    return f"not from home; the code was scanned at the door: number {ticket['code']}, {ticket['ahead']} ahead"


async def _scan_at_the_door(journey: Journey, code: str) -> dict[str, Any]:
    """The administrator puts a scanner up, which reads one code."""
    administrator = await Clerk.of(journey.base_url, Role.SYSTEM_ADMINISTRATOR)
    made = await administrator.do("RegisterDevice", kind="SCANNER", servicePoint=HALL, name="东门扫码机")
    async with Caller(journey.base_url) as scanner:
        scanner.access = made["token"]
        scan = {"code": code, "scannedAt": now().isoformat(), "nonce": new_key()}
        taken = await scanner.do("CheckInByScan", scan=scan)
    await administrator.do("RevokeDevice", id=made["device"]["id"])
    await administrator.http.aclose()
    [answer] = taken["scans"]
    found: dict[str, Any] = answer
    return found


async def be_served(journey: Journey) -> str:
    journey.window = await Clerk.of(journey.base_url, Role.WINDOW_ACCEPTOR)
    window = await journey.window.do("OpenWindow", servicePoint=HALL, number=7, categories=[BUSINESS])
    assert window["__typename"] == "Window", window
    called = await journey.window.do("CallNext")
    while called["id"] != journey.held["ticket"]:  # somebody of an earlier day or run who never came
        await journey.window.do("PassTicket", ticketId=called["id"])
        called = await journey.window.do("CallNext")
    await journey.window.do("StartServing", ticketId=called["id"])
    accepted = await journey.window.do("AcceptCase", id=journey.held["case"])
    assert accepted["state"] == "ACCEPTED", accepted
    finished = await journey.window.do("FinishServing", ticketId=called["id"])
    assert finished["state"] == "DONE", finished
    await journey.window.do("CloseWindow")
    due = accepted["dueAt"][:10]
    return f"{called['code']} called to window {called['window']['number']}; the case is accepted, due {due}"


async def be_approved(journey: Journey) -> str:
    approver = await Clerk.of(journey.base_url, Role.APPROVER)
    approved = await approver.do("ApproveCase", id=journey.held["case"])
    await approver.http.aclose()
    assert (approved["state"], approved["decision"]) == ("PAYMENT_PENDING", "APPROVED"), approved
    return approved["stateText"]  # type: ignore[no-any-return]


async def get_the_bill(journey: Journey) -> str:
    async def look() -> dict[str, Any] | None:
        bill: dict[str, Any] | None = (await journey.case())["bill"]
        return bill

    bill = await until(look, what="the worker to make the bill")
    assert (bill["totalFen"], bill["state"]) == (FEE_FEN, "CREATED")
    journey.held["bill"] = bill["id"]
    return f"the worker made bill {bill['number']} over 40.00 yuan"


async def pay(journey: Journey) -> str:
    payable = await journey.phone.do("Pay", billId=journey.held["bill"], idempotencyKey=new_key())
    assert payable["__typename"] == "Payable", payable
    parameters = {entry["name"]: entry["value"] for entry in payable["parameters"]}
    assert parameters["signType"] == "RSA"
    answer = await journey.control.pay(journey.phone.person.openid, parameters)
    assert answer == "requestPayment:ok", answer
    case = await journey.case_in("RESULT_READY")
    assert case["bill"]["state"] in {"PAID", "RECEIPTED"}
    journey.held["order"] = payable["orderNo"]
    order = await journey.control.order(payable["orderNo"])
    assert (order.trade_state, order.total) == ("SUCCESS", FEE_FEN)
    return "paid in WeChat; the signed notice settled the bill and told the case"


async def get_the_receipt(journey: Journey) -> str:
    async def look() -> Any:
        receipt = (await journey.phone.do("BillReceipt", billId=journey.held["bill"]))["receipt"]
        return receipt if receipt and receipt["pdfUrl"] else None

    receipt = await until(look, what="the receipt")
    document = await journey.phone.http.get(receipt["pdfUrl"])
    assert (document.status_code, document.content[:5]) == (200, b"%PDF-"), document
    async with Caller(journey.base_url) as anybody:
        printed = {name: receipt[name] for name in ("code", "number", "checkCode")}
        seen = await anybody.do("VerifyReceipt", **printed)
        forged = await anybody.do("VerifyReceipt", **{**printed, "checkCode": "AAAAAA"})
    assert (seen["amountFen"], seen["state"], forged["__typename"]) == (FEE_FEN, "IN_FORCE", "Problem"), (seen, forged)
    return f"{receipt['kindText']} {receipt['code']} {receipt['number']}; anybody can check it by what is printed on it"


async def have_some_back(journey: Journey) -> str:
    """Ten of forty yuan were charged wrongly: the resident asks, another person of the unit agrees."""
    asked = {"billId": journey.held["bill"], "reason": "CHARGED_WRONGLY", "amountFen": BACK_FEN}
    wrong = await journey.phone.do(
        "RequestRefund", **asked, believedRefundableFen=FEE_FEN + 1, idempotencyKey=new_key()
    )
    assert wrong["code"] == "REFUNDABLE_DIFFERS", wrong
    refund = await journey.phone.do("RequestRefund", **asked, believedRefundableFen=FEE_FEN, idempotencyKey=new_key())
    assert refund["state"] == "REQUESTED", refund
    manager = await Clerk.of(journey.base_url, Role.DEPARTMENT_MANAGER)
    approved = await manager.do("ApproveRefund", id=refund["id"])
    await manager.http.aclose()
    assert approved["__typename"] == "Refund", approved

    async def look() -> bool:
        told = await journey.phone.do("BillRefunds", billId=journey.held["bill"])
        return bool(told["refundedFen"] == BACK_FEN)

    await until(look, what="the money to be back")
    back = (await journey.control.order(journey.held["order"])).refunds
    assert [(each["amount"]["refund"], each["status"]) for each in back] == [(BACK_FEN, "SUCCESS")], back
    return "ten yuan charged wrongly are asked for, agreed to by a second person, and back in WeChat"


async def ship(journey: Journey) -> str:
    issuer = await Clerk.of(journey.base_url, Role.ISSUER)
    label = await issuer.do("ShippingLabel", caseId=journey.held["case"])
    assert label["detail"] == journey.phone.address()["detail"], label
    number = f"11{journey.held['case'].replace('-', '').translate(str.maketrans('abcdef', '123456'))[-11:]}"
    parcel = await issuer.do("RegisterParcel", caseId=journey.held["case"], carrier=CARRIER, trackingNumber=number)
    await issuer.http.aclose()
    assert parcel["__typename"] == "Parcel", parcel
    journey.held["number"] = number

    async def look() -> bool:
        return bool((await journey.case())["parcel"]["watch"] == "WATCHED")

    await until(look, what="Kuaidi100 to watch the parcel")
    return f"{parcel['carrierName']} {number} is registered and watched through Kuaidi100"


async def follow_the_parcel(journey: Journey) -> str:
    for step in ("picked_up", "in_transit", "out_for_delivery"):
        await journey.control.scan(journey.held["number"], step)

    async def look() -> bool:
        return bool((await journey.case())["parcel"]["state"] == "OUT_FOR_DELIVERY")

    await until(look, what="the pushes to arrive")
    timeline = (await journey.case())["parcel"]["timeline"]
    assert [event["state"] for event in timeline] == ["OUT_FOR_DELIVERY", "IN_TRANSIT", "PICKED_UP"]
    return " ← ".join(event["text"] for event in timeline)


async def sign_for_it(journey: Journey) -> str:
    await journey.control.scan(journey.held["number"], "delivered")
    case = await journey.case_in("CLOSED")
    assert (case["parcel"]["state"], case["parcel"]["deliveredTo"]) == ("DELIVERED", "ADDRESSEE")
    return f"signed for; the case is {case['stateText']}"


async def look_back(journey: Journey) -> str:
    answer = await journey.phone.ask("MyAffairs")
    [edge] = answer["data"]["myCases"]["edges"]
    case = edge["node"]
    assert case["item"]["name"] == ITEM_NAME
    assert (case["state"], case["stateText"]) == ("CLOSED", "已办结")
    assert case["bill"]["state"] == "PARTIALLY_REFUNDED"
    assert case["booking"]["state"] == "SERVED"
    assert case["parcel"]["latestEvent"]["text"]
    assert case["nextStep"] == {"code": "NOTHING", "text": "无需操作"}
    return f"{case['item']['name']}: {case['stateText']}, {case['bill']['stateText']}, {case['parcel']['stateText']}"


async def leave(journey: Journey) -> str:
    tokens = await journey.phone.do("RefreshSession", refresh=journey.phone.refresh)
    await journey.phone.keep(tokens)
    sessions = await journey.phone.do("MySessions")
    assert {session["channel"]: session["current"] for session in sessions} == {"wechat": True, "alipay": False}
    for session in sessions:
        if not session["current"]:
            await journey.phone.do("RevokeSession", id=session["id"])
    await journey.phone.do("SignOut")
    refused = await journey.phone.do("RefreshSession", refresh=journey.phone.refresh)
    assert refused["code"] == "SESSION_ENDED"
    await journey.phone.http.aclose()
    await journey.window.http.aclose()
    return "both sessions were listed and ended; their tokens are worth nothing now"


STEPS = (
    Told("Open the mini-program", sign_in),
    Told("Read the privacy notice", agree),
    Told("Leave a phone number", leave_phone_number),
    Told("Find the item the way people ask", find_the_item),
    Told("Apply without a proven name", apply_too_early),
    Told("Prove one's name by face", prove_identity),
    Told("Apply", apply),
    Told("Open the portal in Alipay too", arrive_from_alipay),
    Told("Book a time at the hall", book),
    Told("Check in", check_in),
    Told("Be called and served", be_served),
    Told("Be approved", be_approved),
    Told("Get the bill", get_the_bill),
    Told("Pay the fee", pay),
    Told("Get the receipt", get_the_receipt),
    Told("Have some money back", have_some_back),
    Told("Have the card posted", ship),
    Told("Follow the parcel", follow_the_parcel),
    Told("Sign for it", sign_for_it),
    Told("Look back", look_back),
    Told("Leave", leave),
)
