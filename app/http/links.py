"""Without this module a link in a text message would open nothing.

Nobody signs in here and nothing is read: a ticket that we made is handed on to the app, which asks who may see it.
"""

from __future__ import annotations

import re
from html import escape

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.http import open_to
from app.http.public_pages import HEADERS, PublicPage, address_of
from app.kernel.errors import Refusal, TooManyRequests
from app.kernel.ratelimit import check_rate
from app.links import opening
from app.links.errors import LinkInvalid
from app.links.ports import NARROWEST, USUAL, WIDEST
from app.links.tickets import read_ticket

_PAGE = PublicPage("link.html")
_OPENINGS, _CODES = "120/minute", "60/minute"
"""Of one address, which a whole hall may share."""

_COME_AGAIN = 60
_PHONE = re.compile(r"Mobi|Android|iPhone|iPad|HarmonyOS|MicroMessenger|AlipayClient")


@open_to("everyone")
async def follow(request: Request) -> Response:
    """To the app of this phone; on a computer a code for a phone; a page that says what to do otherwise."""
    ticket, user_agent = request.path_params["ticket"], request.headers.get("user-agent", "")
    try:
        await check_rate(_OPENINGS, "link", address_of(request))
        read_ticket(ticket)
        if not _PHONE.search(user_agent):
            return _on_a_computer(ticket)
        address = await opening.address_of(ticket, user_agent)
    except Refusal as refusal:
        status, headers = _status_of(refusal)
        return _PAGE.answer(status, headers, mark="no", title="暂时打不开", sentence=_both(refusal), picture="")
    return Response(status_code=302, headers={**HEADERS, "location": address})


@open_to("everyone")
async def code(request: Request) -> Response:
    """The picture that opens the app when a phone scans it."""
    ticket, width = request.path_params["ticket"], request.query_params.get("width", str(USUAL))
    if not re.fullmatch(r"[1-9][0-9]{2,3}", width) or not NARROWEST <= int(width) <= WIDEST:
        return PlainTextResponse(f"width: {NARROWEST}-{WIDEST}\n", 400, HEADERS)
    try:
        await check_rate(_CODES, "link-code", address_of(request))
        read_ticket(ticket)
        picture = await opening.code_of(ticket, int(width))
    except Refusal as refusal:
        status, headers = _status_of(refusal)
        return PlainTextResponse(f"{refusal.sentence('zh')}\n", status, {**HEADERS, **headers})
    headers = {**HEADERS, "cache-control": "private, max-age=3600"}
    return Response(picture.content, media_type=picture.media_type, headers=headers)


def _status_of(refusal: Refusal) -> tuple[int, dict[str, str]]:
    if isinstance(refusal, LinkInvalid):
        return 404, {}
    wait = {"retry-after": str(refusal.retry_after_seconds or _COME_AGAIN)}
    return (429 if isinstance(refusal, TooManyRequests) else 503), wait


def _on_a_computer(ticket: str) -> Response:
    picture = f'<img src="/l/{escape(ticket, quote=True)}/code" width="{USUAL}" height="{USUAL}" alt="小程序码">'
    sentence = "请用手机微信扫一扫打开<small>Scan this with WeChat on your phone.</small>"
    return _PAGE.answer(200, {}, mark="yes", title="在手机上打开", sentence=sentence, picture=picture)


def _both(refusal: Refusal) -> str:
    return f"{escape(refusal.sentence('zh'))}<small>{escape(refusal.sentence('en'))}</small>"


link_routes = [
    Route("/l/{ticket}", follow, methods=["GET"]),
    Route("/l/{ticket}/code", code, methods=["GET"]),
]
