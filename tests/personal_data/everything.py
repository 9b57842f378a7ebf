"""A resident who has used everything once: a row in every table that knows residents, and nothing still open."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from app.booking.models import Booking, BookingItem, CreditAppeal, CreditExemption, WaitingEntry
from app.booking.rules import AppealState, BookingState, WaitingState
from app.cases.models import Case, CaseEvent
from app.cases.rules import CaseState, Decision, DeliveryMethod
from app.catalogue.queries import item_in_force
from app.delivery.models import Parcel, ParcelCase, ParcelEvent
from app.delivery.ports import DeliveredTo, ParcelState
from app.delivery.rules import Watch
from app.identity.models import ChannelBinding, Consent, IdentityProof, ProofState, Resident, Session
from app.identity.rules import Level, Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.inbox.requests import AnsweredRequest
from app.kernel.privacy import blind_index, seal
from app.messages.models import Message, MessageAttempt, MessageTemplate, Subscription
from app.messages.words import AttemptState as MessageAttemptState
from app.messages.words import MessageState, SubscriptionKind
from app.payments.models import Bill, PaymentAttempt
from app.payments.states import AttemptState, BillState
from app.profiles.models import PostalAddress, Preferences
from app.profiles.rules import Address
from app.queueing.models import Ticket
from app.queueing.rules import TicketState
from app.representation.models import LegalPerson, Mandate, RepresentationClaim
from app.representation.rules import Basis, ClaimState, MandateState
from app.texts.models import TextCheck
from app.texts.ports import Concern
from app.texts.rules import TextKind, TextStanding
from tests.booking.places import make_slot
from tests.cases.filing import CARD
from tests.identity.accounts import make_staff

NAME, NUMBER, PHONE = "测试居民甲", "110101199003070000", "13000005678"
ADDRESS = Address("测试收件人乙", "13000009876", "990102", "云澜市澄江区人民路99号(虚构)")
AGENT = "测试代办人丙"


def unique() -> str:
    return db.new_id().hex


@dataclass(frozen=True)
class Used:
    """The resident, and the index by which mandates name them as an agent."""

    actor: Actor
    index: str

    @property
    def id(self) -> UUID:
        return self.actor.own_id()


async def make_account(level: Level = Level.L4) -> Used:
    """Somebody proven, with a phone, and nothing else."""
    index = blind_index("resident.id_number", unique())
    row = await Resident.create(
        level=level,
        language="en",
        name_sealed=seal(NAME),
        id_number_sealed=seal(NUMBER),
        id_number_index=index,
        phone_sealed=seal(PHONE),
        phone_index=blind_index("resident.phone", PHONE),
        created_at=clock.now(),
    )
    return Used(Actor(ActorKind.RESIDENT, row.id), index)


async def make_user_of_everything() -> Used:
    used = await make_account()
    await _sign_in(used)
    await _settle_in(used)
    await _act_for_others(used)
    await _have_a_case(used)
    return used


async def _sign_in(used: Used) -> None:
    now = clock.now()
    binding = await ChannelBinding.create(
        resident_id=used.id, channel="wechat", app_id="wx-test", open_id=unique(), bound_at=now
    )
    session = await Session.create(
        resident_id=used.id, binding_id=binding.id, channel="wechat", device="测试手机", address="203.0.113.7",
        refresh_hash=unique(), created_at=now, refreshed_at=now, expires_at=now + timedelta(days=30),
    )  # fmt: skip
    await _be_told(used, binding)
    await IdentityProof.create(
        resident_id=used.id, method="wechat-face", reference=unique(), open_id=binding.open_id, session_id=session.id,
        level=4, name_sealed=seal(NAME), id_number_sealed=seal(NUMBER), state=ProofState.PASSED,
        started_at=now, finished_at=now, expires_at=now + timedelta(minutes=30),
    )  # fmt: skip
    await Consent.create(resident_id=used.id, purpose="PHONE", version="2026-01", given_at=now)
    await AnsweredRequest.create(owner=used.id, key=unique(), body_hash="0" * 64, created_at=now)


async def _settle_in(used: Used) -> None:
    now = clock.now()
    await PostalAddress.create(
        resident_id=used.id, label="家", receiver_sealed=seal(ADDRESS.receiver), phone_sealed=seal(ADDRESS.phone),
        division_code=ADDRESS.division_code, detail_sealed=seal(ADDRESS.detail), preferred=True,
        created_at=now, changed_at=now,
    )  # fmt: skip
    await Preferences.create(resident_id=used.id, large_type=True, muted=["BOOKING"], changed_at=now)


async def _be_told(used: Used, binding: ChannelBinding) -> None:
    """A message that was sent, and an accept that is left."""
    now = clock.now()
    words = await MessageTemplate.filter(key="slot-booked", channel="inbox", language="en").get()
    message = await Message.create(
        resident_id=used.id, key=words.key, subject="booking:x", once_key=unique(), language="en", words={},
        template_id=words.id, title="Your visit is booked", body="Tomorrow.", not_before=now, state=MessageState.SENT,
        made_at=now,
    )  # fmt: skip
    await MessageAttempt.create(
        message_id=message.id, channel="wechat", template_id=words.id, state=MessageAttemptState.SENT, tried_at=now
    )
    await Subscription.create(
        binding_id=binding.id, provider_template=unique(), kind=SubscriptionKind.ONE_TIME, balance=1, changed_at=now
    )


async def make_mandate(principal: UUID, agent_index: str, basis: Basis = Basis.PROXY, **other: Any) -> Mandate:
    terms: dict[str, Any] = {
        "principal_id": principal,
        "agent_index": agent_index,
        "agent_name_sealed": seal(AGENT),
        "basis": basis,
        "state": MandateState.IN_FORCE,
        "valid_from": clock.now(),
        "granted_by": f"resident:{principal}",
        "granted_at": clock.now(),
        **other,
    }
    return await Mandate.create(**terms)


async def make_company(name: str = "云澜测试有限公司") -> LegalPerson:
    account = await Resident.create(kind="LEGAL", created_at=clock.now())
    code = unique()[:18].upper()
    return await LegalPerson.create(account_id=account.id, credit_code=code, name=name, registered_at=clock.now())


async def _act_for_others(used: Used) -> None:
    """A mandate given, one acted under, a claim that waits for a window."""
    await make_mandate(used.id, unique())
    await make_mandate((await make_account()).id, used.index)
    await RepresentationClaim.create(
        claimant_id=used.id, basis=Basis.GUARDIAN, subject_index=unique(), name_sealed=seal("测试孩子丁"),
        number_sealed=seal(NUMBER), state=ClaimState.PENDING, made_at=clock.now(),
    )  # fmt: skip


async def make_case(resident_id: UUID, state: CaseState, *, item: str = CARD, **other: Any) -> Case:
    row = await item_in_force(item)
    filed: dict[str, Any] = {
        "number": f"T{unique()}",
        "resident_id": resident_id,
        "item_id": row.id,
        "item_key": item,
        "state": state,
        "fees": [],
        "delivery_method": DeliveryMethod.COLLECT,
        "submitted_at": clock.now(),
        **other,
    }
    return await Case.create(**filed)


async def _wait_and_explain(used: Used, booking: Booking) -> None:
    """A place in a waiting line, an appeal that was refused, an exemption."""
    now, today = clock.now(), clock.today()
    await WaitingEntry.create(
        resident_id=used.id, category="D", item_key=CARD, items=[{"item_key": CARD, "case_id": None}], party=1,
        service_points=["city-hall"], days_from=today, days_until=today, state=WaitingState.WAITING, joined_at=now,
    )  # fmt: skip
    clerk = await make_staff(Role.DEPARTMENT_MANAGER)
    check = await TextCheck.create(
        kind=TextKind.APPEAL_GROUNDS, resident_id=used.id, division_code="990102", standing=TextStanding.REVIEW,
        concern=Concern.UNANSWERED, provider="wechat", text_sealed=seal(f"{NAME}当天住院"), checked_at=now,
    )  # fmt: skip
    await CreditAppeal.create(
        booking_id=booking.id, resident_id=used.id, grounds_sealed=seal(f"{NAME}当天住院"), grounds_check_id=check.id,
        state=AppealState.REFUSED, made_at=now, answer="材料不足", decided_by_id=clerk.id, decided_at=now,
    )  # fmt: skip
    await CreditExemption.create(
        resident_id=used.id, ground="DISABLED", granted_by_id=clerk.id, granted_at=now, valid_until=today
    )


async def _have_a_case(used: Used) -> None:
    """Filed, visited, paid, posted, signed for."""
    now = clock.now()
    sealed = seal(orjson.dumps(asdict(ADDRESS)).decode())
    case = await make_case(
        used.id, CaseState.CLOSED, decision=Decision.APPROVED, closed_at=now,
        delivery_method=DeliveryMethod.POST, delivery_address_sealed=sealed,
    )  # fmt: skip
    await CaseEvent.create(case_id=case.id, at=now, verb="submit", state=CaseState.SUBMITTED, actor="resident:x")
    bill = await Bill.create(
        number=unique(), case_id=case.id, resident_id=used.id, collecting_unit="u", description="工本费", lines=[],
        total_fen=4000, state=BillState.PAID, issued_at=now, due_at=now, paid_at=now,
    )  # fmt: skip
    await PaymentAttempt.create(
        bill_id=bill.id, channel="wechat", order_no=unique(), amount_fen=4000, description="工本费",
        payer_id=used.id, payer_open_id="open", state=AttemptState.SUCCEEDED, opened_at=now, expires_at=now,
        paid_at=now,
    )  # fmt: skip
    slot = await make_slot(3)
    booking = await Booking.create(
        resident_id=used.id, slot_id=slot.id, slots=[slot.id], item_key=CARD, day=slot.day, until=slot.ends_at,
        state=BookingState.SERVED, booked_at=now, ended_at=now, home_sealed=sealed,
    )  # fmt: skip
    await BookingItem.create(
        booking_id=booking.id, resident_id=used.id, item_key=CARD, day=slot.day, case_id=case.id, live=False
    )
    await _wait_and_explain(used, booking)
    await Ticket.create(
        service_point_id="city-hall", day=slot.day, category="D", code=unique()[-8:], resident_id=used.id,
        booking_id=booking.id, slot_starts_at=slot.starts_at, state=TicketState.DONE, taken_at=now,
    )  # fmt: skip
    parcel = await Parcel.create(
        carrier="ems", carrier_name="EMS", tracking_number=unique(), tracker="kuaidi100", watch=Watch.ENDED,
        sender_sealed=sealed, receiver_sealed=sealed, courier_sealed=sealed, phone_tail="9876",
        state=ParcelState.DELIVERED,
        delivered_to=DeliveredTo.ADDRESSEE, state_at=now, registered_at=now, heard_at=now,
    )  # fmt: skip
    await ParcelCase.create(parcel_id=parcel.id, case_id=case.id)
    await ParcelEvent.create(
        parcel_id=parcel.id, key=unique(), at=now, rank=1, text=f"已签收,{ADDRESS.receiver}", place="云澜",
        raw_code="3", received_at=now,
    )  # fmt: skip
