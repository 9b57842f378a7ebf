"""Some forty payments of what `make chaos` does with ten thousand, and that its judge would have seen it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from signal import Signals
from typing import Any

import pytest

from app.embedded.leash import leashed
from tests.chaos.__main__ import payments
from tests.chaos.payments.run import told
from tests.chaos.payments.truths import Attempt, Books, Owed, Paid, Verdict, compare

_SAID = re.compile(r"payments: (\d+), faults: (\d+), lost: 0, doubled: 0\n")


async def test_hostile_providers_and_dying_processes_cost_nobody_money(kept: Path) -> None:
    """Web, worker and PostgreSQL are killed once each; in the evening the three truths are one."""
    command = [sys.executable, "-m", "tests.chaos", "payments", "--payments=40", "--kills=3", "--clients=8", "--hurry"]
    run = await asyncio.create_subprocess_exec(
        *command,
        f"--tables={kept}",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=leashed(Signals.SIGTERM),
    )
    output, talk = await run.communicate()
    said = _SAID.fullmatch(output.decode())
    assert said, output.decode() + talk.decode()
    assert run.returncode == 0
    made, faults = map(int, said.groups())
    assert made >= 40
    assert faults >= 15, talk.decode()
    assert [line.split()[0] for line in talk.decode().splitlines() if "was killed" in line] == [
        "web",
        "worker",
        "postgres",
    ]


# The judge, on one payment that was made and counted as it should be.

PAID = Paid("1", "wechat", "payer", 1_000)
ATTEMPT = Attempt("1", "wechat", "payer", "bill", "SUCCEEDED", 1_000, ledger_fen=1_000)
BILL = Owed("bill", "PAID", 1_000, fulfilled=True)
GOOD = Books([ATTEMPT], [BILL], {"CLEARING": 1_000, "UNIT": -1_000})
BACK = {"r": 1_000}
SURPLUS = Books(
    [replace(ATTEMPT, state="RETURNED", back=BACK, promised_fen=1_000, ledger_fen=0)],
    [Owed("bill", "CREATED", 1_000)],
    {"PAYER": 1_000, "UNIT": -1_000},
)


def judged(theirs: Sequence[Paid], books: Books) -> tuple[bool, bool]:
    """Whether something is lost, and whether something is doubled."""
    verdict = compare(theirs, books)
    return bool(verdict.lost), bool(verdict.doubled)


def test_exactly_what_was_promised_is_printed() -> None:
    assert told(Verdict(10_000, 3_000)) == "payments: 10000, faults: 3000, lost: 0, doubled: 0"
    wrong = Verdict(1, 2, ["a"], ["b", "c"], ["d"])
    assert told(wrong) == (
        "payments: 1, faults: 2, lost: 1, doubled: 2\n  lost: a\n  doubled: b\n  doubled: c\n  unexplained: d"
    )


def test_anything_but_nothing_is_a_failure() -> None:
    assert Verdict(7, 3).good
    assert not any(
        verdict.good for verdict in (Verdict(lost=["a"]), Verdict(doubled=["b"]), Verdict(unexplained=["c"]))
    )


def test_ten_thousand_payments_unless_one_says_otherwise() -> None:
    assert {option.name: option.default for option in payments.params}["payments"] == 10_000


def test_the_judge_finds_nothing_where_nothing_is_wrong() -> None:
    assert judged([PAID], GOOD) == (False, False)
    assert judged([replace(PAID, back=BACK)], SURPLUS) == (False, False)


@pytest.mark.parametrize(
    "books",
    [
        Books([], []),
        replace(GOOD, attempts=[replace(ATTEMPT, state="CLOSED")]),
        replace(GOOD, attempts=[replace(ATTEMPT, fen=999)]),
        replace(GOOD, attempts=[replace(ATTEMPT, ledger_fen=0)]),
        replace(GOOD, bills=[replace(BILL, state="CREATED", fulfilled=False)]),
        replace(GOOD, bills=[replace(BILL, fulfilled=False)]),
        replace(GOOD, accounts={"CLEARING": 1_000, "UNIT": -999}),
        replace(GOOD, unbalanced=["paid:1"]),
        replace(GOOD, jobs=["payments.send_refund failed"]),
    ],
)
def test_the_judge_sees_money_that_is_nowhere(books: Books) -> None:
    assert judged([PAID], books)[0]


def test_the_judge_sees_money_that_nobody_owed_and_that_did_not_go_back() -> None:
    assert judged([PAID], SURPLUS)[0]
    waiting = replace(SURPLUS, attempts=[replace(SURPLUS.attempts[0], state="SURPLUS", back={})])
    assert judged([PAID], waiting)[0]


@pytest.mark.parametrize(
    ("theirs", "books"),
    [
        ([], GOOD),
        ([PAID], replace(GOOD, attempts=[replace(ATTEMPT, ledger_fen=2_000)])),
        ([PAID, replace(PAID, order_no="2")], replace(GOOD, attempts=[ATTEMPT, replace(ATTEMPT, order_no="2")])),
        ([replace(PAID, back={"r": 1_000, "s": 1_000})], SURPLUS),
        ([replace(PAID, back={"r": 400})], GOOD),
    ],
)
def test_the_judge_sees_money_that_is_in_two_places(theirs: Sequence[Paid], books: Any) -> None:
    assert judged(theirs, books)[1]
