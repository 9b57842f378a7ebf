from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

import pytest

from app.kernel import ports
from app.kernel.actor import ANONYMOUS, SYSTEM, Actor, ActorKind, provider_actor
from app.kernel.errors import NotAllowed, NotSignedIn

ID = UUID("01890000-0000-7000-8000-000000000001")


class Bell(Protocol):
    def ring(self) -> str: ...


class Brass:
    def ring(self) -> str:
        return "ding"


class Tin:
    def ring(self) -> str:
        return "clank"


@pytest.fixture(autouse=True)
def no_bells() -> Iterator[None]:
    yield
    ports._adapters.pop(Bell, None)


def test_an_adapter_is_found_by_its_port_and_code() -> None:
    ports.register(Bell, "brass", Brass())
    ports.register(Bell, "tin", Tin())
    assert ports.get(Bell, "tin").ring() == "clank"
    assert list(ports.every(Bell)) == ["brass", "tin"]


def test_a_later_adapter_of_the_same_code_takes_its_place() -> None:
    ports.register(Bell, "tin", Brass())
    ports.register(Bell, "tin", Tin())
    assert ports.get(Bell, "tin").ring() == "clank"


def test_who_is_not_switched_on_is_not_there() -> None:
    assert ports.every(Bell) == {}
    with pytest.raises(ports.NoSuchAdapter, match="no Bell is called 'gold'"):
        ports.get(Bell, "gold")


def test_the_list_of_adapters_cannot_be_changed_by_its_reader() -> None:
    with pytest.raises(TypeError):
        ports.every(Bell)["gold"] = Brass()  # type: ignore[index]


def test_only_a_resident_has_a_residents_id() -> None:
    assert Actor(ActorKind.RESIDENT, ID).resident_id() == ID
    for other in (ANONYMOUS, SYSTEM, provider_actor("wechat"), Actor(ActorKind.STAFF, ID)):
        with pytest.raises(NotSignedIn):
            other.resident_id()


def test_staff_need_one_of_the_roles_asked_for() -> None:
    clerk = Actor(ActorKind.STAFF, ID, roles=frozenset({"ISSUER"}))
    assert clerk.staff_id() == clerk.staff_id("ISSUER") == clerk.staff_id("APPROVER", "ISSUER") == ID
    with pytest.raises(NotAllowed):
        clerk.staff_id("APPROVER")
    with pytest.raises(NotSignedIn):
        Actor(ActorKind.RESIDENT, ID, roles=frozenset({"ISSUER"})).staff_id("ISSUER")


@pytest.mark.parametrize(
    ("actor", "reference"),
    [
        (ANONYMOUS, "anonymous:-"),
        (SYSTEM, "system:portal"),
        (provider_actor("wechat"), "provider:wechat"),
        (Actor(ActorKind.RESIDENT, ID, name="张三"), f"resident:{ID}"),
    ],
)
def test_histories_name_an_actor_without_personal_data(actor: Actor, reference: str) -> None:
    assert actor.reference == reference
