"""Without this package people would have to play resident and courier by curl: the sandbox's own page."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/__page/style.css": ("style.css", "text/css; charset=utf-8"),
    "/__page/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/__page/parts.js": ("parts.js", "text/javascript; charset=utf-8"),
    "/__page/alipay.js": ("alipay.js", "text/javascript; charset=utf-8"),
    "/__page/certify.js": ("certify.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
}


def routes() -> list[Route]:
    return [_route(path, FOLDER / name, kind) for path, (name, kind) in FILES.items()]


def _route(path: str, file: Path, kind: str) -> Route:
    async def endpoint(_: Request) -> Response:
        return Response(file.read_bytes(), headers={**HEADERS, "content-type": kind})  # noqa: ASYNC240 - small, local

    return Route(path, endpoint, methods=["GET"])
