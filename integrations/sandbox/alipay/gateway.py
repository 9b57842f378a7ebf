"""Without this module the gateway would have no methods: it lets a call in, has it answered and seals the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from integrations.sandbox.alipay import (
    certificates,
    certify,
    login,
    name_check,
    template_messages,
    texts,
    trade_bills,
    trade_refunds,
    trades,
)
from integrations.sandbox.alipay.certify_page import page
from integrations.sandbox.alipay.gate import (
    Question,
    check_caller,
    check_certificates,
    question_of,
    read_parameters,
    seal_for,
)
from integrations.sandbox.alipay.wire import ERROR_NODE, Declined, Seal, declined, node_of, sealed
from integrations.sandbox.front import Answer, Call, Provider
from integrations.sandbox.world import World

Method = Callable[[World, Question], dict[str, Any]]

LOGIN = "alipay.system.oauth.token"
CERTIFY_PAGE = "alipay.user.certify.open.certify"
METHODS: dict[str, Method] = {
    LOGIN: login.token,
    "alipay.user.certify.open.initialize": certify.initialize,
    "alipay.user.certify.open.query": certify.query,
    "alipay.open.app.alipaycert.download": certificates.download,
    "datadigital.fincloud.generalsaas.twometa.check": name_check.check_two,
    "alipay.open.app.mini.templatemessage.send": template_messages.send,
    "alipay.security.risk.content.detect": texts.detect,
    "alipay.trade.create": trades.create,
    "alipay.trade.query": trades.query,
    "alipay.trade.close": trades.close,
    "alipay.trade.refund": trade_refunds.refund,
    "alipay.trade.fastpay.refund.query": trade_refunds.query,
    "alipay.data.dataservice.bill.downloadurl.query": trade_bills.download_url,
}
BAD_GATEWAY = Answer(502, b"<html><body>502 Bad Gateway</body></html>", {"content-type": "text/html"}, "502")


def gateway(world: World, call: Call) -> Answer:
    """Before the signature is known to be the app's, refusals are not signed; after it, everything is."""
    try:
        parameters = read_parameters(call)
        check_caller(world, parameters)
    except Declined as refusal:
        return declined(refusal, "", None)
    seal = seal_for(world, parameters)
    try:
        check_certificates(world, parameters)
        _check_method(parameters["method"])
        return _answer(world, question_of(world, parameters), seal)
    except Declined as refusal:
        return declined(refusal, parameters["method"], seal)


def _check_method(name: str) -> None:
    if name not in METHODS and name != CERTIFY_PAGE:
        raise Declined("40002", "isv.invalid-method", "no such method")


def _answer(world: World, question: Question, seal: Seal) -> Answer:
    if question.method == CERTIFY_PAGE:
        return page(certify.open_page(world, question))
    told = METHODS[question.method](world, question)
    if question.method != LOGIN:
        told = {"code": "10000", "msg": "Success", **told}
    return sealed(node_of(question.method), told, seal)


def method_of(call: Call) -> str:
    """The name of what is asked for, as far as it can be read."""
    try:
        return read_parameters(call).get("method", "")
    except Declined:
        return ""


def _unavailable(world: World, call: Call) -> Answer:
    refusal = Declined("20000", "isp.unknow-error", "系统繁忙")
    return _failing(world, call, refusal, ERROR_NODE)


def _too_often(world: World, call: Call) -> Answer:
    refusal = Declined("40005", "isv.app-call-limited", "调用频次超限")
    return _failing(world, call, refusal, node_of(method_of(call)))


def _failing(world: World, call: Call, refusal: Declined, node: str) -> Answer:
    try:
        seal = seal_for(world, read_parameters(call))
    except Declined:
        return BAD_GATEWAY
    return sealed(node, refusal.content, seal, str(refusal))


def _missigned(answer: Answer) -> Answer:
    """Looks right in every way but one character."""
    before, mark, signature = answer.body.rpartition(b'"sign":"')
    if not mark:
        return answer
    other = b"B" if signature[:1] == b"A" else b"A"
    return replace(answer, body=before + mark + other + signature[1:])


ALIPAY = Provider(
    "alipay",
    failures=(_unavailable, _too_often, BAD_GATEWAY),
    missign=_missigned,
    subject=method_of,
)
