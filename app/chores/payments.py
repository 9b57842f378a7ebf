"""Without this module an operator would need SQL to find where somebody's money is."""

from __future__ import annotations

import getpass
from functools import partial
from typing import TYPE_CHECKING

import click

from app.chores.database import run, run_connected
from app.chores.stuck import limit_option, tell_stuck
from app.kernel.clock import local
from app.kernel.errors import Refusal
from app.kernel.money import Fen, fen_of_yuan, yuan
from app.kernel.stuck import Stuck
from app.payments.words import RefundReason

if TYPE_CHECKING:
    from app.payments.models import Bill
    from app.payments.tracing import Trace

_NUMBER = click.argument("number", metavar="NUMBER")


@click.group()
def payments() -> None:
    """Find, ask about, replay and give back payments.

    NUMBER is a payment code, an order or refund number, a provider's number, or the id of a bill, payment or refund.
    """


@payments.command()
@_NUMBER
def inspect(number: str) -> None:
    """Tell everything that is known of one payment, in the order in which it happened."""
    for line in run(partial(_inspect, number)):
        click.echo(line)


@payments.command()
@_NUMBER
def requery(number: str) -> None:
    """Ask the providers about every order and refund of a bill, also closed ones, and believe them."""
    for line in run_connected(partial(_requery, number)):
        click.echo(line)


@payments.command()
@_NUMBER
def replay(number: str) -> None:
    """Have the kept notices of a bill that were not handled processed again."""
    count = run(partial(_replay, number))
    click.echo(f"{count} notices asked for; the worker does it" if count else "every notice of it is handled already")


@payments.command()
@_NUMBER
@click.option("--yuan", "amount", help="How much, as 40.00; all that is left when it is not given.")
@click.option("--reason", required=True, type=click.Choice([reason.value for reason in RefundReason]))
@click.option("--remark", default="", help="For who decides, at most 80 characters.")
def refund(number: str, amount: str | None, reason: str, remark: str) -> None:
    """Ask for money to be given back; a second person, of the collecting unit, decides."""
    try:
        fen = fen_of_yuan(amount) if amount is not None else None
    except ValueError:
        raise click.BadParameter("an amount in yuan, as 40.00", param_hint="--yuan") from None
    click.echo(run(partial(_refund, number, fen, RefundReason(reason), remark)))


@payments.command()
@limit_option
@click.option("--retry", "job", type=click.IntRange(1, 2**63 - 1), help="Let the job of this number run again.")
def dead(limit: int, job: int | None) -> None:
    """List what does not go on by itself: jobs given up, notices nobody could place, open tasks; exit status 1."""
    if job is not None:
        if not run(partial(_retry, job)):
            raise click.ClickException("No job of this number was given up; nothing was done.")
        click.echo("it runs again")
        return
    found, more = run(partial(_dead, limit))
    tell_stuck(found, more=more)


async def _found(number: str) -> Bill:
    from app.payments.tracing import find_bill  # noqa: PLC0415 - loads the ORM, which `--help` does not need

    bill = await find_bill(number)
    if bill is None:
        raise click.ClickException(
            f"Nothing is known under {number}: give a payment code, an order, refund or provider's number, or an id."
        )
    return bill


async def _inspect(number: str) -> list[str]:
    from app.payments.tracing import trace  # noqa: PLC0415 - the same

    found = await trace(await _found(number))
    steps = [f"{local(step.at):%Y-%m-%d %H:%M:%S}  {step.what}  {step.about}  {step.detail}" for step in found.steps()]
    return [*_heads(found), "", *steps]


def _heads(found: Trace) -> list[str]:
    bill = found.bill
    owed = yuan(Fen(bill.total_fen))
    lines = [f"bill {bill.number} ({bill.id}) {bill.kind} of {bill.collecting_unit}: {owed} {bill.state}"]
    for attempt in found.attempts:
        lines.append(
            f"  order {attempt.order_no} at {attempt.channel}: {yuan(Fen(attempt.amount_fen))} {attempt.state},"
            f" theirs {attempt.provider_ref or '-'}, asked {attempt.asked} times"
        )
        lines += [
            f"    refund {refund.refund_no}: {yuan(Fen(refund.amount_fen))} {refund.state}, {refund.reason},"
            f" theirs {refund.provider_ref or '-'}, asked {refund.asked} times"
            for refund in found.refunds
            if refund.attempt_id == attempt.id
        ]
    lines += [f"  receipt {each.code} {each.number}: {each.kind} {each.state}" for each in found.receipts]
    balance = sum(entry.amount_fen for entry in found.entries)
    lines.append(f"  ledger: {len(found.entries)} entries, sum {yuan(Fen(balance))}")
    return lines


async def _requery(number: str) -> list[str]:
    from app.payments.operating import requery as ask  # noqa: PLC0415 - the same

    try:
        answers = await ask(await _found(number))
    except Refusal as refusal:
        raise click.ClickException("; ".join([str(refusal), *getattr(refusal, "__notes__", ())])) from None
    told = [f"{answer.number}: the provider says {answer.said}; {answer.came_of_it}" for answer in answers]
    return told or ["there is nothing that a provider could be asked about"]


async def _replay(number: str) -> int:
    from app.payments.operating import replay_all  # noqa: PLC0415 - the same

    return await replay_all(await _found(number))


async def _refund(number: str, fen: int | None, reason: RefundReason, remark: str) -> str:
    from app.payments.operating import ask_for_refund  # noqa: PLC0415 - the same

    try:
        made = await ask_for_refund(await _found(number), getpass.getuser(), fen, reason, remark)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from None
    return f"refund {made.refund_no} over {yuan(Fen(made.amount_fen))} yuan waits for a person of the unit to decide"


async def _dead(limit: int) -> tuple[list[Stuck], bool]:
    from app.payments.operating import stuck  # noqa: PLC0415 - the same

    return await stuck(limit)


async def _retry(job: int) -> bool:
    from app.kernel.jobs import retry_given_up  # noqa: PLC0415 - the same

    return await retry_given_up(job)
