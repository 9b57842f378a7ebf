"""Without this module the code on a receipt would lead nowhere, and no phone could open its document."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.http import open_to
from app.http.public_pages import HEADERS, PublicPage, address_of
from app.kernel.errors import PleaseRetry, Refusal, TooManyRequests
from app.kernel.money import Fen, yuan
from app.kernel.ratelimit import check_rate
from app.payments.receipts.links import read_link
from app.payments.receipts.queries import Verified, document_of, verify
from app.payments.receipts.rules import KIND_WORDS, STANDING_WORDS, ReceiptStanding

_PAGE = PublicPage("verify.html")
_LONGEST = 40
_DOWNLOADS = "60/minute"


@open_to("everyone")
async def document(request: Request) -> Response:
    """The signed document behind a link that is good for minutes; 404 for every other."""
    try:
        await check_rate(_DOWNLOADS, "receipt-document", address_of(request))
        name, content = await document_of(read_link(request.path_params["token"]))
    except TooManyRequests as refusal:
        return PlainTextResponse(refusal.sentence("zh"), 429, {"retry-after": str(refusal.retry_after_seconds)})
    except PleaseRetry:
        raise
    except Refusal as refusal:
        return PlainTextResponse(refusal.sentence("zh"), 404, HEADERS)
    headers = {
        **HEADERS,
        "cache-control": "private, no-store",
        "content-disposition": f'inline; filename="{name}.pdf"',
    }
    return Response(content, media_type="application/pdf", headers=headers)


@open_to("everyone")
async def verification(request: Request) -> Response:
    """What the code printed on a receipt leads to: a form, and the answer when something was asked."""
    code, number, check = (request.query_params.get(name, "")[:_LONGEST] for name in ("code", "number", "check"))
    status, answer = 200, ""
    if code or number or check:
        try:
            answer = _found(await verify(code, number, check, address_of(request)))
        except TooManyRequests as refusal:
            status, answer = 429, _refused(refusal)
        except PleaseRetry:
            raise
        except Refusal as refusal:
            status, answer = 404, _refused(refusal)
    given = {name: escape(text, quote=True) for name, text in (("code", code), ("number", number), ("check", check))}
    return _PAGE.answer(status, {}, answer=answer, **given)


def _refused(refusal: Refusal) -> str:
    zh, en = escape(refusal.sentence("zh")), escape(refusal.sentence("en"))
    return f'<section class="no"><h2>未通过查验</h2><p>{zh}<small>{en}</small></p></section>'


def _found(found: Verified) -> str:
    mark = "yes" if found.standing is ReceiptStanding.IN_FORCE else "no"
    rows = [
        ("票据种类", "Kind", " ".join(KIND_WORDS[found.kind])),
        ("票据代码", "Code", found.code),
        ("票据号码", "Number", found.number),
        ("金额", "Amount", f"¥{yuan(Fen(found.amount_fen))}"),
        ("收款单位", "Collected by", found.unit.name_zh),
        ("开票日期", "Date", found.issued_on.isoformat()),
    ]
    if found.red_number:
        rows.append(("冲红票据号码", "Red letter", found.red_number))
    zh, en = STANDING_WORDS[found.standing]
    cells = "".join(f"<dt>{zh}<small>{en}</small></dt><dd>{escape(text)}</dd>" for zh, en, text in rows)
    return f'<section class="{mark}"><h2>{escape(zh)} <small>{escape(en)}</small></h2><dl>{cells}</dl></section>'


receipt_routes = [
    Route("/receipts/verify", verification, methods=["GET"]),
    Route("/receipts/{token}.pdf", document, methods=["GET"]),
]
