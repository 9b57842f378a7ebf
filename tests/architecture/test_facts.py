"""A fact that others wait for and nobody publishes is a message that never comes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
BASES = {"BillFact", "PaymentFact", "RefundFact"}


def _named(call: ast.Call) -> Iterator[str]:
    """What is called, and in a graph of states the fact an edge emits."""
    for node in (call.func, *call.args):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def test_every_fact_is_published_somewhere() -> None:
    facts, made = set[str](), set[str]()
    for path in APP.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name == "events.py":
            facts |= {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
        elif path.name != "rulebook.py":
            made |= {name for node in ast.walk(tree) if isinstance(node, ast.Call) for name in _named(node)}
    assert len(facts) > 50
    assert facts - made - BASES == set()
