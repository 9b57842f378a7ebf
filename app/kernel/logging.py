"""Without this module one request could not be followed from the phone to the last job it caused."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import structlog

Event = MutableMapping[str, Any]

_SECRET_NAMES = re.compile(r"token|secret|password|session_key|authorization|js_code|id_number|private", re.IGNORECASE)
_ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])(\d{3})\d{11}(\d{3}[\dXx])(?![0-9A-Za-z])")
_MOBILE = re.compile(r"(?<!\d)(1\d{2})\d{4}(\d{4})(?!\d)")
_QUERY_SECRET = re.compile(r"((?:access_token|secret|js_code|code|key|sign)=)[^&\s\"']+", re.IGNORECASE)


def redact(text: str) -> str:
    """Mask identity numbers, mobiles and secrets in a query string."""
    text = _QUERY_SECRET.sub(r"\1***", text)
    text = _ID_NUMBER.sub(r"\1***********\2", text)
    return _MOBILE.sub(r"\1****\2", text)


def _redact_event(_logger: object, _method: str, event: Event) -> Event:
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = redact(value)
    return event


def configure_logging(log_format: str, process: str) -> None:
    """Set up structlog and the standard library to speak one language on standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(
            fmt="%H:%M:%S" if log_format == "pretty" else "iso", utc=log_format != "pretty"
        ),
        _add_process(process),
    ]
    finish: list[structlog.typing.Processor] = (
        [
            structlog.processors.format_exc_info,
            _redact_event,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                pad_event_to=28,
                # The rich one prints local variables: secrets and personal data.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
        if log_format == "pretty"
        else [
            structlog.processors.format_exc_info,
            _redact_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in (
        "httpx",
        "httpcore",
        "procrastinate",
        "tortoise",
        "uvicorn.access",
        "uvicorn.error",
        "asyncio",
        "fontTools",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True


def _add_process(process: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: Event) -> Event:
        event["process"] = process
        return event

    return add


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def current_request_id() -> str | None:
    """The id of the request that all this goes back to, also inside a job."""
    value = structlog.contextvars.get_contextvars().get("request_id")
    return str(value) if value else None


@contextmanager
def request_scope(request_id: str | None = None, **context: str) -> Iterator[str]:
    """Everything logged, deferred or audited inside carries this request id."""
    chosen = request_id or uuid4().hex
    with structlog.contextvars.bound_contextvars(request_id=chosen, **context):
        yield chosen
