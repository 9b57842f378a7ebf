"""Without this module nobody could react to money. Amounts in fen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.facts import Fact


@dataclass(frozen=True)
class BillFact(Fact):
    """Something happened to a bill."""

    bill_id: UUID
    about: ClassVar[str] = "bill_id"


@dataclass(frozen=True)
class BillIssued(BillFact):
    pass


@dataclass(frozen=True)
class BillOpened(BillFact):
    """Somebody began to pay it."""


@dataclass(frozen=True)
class BillReleased(BillFact):
    """The order under way came to nothing; the bill waits again."""


@dataclass(frozen=True)
class BillPaid(BillFact):
    """The one success of a bill."""

    amount_fen: int


@dataclass(frozen=True)
class BillDueSoon(BillFact):
    """It waits to be paid and ends within a day."""


@dataclass(frozen=True)
class BillExpired(BillFact):
    """Not paid in time, and the provider has said so."""


@dataclass(frozen=True)
class BillReissued(BillFact):
    """An expired bill can be paid again until a new date."""


@dataclass(frozen=True)
class BillCancelled(BillFact):
    pass


@dataclass(frozen=True)
class BillWaived(BillFact):
    """An exemption took everything off: nothing is to be paid, and what waited for it goes on."""


@dataclass(frozen=True)
class BillReduced(BillFact):
    """An exemption took a part off."""

    by_fen: int


@dataclass(frozen=True)
class BillReceipted(BillFact):
    pass


@dataclass(frozen=True)
class BillUnreceipted(BillFact):
    """Its receipt was voided; another one may follow."""


@dataclass(frozen=True)
class BillPartlyRefunded(BillFact):
    amount_fen: int


@dataclass(frozen=True)
class BillFullyRefunded(BillFact):
    amount_fen: int


@dataclass(frozen=True)
class ExpiredBillPaid(BillFact):
    """Correction: late money for an expired bill whose purpose could be taken up again in the same transaction."""

    amount_fen: int


@dataclass(frozen=True)
class PartOfBillBounced(BillFact):
    """Correction: money said to be back came back from the bank; another part did reach the payer."""

    amount_fen: int


@dataclass(frozen=True)
class AllOfBillBounced(BillFact):
    """Correction: money said to be back came back from the bank; nothing of the bill has reached the payer."""

    amount_fen: int


@dataclass(frozen=True)
class PaymentFact(Fact):
    """Something happened to one order at a channel."""

    attempt_id: UUID
    about: ClassVar[str] = "attempt_id"


@dataclass(frozen=True)
class PaymentOpened(PaymentFact):
    pass


@dataclass(frozen=True)
class PaymentSucceeded(PaymentFact):
    amount_fen: int


@dataclass(frozen=True)
class PaymentClosed(PaymentFact):
    """The provider confirmed that the order can no longer be paid."""


@dataclass(frozen=True)
class SurplusReceived(PaymentFact):
    """Money came in that no bill was waiting for; it goes back by itself."""

    amount_fen: int


@dataclass(frozen=True)
class SurplusReturned(PaymentFact):
    amount_fen: int


@dataclass(frozen=True)
class SurplusBounced(PaymentFact):
    """Correction: surplus money said to be back came back from the bank."""

    amount_fen: int


@dataclass(frozen=True)
class ClosedPaymentSucceeded(PaymentFact):
    """Correction: an order we had closed was paid after all, and its bill still waited."""

    amount_fen: int


@dataclass(frozen=True)
class LateMoneyReceived(PaymentFact):
    """Correction: an order we had closed was paid after all, and nothing waited any more; it goes back by itself."""

    amount_fen: int


@dataclass(frozen=True)
class PaymentDisowned(PaymentFact):
    """Correction: the provider insists that another sum came than agreed, or came from somebody else; a person has it
    sent back.
    """

    amount_fen: int


@dataclass(frozen=True)
class RefundFact(Fact):
    """Something happened to one repayment."""

    refund_id: UUID
    about: ClassVar[str] = "refund_id"


@dataclass(frozen=True)
class RefundRequested(RefundFact):
    """Waits for a second pair of eyes."""


@dataclass(frozen=True)
class RefundApproved(RefundFact):
    """To be sent to the provider."""


@dataclass(frozen=True)
class RefundDeclined(RefundFact):
    pass


@dataclass(frozen=True)
class RefundSent(RefundFact):
    """The provider has it; the money is not back yet."""


@dataclass(frozen=True)
class RefundSucceeded(RefundFact):
    amount_fen: int


@dataclass(frozen=True)
class RefundAbnormal(RefundFact):
    """The provider could not bring the money back; somebody has to see to it."""


@dataclass(frozen=True)
class RefundClosed(RefundFact):
    """The provider gave the refund up; a new one needs a new number."""


@dataclass(frozen=True)
class RefundBounced(RefundFact):
    """Correction: a refund said to be back came back from the bank."""


@dataclass(frozen=True)
class ClosedRefundSucceeded(RefundFact):
    """Correction: a refund said to be given up reached the payer after all."""

    amount_fen: int


@dataclass(frozen=True)
class MoneyTaskOpened(Fact):
    """Something about money needs a person."""

    task_id: UUID
    about: ClassVar[str] = "task_id"


@dataclass(frozen=True)
class ReceiptIssued(Fact):
    receipt_id: UUID
    bill_id: UUID
    about: ClassVar[str] = "bill_id"


@dataclass(frozen=True)
class ReceiptVoided(Fact):
    receipt_id: UUID
    bill_id: UUID
    about: ClassVar[str] = "bill_id"
