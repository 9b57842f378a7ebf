"""A ticket names one thing of one kind, fits where it has to, and cannot be made or changed by others."""

from __future__ import annotations

import base64
import re
from uuid import UUID

import pytest

from app.links.errors import LinkInvalid
from app.links.things import LinkKind, Thing
from app.links.tickets import LINK_VALUES, code_of, link_to, link_values, read_ticket, ticket_of
from tests.portal import environment

ID = UUID("01998a3c-7a00-7000-8000-00000000abcd")
THING = Thing(LinkKind.CASE, ID)
IN_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")


@pytest.mark.parametrize("kind", LinkKind)
def test_a_ticket_is_read_back_and_fits_into_a_scene(kind: LinkKind) -> None:
    for thing_id in (ID, UUID(int=0), UUID(int=2**128 - 1)):
        ticket = ticket_of(Thing(kind, thing_id))
        assert len(ticket) == 32
        assert IN_SCENE.fullmatch(ticket)
        assert read_ticket(ticket) == Thing(kind, thing_id)


def test_the_mark_of_a_kind_stays_what_it_is_in_messages_people_keep() -> None:
    marks = {kind.value: base64.urlsafe_b64decode(ticket_of(Thing(kind, ID)))[0] for kind in LinkKind}
    assert marks == {"CASE": 1, "BOOKING": 2, "TICKET": 3, "BILL": 4, "PARCEL": 5}


def test_no_bit_of_a_ticket_can_be_changed() -> None:
    raw = base64.urlsafe_b64decode(ticket_of(THING))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LinkInvalid):
            read_ticket(base64.urlsafe_b64encode(changed).decode())


def test_a_ticket_of_one_kind_is_none_of_another() -> None:
    raw = base64.urlsafe_b64decode(ticket_of(THING))
    for mark in {*range(256)} - {1}:
        with pytest.raises(LinkInvalid):
            read_ticket(base64.urlsafe_b64encode(bytes([mark]) + raw[1:]).decode())


def test_what_is_not_whole_is_refused_alike() -> None:
    whole = ticket_of(THING)
    spoiled = [
        "",
        whole[:-1],
        whole[:-4],
        f"{whole}A",
        f"{whole}====",
        f"!{whole}",
        f"{whole[:31]}字",
        f"{whole[:31]} ",
    ]
    padded = [f"{whole[:16]}!!!!{whole[16:]}"[:32], f"{whole[:28]}AA==", "A" * 32, "%2e" * 10 + "..", str(ID)[:32]]
    for ticket in spoiled + padded:
        with pytest.raises(LinkInvalid):
            read_ticket(ticket)


def test_a_ticket_can_be_written_in_one_way_only() -> None:
    """Base64 readers take `+` for `-` and `/` for `_`."""
    both = [ticket_of(Thing(LinkKind.CASE, UUID(int=number))) for number in range(200)]
    for ticket in both:
        other = ticket.replace("-", "+").replace("_", "/")
        if other != ticket:
            with pytest.raises(LinkInvalid):
                read_ticket(other)
    assert any("-" in ticket or "_" in ticket for ticket in both)


def test_a_ticket_made_with_another_secret_is_worth_nothing() -> None:
    ticket = ticket_of(THING)
    with environment({"PORTAL_SECRET_KEY": "another secret of at least 32 characters"}):
        other = ticket_of(THING)
        with pytest.raises(LinkInvalid):
            read_ticket(ticket)
    assert other != ticket
    assert read_ticket(ticket) == THING


def test_addresses_are_ours_whatever_ends_the_public_url() -> None:
    with environment({"PORTAL_PUBLIC_URL": "https://portal.example/"}):
        ticket = ticket_of(THING)
        assert link_to(THING) == f"https://portal.example/l/{ticket}"
        assert code_of(THING) == f"https://portal.example/l/{ticket}/code"
        assert link_values(THING) == {"link": link_to(THING), "link_ticket": ticket}
        examples = link_values(None)
        assert {name: len(text) for name, text in examples.items()} == {
            name: len(text) for name, text in link_values(THING).items()
        }
        assert set(examples) == LINK_VALUES


def test_every_kind_has_a_page_and_a_subject() -> None:
    assert {kind.value: Thing(kind, ID).page for kind in LinkKind} == {
        "CASE": f"pages/case/detail?id={ID}",
        "BOOKING": f"pages/booking/detail?id={ID}",
        "TICKET": f"pages/ticket/detail?id={ID}",
        "BILL": f"pages/bill/detail?id={ID}",
        "PARCEL": f"pages/parcel/detail?id={ID}",
    }
    assert Thing(LinkKind.BOOKING, ID).subject == f"booking:{ID}"
