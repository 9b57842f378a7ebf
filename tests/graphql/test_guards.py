from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from graphql import (
    FieldNode,
    OperationDefinitionNode,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    parse,
    type_from_ast,
)

from app.identity.models import DeviceKind
from app.identity.rules import Role
from app.kernel.actor import ActorKind
from graphql_schema.guards import Audience
from graphql_schema.schema import schema
from tests.architecture.test_schema import entries, guards_of
from tests.documents import POSTED
from tests.http.stage import apply
from tests.identity.accounts import make_device
from tests.people import Caller
from tests.portal import Portal

GRAPH = schema._schema
PLAIN: dict[str, Any] = {
    "Int": 1,
    "FenSum": 1,
    "Float": 1.5,
    "Boolean": True,
    "Date": "2026-02-14",
    "DateTime": "2026-02-14T09:00:00+08:00",
}


@cache
def operation_of(path: Path) -> OperationDefinitionNode:
    [operation] = [node for node in parse(path.read_text()).definitions if isinstance(node, OperationDefinitionNode)]
    return operation


def audiences_of(path: Path) -> list[Audience]:
    operation, known = operation_of(path), dict(entries())
    root = operation.operation.value.capitalize()
    fields = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    return [guards_of(known[f"{root}.{field.name.value}"])[0].audience for field in fields]


def some_value(kind: Any) -> Any:
    if is_non_null_type(kind):
        return some_value(kind.of_type)
    if is_list_type(kind):
        return [some_value(kind.of_type)]
    if is_enum_type(kind):
        return next(iter(kind.values))
    if is_input_object_type(kind):
        return {name: some_value(field.type) for name, field in kind.fields.items()}
    return PLAIN.get(get_named_type(kind).name, str(uuid4()))


def some_variables(path: Path) -> dict[str, Any]:
    """Values of the right types that mean nothing."""
    declared = operation_of(path).variable_definitions or ()
    return {node.variable.name.value: some_value(type_from_ast(GRAPH, node.type)) for node in declared}


def codes_of(answer: dict[str, Any]) -> set[str]:
    """Codes of every refusal in an answer, as errors or as data."""
    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
    data = (answer.get("data") or {}).values()
    return codes | {value["code"] for value in data if isinstance(value, dict) and value.get("__typename") == "Problem"}


def closed_to(kind: ActorKind) -> list[Path]:
    """Documents with an entry that is not for such people."""
    documents = POSTED
    return [path for path in documents if any(kind not in audience.kinds for audience in audiences_of(path))]


def named(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", closed_to(ActorKind.ANONYMOUS), ids=named)
async def test_who_is_not_signed_in_is_asked_to(portal: Portal, path: Path) -> None:
    answer = await portal.stranger().ask(path.stem, **some_variables(path))
    assert codes_of(answer) == {"SIGN_IN_REQUIRED"}


@pytest.mark.parametrize("path", closed_to(ActorKind.ANONYMOUS), ids=named)
async def test_whose_token_is_worth_nothing_is_told_so(portal: Portal, path: Path) -> None:
    caller = portal.stranger()
    caller.access = "worth-nothing"
    assert codes_of(await caller.ask(path.stem, **some_variables(path))) == {"SESSION_ENDED"}


@pytest.fixture(scope="module")
async def resident(portal: Portal) -> Caller:
    return await portal.phone()


@pytest.mark.parametrize("path", closed_to(ActorKind.RESIDENT), ids=named)
async def test_a_resident_does_nothing_of_the_staffs(portal: Portal, resident: Caller, path: Path) -> None:
    assert codes_of(await resident.ask(path.stem, **some_variables(path))) == {"NOT_ALLOWED"}


@pytest.fixture(scope="module")
async def clerks(portal: Portal) -> dict[Role, Caller]:
    return {role: await portal.clerk(role) for role in (Role.WINDOW_ACCEPTOR, Role.APPROVER, Role.ISSUER)}


@pytest.mark.parametrize("path", closed_to(ActorKind.STAFF), ids=named)
async def test_a_clerk_does_nothing_in_a_residents_name(portal: Portal, clerks: dict[Role, Caller], path: Path) -> None:
    assert codes_of(await clerks[Role.WINDOW_ACCEPTOR].ask(path.stem, **some_variables(path))) == {"NOT_ALLOWED"}


@pytest.fixture(scope="module")
async def machines(portal: Portal) -> dict[DeviceKind, Caller]:
    return {kind: await make_device(portal, kind) for kind in DeviceKind}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        pytest.param(kind, path, id=f"{kind.value}-{path.stem}")
        for kind in DeviceKind
        for path in POSTED
        if any(kind not in audience.machines for audience in audiences_of(path))
    ],
)
async def test_a_machine_does_what_its_kind_needs_and_nothing_else(
    portal: Portal, machines: dict[DeviceKind, Caller], kind: DeviceKind, path: Path
) -> None:
    """Not even what is open to everyone: whoever steals a screen has gained nothing."""
    assert codes_of(await machines[kind].ask(path.stem, **some_variables(path))) == {"NOT_ALLOWED"}


def closed_to_role(role: Role) -> list[Path]:
    return [
        path for path in POSTED if any(audience.roles and role not in audience.roles for audience in audiences_of(path))
    ]


@pytest.mark.parametrize(
    ("role", "path"),
    [
        pytest.param(role, path, id=f"{role.value}-{path.stem}")
        for role in (Role.WINDOW_ACCEPTOR, Role.APPROVER, Role.ISSUER)
        for path in closed_to_role(role)
    ],
)
async def test_a_clerk_does_nothing_of_another_roles(
    portal: Portal, clerks: dict[Role, Caller], role: Role, path: Path
) -> None:
    assert codes_of(await clerks[role].ask(path.stem, **some_variables(path))) == {"NOT_ALLOWED"}


@pytest.mark.parametrize("token", ["x", "Bearer", "a.b.c", "é" * 20, "0" * 5000, "null", "' OR 1=1 --"], ids=repr)
async def test_a_bad_token_never_becomes_somebody(portal: Portal, token: str) -> None:
    response = await portal.stranger().http.post(
        "/graphql",
        json={"query": "{ me { id } }"},
        headers=[(b"authorization", b"Bearer " + token.encode()), (b"accept-language", b"en")],
    )
    answer = response.json()
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] in {"SIGN_IN_REQUIRED", "SESSION_ENDED"}


async def test_a_bad_token_does_not_hinder_what_is_open_to_everyone(portal: Portal) -> None:
    """An old phone may still look something up."""
    caller = portal.stranger()
    caller.access = "worth-nothing"
    assert (await caller.do("FindItems", search="护照"))["edges"]


async def test_a_case_of_somebody_else_is_a_case_that_does_not_exist(portal: Portal, resident: Caller) -> None:
    """Told exactly as for an id nobody ever gave out, and nothing of it moves."""
    owner = await portal.phone()
    case_id = await apply(owner)
    before = await owner.do("CaseDetail", id=case_id)

    for operation in ("CaseDetail", "WithdrawCase"):
        foreign, invented, nonsense = [
            await resident.do(operation, id=one) for one in (case_id, str(uuid4()), "never-one-of-ours")
        ]
        assert foreign["code"] == invented["code"] == nonsense["code"] == "NOT_FOUND"
        assert foreign["message"] == invented["message"]

    assert await owner.do("CaseDetail", id=case_id) == before
