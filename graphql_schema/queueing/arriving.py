"""Without this module nobody could say that they are here, and no scanner at the door would know whom to let in."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated

import strawberry
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.booking import door
from app.booking.check_in_codes import TOLERANCE
from app.booking.nearness import Where
from app.identity.models import DeviceKind
from app.identity.rules import Role
from app.queueing import arriving, scanning
from app.queueing.scan_rules import ClockWarning, Scanned, ScanOutcome
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, devices, lookup, mutation, query, staff
from graphql_schema.problems import Problem
from graphql_schema.queueing.types import Ticket, TicketResult
from graphql_schema.scalars import as_key, as_uuid

strawberry.enum(ScanOutcome, description="What became of a scan.")
strawberry.enum(ClockWarning, description="What a scanner is told of its own clock.")


@strawberry.type(description="取号码 · A signed code that opens the hall's door around the beginning of the slot.")
class CheckInCode:
    text: str
    picture: str = strawberry.field(description="The QR code, as the data URI of an SVG.")
    valid_from: datetime
    valid_until: datetime

    @classmethod
    def of(cls, code: door.ShownCode) -> CheckInCode:
        return cls(text=code.text, picture=code.picture, valid_from=code.valid_from, valid_until=code.valid_until)


@strawberry.type(description="到场 · Who came with an identity card, and the numbers of today's bookings.")
class Arrival:
    masked_name: str
    tickets: list[Ticket]

    @classmethod
    def of(cls, arrival: arriving.Arrival) -> Arrival:
        return cls(masked_name=arrival.masked_name, tickets=[Ticket.of(row) for row in arrival.tickets])


@strawberry.type(description="验签公钥 · An Ed25519 public key (RFC 8032), 32 bytes in base64.")
class ScannerKey:
    id: int = strawberry.field(description="The month of the visits it is for, as 202611.")
    public_key: str


@strawberry.type(description="作废预约 · A booking whose older codes must not pass.")
class RevokedBooking:
    booking_id: strawberry.ID
    from_serial: int = strawberry.field(description="Codes with at least this serial are good again.")


@strawberry.type(description="离线验码资料 · What a scanner takes along into a time without network.")
class ScannerBundle:
    service_point: str
    server_time: datetime
    tolerance_seconds: int = strawberry.field(description="How far its clock, set by ours, may still be off.")
    keys: list[ScannerKey]
    revoked: list[RevokedBooking]

    @classmethod
    def of(cls, bundle: door.Bundle) -> ScannerBundle:
        return cls(
            service_point=bundle.service_point,
            server_time=bundle.server_time,
            tolerance_seconds=int(TOLERANCE.total_seconds()),
            keys=[
                ScannerKey(
                    id=month,
                    public_key=base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode(),
                )
                for month, key in bundle.keys.items()
            ],
            revoked=[
                RevokedBooking(booking_id=strawberry.ID(str(booking)), from_serial=serial)
                for booking, serial in bundle.revoked.items()
            ],
        )


@strawberry.input(description="扫码 · A code, when it was scanned by the scanner's clock, and the scan's own name.")
class ScanInput:
    code: str
    scanned_at: datetime
    nonce: str

    def scanned(self) -> Scanned:
        return Scanned(self.code, self.scanned_at, self.nonce)


@strawberry.type(description="扫码结果 · What became of a scan.")
class ScanAnswer:
    nonce: str
    outcome: ScanOutcome
    scanned_at: datetime = strawberry.field(description="When it was scanned, by our clock.")
    ticket: Ticket | None = strawberry.field(description="The number, when the scan was accepted now or before.")

    @classmethod
    def of(cls, told: scanning.Told) -> ScanAnswer:
        return cls(
            nonce=told.nonce,
            outcome=told.outcome,
            scanned_at=told.scanned_at,
            ticket=Ticket.of(told.ticket) if told.ticket else None,
        )


@strawberry.type(description="同步结果 · What became of all scans, in the order they were sent.")
class ScansTaken:
    server_time: datetime
    skew_seconds: int = strawberry.field(description="How far the scanner's clock is ahead; negative when behind.")
    warning: ClockWarning | None = strawberry.field(description="When the clock is off by more than five minutes.")
    scans: list[ScanAnswer]

    @classmethod
    def of(cls, synced: scanning.Synced) -> ScansTaken:
        return cls(
            server_time=synced.server_time,
            skew_seconds=int(synced.skew.total_seconds()),
            warning=synced.warning,
            scans=[ScanAnswer.of(told) for told in synced.scans],
        )


CheckInCodeResult = Annotated[CheckInCode | Problem, strawberry.union("CheckInCodeResult")]
ArrivalResult = Annotated[Arrival | Problem, strawberry.union("ArrivalResult")]
ScansTakenResult = Annotated[ScansTaken | Problem, strawberry.union("ScansTakenResult")]


@strawberry.type
class ArrivingQuery:
    @lookup(RESIDENTS, "取号码 · A code for one's own visit, to be shown at the door.")
    async def check_in_code(self, info: Info, booking_id: strawberry.ID) -> CheckInCodeResult:
        return CheckInCode.of(await door.check_in_code(info.context.actor, as_uuid(booking_id)))

    @query(devices(DeviceKind.SCANNER), "离线验码资料 · Keys and revoked bookings for a scanner's own place.")
    async def scanner_bundle(self, info: Info) -> ScannerBundle:
        return ScannerBundle.of(await door.scanner_bundle(info.context.actor))


@strawberry.type
class ArrivingMutation:
    @mutation(RESIDENTS, "到场取号 · Check in with a phone at the hall, around the beginning of the slot.")
    async def check_in(
        self,
        info: Info,
        booking_id: strawberry.ID,
        latitude: float | None = None,
        longitude: float | None = None,
        accuracy_metres: float | None = None,
    ) -> TicketResult:
        where = None
        if latitude is not None and longitude is not None and accuracy_metres is not None:
            where = Where(latitude, longitude, accuracy_metres)
        return Ticket.of(await arriving.check_in(info.context.actor, as_uuid(booking_id), where))

    @mutation(staff(Role.WINDOW_ACCEPTOR), "凭证取号 · Check in who shows an identity card at the desk.")
    async def check_in_at_desk(self, info: Info, service_point: str, id_number: str) -> ArrivalResult:
        return Arrival.of(await arriving.check_in_at_desk(info.context.actor, as_key(service_point), id_number))

    @mutation(devices(DeviceKind.KIOSK), "自助取号 · Check in whose identity card a kiosk has read.")
    async def check_in_at_kiosk(self, info: Info, id_number: str, name: str) -> ArrivalResult:
        return Arrival.of(await arriving.check_in_at_kiosk(info.context.actor, id_number, name))

    @mutation(devices(DeviceKind.SCANNER), "扫码取号 · Check in who shows a code at the door now.")
    async def check_in_by_scan(self, info: Info, scan: ScanInput) -> ScansTakenResult:
        return ScansTaken.of(await scanning.check_in_by_scan(info.context.actor, scan.scanned()))

    @mutation(devices(DeviceKind.SCANNER), "补传扫码 · Send what was scanned without network, at most 200 at once.")
    async def sync_scans(self, info: Info, sent_at: datetime, scans: list[ScanInput]) -> ScansTakenResult:
        return ScansTaken.of(await scanning.sync_scans(info.context.actor, sent_at, [scan.scanned() for scan in scans]))
