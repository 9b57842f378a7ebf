"""Without this module each page that anybody may open would have a style and a policy of its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse

_PAGES = Path(__file__).parent / "pages"
_STYLE = (_PAGES / "public.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}


class PublicPage:
    """A page without scripts, kept by nobody; its values are HTML already."""

    def __init__(self, name: str) -> None:
        self._page = Template((_PAGES / name).read_text(encoding="utf-8"))

    def answer(self, status: int, headers: Mapping[str, str], **values: str) -> HTMLResponse:
        return HTMLResponse(self._page.substitute(values, style=_STYLE), status, {**HEADERS, **headers})


def address_of(request: Request) -> str:
    """Whom to count a request against."""
    return request.client.host if request.client else ""
