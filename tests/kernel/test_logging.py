from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.kernel.audit import AuditLine
from app.kernel.logging import current_request_id, redact, request_scope
from app.payments.models import Bill
from tests.http.stage import apply, approve
from tests.portal import Portal

ID_NUMBER = "110101199003070038"


async def test_one_request_id_goes_from_the_phone_to_the_last_job(portal: Portal) -> None:
    """The approver's request: its log line, the bill that the worker makes of it, and the audit of both."""
    case_id = await apply(await portal.phone())
    await portal.run_jobs()
    with capture_logs(processors=(merge_contextvars,)) as logs:
        await approve(portal, case_id, **{"X-Request-Id": "approval-of-one-case"})
        await portal.run_jobs()

    bill = await Bill.get(case_id=case_id)
    lines = await AuditLine.filter(request_id="approval-of-one-case").order_by("id")
    assert [(line.act, line.subject, line.actor) for line in lines][-1] == (
        "bill.issued",
        f"bill:{bill.id}",
        "system:portal",
    )
    assert "case.approve" in [line.act for line in lines]
    ours = [line for line in logs if line.get("request_id") == "approval-of-one-case"]
    assert "request" in [line["event"] for line in ours]


def test_a_scope_gives_an_id_and_takes_it_back() -> None:
    assert current_request_id() is None
    with request_scope() as own:
        assert current_request_id() == own
        with request_scope("given-by-the-phone"):
            assert current_request_id() == "given-by-the-phone"
        assert current_request_id() == own
    assert current_request_id() is None


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"proof of {ID_NUMBER} failed", "proof of 110***********0038 failed"),
        ("11010119900307003X", "110***********003X"),
        ("call 13812345678 now", "call 138****5678 now"),
        ("GET /sns?appid=wx1&secret=abc&js_code=def", "GET /sns?appid=wx1&secret=***&js_code=***"),
        ("access_token=abc'", "access_token=***'"),
        ("order 4200001234202602141234567890", "order 4200001234202602141234567890"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_personal_data_and_secrets_are_masked(text: str, redacted: str) -> None:
    assert redact(text) == redacted


SPEAK = f"""
import logging
from app.kernel.logging import configure_logging, get_logger, request_scope
configure_logging({{form!r}}, "web")
with request_scope("request-0001"):
    get_logger("x").info("signed in", access_token="5ecret", resident="r1", note="card {ID_NUMBER}")
    logging.getLogger("some.library").warning("tel 13812345678")
    logging.getLogger("fontTools.subset").info("forty lines of this for every receipt")
    try:
        raise LookupError("no card {ID_NUMBER}")
    except LookupError:
        password = "5ecret"
        get_logger("x").error("bug", exc_info=True)
"""


def spoken(form: str) -> str:
    """What a process says on standard error; nothing may come out on standard output."""
    run = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", SPEAK.format(form=form)], capture_output=True, text=True, check=True
    )
    assert run.stdout == ""
    return run.stderr


def test_production_speaks_one_json_object_a_line() -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in spoken("json").splitlines()]
    assert [line["event"] for line in lines] == ["signed in", "tel 138****5678", "bug"]
    assert {(line["process"], line["request_id"]) for line in lines} == {("web", "request-0001")}
    assert (lines[0]["access_token"], lines[0]["resident"]) == ("***", "r1")
    assert lines[0]["note"] == "card 110***********0038"
    assert "no card 110***********0038" in lines[2]["exception"]


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_neither_form_leaks(form: str) -> None:
    text = spoken(form)
    assert "LookupError" in text
    for secret in (ID_NUMBER, "13812345678", "5ecret"):  # the last one also as a local variable of the traceback
        assert secret not in text
