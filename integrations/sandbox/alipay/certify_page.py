"""Without this module the address of a face check would show nothing: the page where a tester plays the resident."""

from __future__ import annotations

from html import escape

from integrations.sandbox.alipay.certify import Certification
from integrations.sandbox.alipay.wire import HEADERS
from integrations.sandbox.front import Answer
from integrations.sandbox.page import HEADERS as PAGE_HEADERS

BUTTONS = (("pass", "通过 Pass"), ("fail", "不通过 Fail"), ("cancel", "取消 Cancel"), ("never", "不再回来 Never"))

PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>支付宝身份验证（沙箱）</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/__page/style.css">
</head>
<body>
<header><h1>支付宝沙箱 <small>Alipay, played by the sandbox</small></h1></header>
<main>
  <section class="card" id="certify" data-id="{certify_id}" data-return="{return_url}">
    <div class="head"><h2>身份验证 <small>Alipay face check, sandbox</small></h2></div>
    <p>{name} · <span class="mono">{number}</span></p>
    <div class="row">{buttons}</div>
    <p class="meta" id="told" role="status">{state}</p>
  </section>
</main>
<script type="module" src="/__page/certify.js"></script>
</body>
</html>
"""


def page(found: Certification) -> Answer:
    """The buttons use the control API, as the sandbox's own page does."""
    disabled = " disabled" if found.is_final else ""
    buttons = "".join(
        f'<button type="button" data-outcome="{outcome}"{disabled}>{label}</button>' for outcome, label in BUTTONS
    )
    body = PAGE.format(
        certify_id=escape(found.certify_id),
        return_url=escape(found.return_url),
        name=escape(found.cert_name),
        number=escape(f"{found.cert_no[:3]}***********{found.cert_no[-4:]}"),
        buttons=buttons,
        state="已经完成 Already done" if found.is_final else "等待居民刷脸 Waiting for the resident",
    )
    return Answer(200, body.encode(), {**PAGE_HEADERS, **HEADERS})
