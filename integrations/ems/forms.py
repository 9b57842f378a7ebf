"""Without this module two texts under one name would leave open which of them was meant."""

from __future__ import annotations

from urllib.parse import parse_qsl

from app.kernel.callbacks import CallbackRefused


def form_of(body: bytes) -> dict[str, str]:
    """Each name once."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        raise CallbackRefused("not-a-form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise CallbackRefused("not-a-form")
    return form
