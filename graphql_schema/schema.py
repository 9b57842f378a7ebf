"""Without this module the domains' fields would not add up to one schema."""

from __future__ import annotations

from datetime import date, datetime

import strawberry
from graphql import GraphQLError, lexicographic_sort_schema, print_schema
from strawberry.extensions import DisableValidation, ParserCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from app.kernel.settings import get_settings
from graphql_schema.booking.closing import ClosingMutation, ClosingQuery
from graphql_schema.booking.credit import CreditMutation, CreditQuery
from graphql_schema.booking.desk import DeskMutation, DeskQuery
from graphql_schema.booking.mutations import BookingMutation
from graphql_schema.booking.opening import OpeningMutation, OpeningQuery
from graphql_schema.booking.queries import BookingQuery
from graphql_schema.booking.waiting_list import WaitingListMutation, WaitingListQuery
from graphql_schema.booking.waiting_room import WaitingRoomMutation, WaitingRoomQuery
from graphql_schema.cases.mutations import CasesMutation
from graphql_schema.cases.queries import CasesQuery
from graphql_schema.catalogue.queries import CatalogueQuery
from graphql_schema.delivery.couriers import CourierMutation, CourierQuery
from graphql_schema.delivery.desk import PostingMutation, PostingQuery
from graphql_schema.delivery.mutations import DeliveryMutation
from graphql_schema.delivery.queries import DeliveryQuery
from graphql_schema.devices.mutations import DevicesMutation
from graphql_schema.devices.queries import DevicesQuery
from graphql_schema.identity.consents import ConsentMutation, ConsentQuery
from graphql_schema.identity.mutations import IdentityMutation
from graphql_schema.identity.phones import PhoneMutation
from graphql_schema.identity.queries import IdentityQuery
from graphql_schema.identity.sessions import SessionMutation, SessionQuery
from graphql_schema.links.queries import LinksQuery
from graphql_schema.live.subscriptions import LiveSubscription
from graphql_schema.messages.mutations import MessagesMutation
from graphql_schema.messages.queries import MessagesQuery
from graphql_schema.messages.template_entries import TemplatesMutation, TemplatesQuery
from graphql_schema.payments.desk import CashierMutation, CashierQuery
from graphql_schema.payments.mutations import PaymentsMutation
from graphql_schema.payments.queries import PaymentsQuery
from graphql_schema.payments.receipt_entries import ReceiptsMutation, ReceiptsQuery
from graphql_schema.payments.reconciliation_entries import ReconciliationMutation, ReconciliationQuery
from graphql_schema.payments.refund_mutations import RefundsMutation
from graphql_schema.payments.refund_queries import RefundsQuery
from graphql_schema.payments.task_entries import MoneyTasksMutation, MoneyTasksQuery
from graphql_schema.personal.mutations import PersonalMutation
from graphql_schema.personal.queries import PersonalQuery
from graphql_schema.profiles.mutations import ProfilesMutation
from graphql_schema.profiles.queries import ProfilesQuery
from graphql_schema.queueing.arriving import ArrivingMutation, ArrivingQuery
from graphql_schema.queueing.boards import BoardsQuery
from graphql_schema.queueing.figures import FiguresQuery
from graphql_schema.queueing.mutations import QueueingMutation
from graphql_schema.queueing.queries import QueueingQuery
from graphql_schema.queueing.taking import TakingMutation
from graphql_schema.representation.mutations import RepresentationMutation
from graphql_schema.representation.queries import RepresentationQuery
from graphql_schema.scalars import DAY, FEN_SUM, MOMENT, FenSum
from graphql_schema.staffing.mutations import StaffingMutation
from graphql_schema.staffing.queries import StaffingQuery
from graphql_schema.texts.entries import TextsMutation, TextsQuery


@strawberry.type
class Query(
    IdentityQuery,
    RepresentationQuery,
    StaffingQuery,
    DevicesQuery,
    SessionQuery,
    ConsentQuery,
    ProfilesQuery,
    CatalogueQuery,
    CasesQuery,
    BookingQuery,
    OpeningQuery,
    ClosingQuery,
    WaitingListQuery,
    CreditQuery,
    DeskQuery,
    WaitingRoomQuery,
    QueueingQuery,
    ArrivingQuery,
    BoardsQuery,
    FiguresQuery,
    PaymentsQuery,
    ReconciliationQuery,
    MoneyTasksQuery,
    RefundsQuery,
    ReceiptsQuery,
    CashierQuery,
    DeliveryQuery,
    CourierQuery,
    PostingQuery,
    LinksQuery,
    MessagesQuery,
    TemplatesQuery,
    TextsQuery,
    PersonalQuery,
):
    """Everything that can be asked."""


@strawberry.type
class Mutation(
    IdentityMutation,
    RepresentationMutation,
    StaffingMutation,
    DevicesMutation,
    SessionMutation,
    ConsentMutation,
    PhoneMutation,
    ProfilesMutation,
    CasesMutation,
    BookingMutation,
    OpeningMutation,
    ClosingMutation,
    WaitingListMutation,
    CreditMutation,
    DeskMutation,
    WaitingRoomMutation,
    QueueingMutation,
    TakingMutation,
    ArrivingMutation,
    PaymentsMutation,
    ReconciliationMutation,
    MoneyTasksMutation,
    RefundsMutation,
    ReceiptsMutation,
    CashierMutation,
    DeliveryMutation,
    CourierMutation,
    PostingMutation,
    MessagesMutation,
    TemplatesMutation,
    TextsMutation,
    PersonalMutation,
):
    """Everything that can be done; each answers `Thing | Problem`."""


@strawberry.type
class Subscription(LiveSubscription):
    """Everything that is told as it happens, over a socket to `/graphql` by `graphql-transport-ws`."""


class PortalSchema(strawberry.Schema):
    """Strawberry's schema without its error log: the endpoint tells refusals and bugs apart."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave the errors to the endpoint."""


# The endpoint validates a document once and remembers it; validating at every execution costs milliseconds.
schema = PortalSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    extensions=[DisableValidation, lambda: ParserCache(maxsize=500)],
    config=StrawberryConfig(
        scalar_map={datetime: MOMENT, date: DAY, FenSum: FEN_SUM},
        disable_field_suggestions=get_settings().in_production,
    ),
)


def printed() -> str:
    """The schema as text, sorted, for `schema.graphql`.

    Sorted here and not by Strawberry: its `sort_schema` copies the types, and unions then refuse the originals.
    """
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"  # noqa: SLF001 - there is no public handle
