from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import parse

from graphql_schema.limits import (
    MAX_ALIASES,
    MAX_COST,
    MAX_DEPTH,
    MAX_ROOT_FIELDS,
    MAX_TOKENS,
    TooDemanding,
    check_document,
)
from tests.portal import Portal


def nested(depth: int) -> str:
    return "{ a " * depth + "}" * depth


def bomb(levels: int, leaf: str) -> str:
    """Each fragment spreads the next one ten times: ten to the power of `levels` steps in a few lines."""
    steps = [f"fragment F{n} on Carrier {{ {f'...F{n + 1} ' * 10} }}" for n in range(levels)]
    return "\n".join(["{ carriers { ...F0 } }", *steps, f"fragment F{levels} on Carrier {{ {leaf} }}"])


SPREADS_ITSELF = "{ ...F } fragment F on Query { carriers { code } ...F }"
SPREAD_IN_A_RING = "{ ...F } fragment F on Query { ...G } fragment G on Query { carriers { code } ...F }"


@pytest.mark.parametrize(
    ("query", "what"),
    [
        (nested(MAX_DEPTH + 1), "depth"),
        ("{ " + " ".join(f"a{n}: carriers {{ code }}" for n in range(MAX_ALIASES + 1)) + " }", "root fields"),
        ("{ carriers { " + " ".join(f"a{n}: code" for n in range(MAX_ALIASES + 1)) + " } }", "aliases"),
        ("{ " + "carriers { code } " * (MAX_ROOT_FIELDS + 1) + "}", "root fields"),
        ("{ items(first: 50) { edges { node { " + "key " * 101 + "} } } }", "cost"),
        (bomb(4, "code"), "cost"),
        (bomb(12, "code"), "cost"),
        (bomb(12, "...Nowhere"), "cost"),
        (bomb(12, "...F0"), "cost"),
    ],
)
async def test_a_document_that_asks_too_much_is_refused_before_it_runs(portal: Portal, query: str, what: str) -> None:
    """Quickly, and with the limit in the answer."""
    begun = time.perf_counter()
    response = await portal.stranger().post({"query": query})
    assert time.perf_counter() - begun < 2
    answer = response.json()
    assert "data" not in answer
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "DOCUMENT_TOO_DEMANDING"
    assert f"too much {what}" in error["message"]


@pytest.mark.parametrize("query", ["{ " + "a " * MAX_TOKENS + "}", "{ a(b: [" + "1 " * MAX_TOKENS + "]) }"])
async def test_a_document_of_too_many_words_is_not_read_to_its_end(portal: Portal, query: str) -> None:
    answer = (await portal.stranger().post({"query": query})).json()
    assert answer.keys() == {"errors"}
    assert str(MAX_TOKENS) in answer["errors"][0]["message"]


@pytest.mark.parametrize("query", [SPREADS_ITSELF, SPREAD_IN_A_RING])
async def test_a_fragment_that_spreads_itself_is_invalid(portal: Portal, query: str) -> None:
    answer = (await portal.stranger().post({"query": query})).json()
    assert answer.keys() == {"errors"}
    assert "Cannot spread fragment" in answer["errors"][0]["message"]


async def test_a_deep_value_does_not_bring_the_process_down(portal: Portal) -> None:
    query = "{ items(search: " + "[" * 900 + "]" * 900 + ") { edges { cursor } } }"
    assert "data" not in (await portal.stranger().post({"query": query})).json()
    assert (await portal.stranger().post({"query": "{ carriers { code } }"})).status_code == 200


def check(query: str, **variables: Any) -> None:
    check_document(parse(query), variables)


def test_exactly_at_the_limit_is_allowed() -> None:
    check(nested(MAX_DEPTH))
    check("{ " + "a " * MAX_ROOT_FIELDS + "}")
    check("{ a { " + " ".join(f"a{n}: b" for n in range(MAX_ALIASES)) + " } }")
    with pytest.raises(TooDemanding, match="depth"):
        check(nested(MAX_DEPTH + 1))


def test_a_page_multiplies_what_is_below_it() -> None:
    """The size may stand in the document, in a variable, or be the default."""
    below = "{ edges { node { " + "a " * (MAX_COST // 50) + "} } }"
    for query, variables in (
        (f"{{ items(first: 50) {below} }}", {}),
        (f"query Q($n: Int) {{ items(first: $n) {below} }}", {"n": 50}),
        (f"{{ items(first: 999999) {below} }}", {}),
    ):
        with pytest.raises(TooDemanding, match="cost"):
            check(query, **variables)
    check(f"{{ items(first: 10) {below} }}")
    check(f"{{ items {below} }}")


def test_pages_within_pages_multiply() -> None:
    inner = "cases(first: 50) { edges { node { a b } } }"
    with pytest.raises(TooDemanding, match="cost"):
        check(f"{{ items(first: 50) {{ edges {{ node {{ {inner} }} }} }} }}")


@pytest.mark.parametrize("size", [-5, 0, None, "many", True])
def test_a_senseless_page_size_neither_helps_nor_breaks(size: Any) -> None:
    query = "query Q($n: Int) { items(first: $n) { edges { node { " + "a " * (MAX_COST // 10) + "} } } }"
    if size in (-5, 0, True):
        check(query, n=size)
    else:
        with pytest.raises(TooDemanding):
            check(query, n=size)
