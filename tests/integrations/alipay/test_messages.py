"""What Alipay's refusals of a message mean: whose fault it is, and whether it may be tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.messages.ports import Misconfigured, NotTaken, Outcome, Refused, Unsure
from integrations.alipay.gateway import GatewayRefused
from integrations.alipay.messages import _verdict


@pytest.mark.parametrize(
    ("code", "sub_code", "outcome"),
    [
        ("20000", "aop.unknow-error", Unsure("aop.unknow-error")),
        ("40004", "ACQ.SYSTEM_ERROR", Unsure("ACQ.SYSTEM_ERROR")),
        ("40005", "aop.too-many-calls", NotTaken("aop.too-many-calls", timedelta(minutes=1))),
        ("40005", "TEMPLATE_CALLS_LIMITED", NotTaken("TEMPLATE_CALLS_LIMITED", timedelta(minutes=1))),
        ("40004", "USER_NOT_SUBSCRIBED", Refused("USER_NOT_SUBSCRIBED", consent_used_up=True)),
        ("40004", "", Refused("40004", consent_used_up=True)),
        ("40004", "USER_TEMPLATE_NOT_EXIST", Misconfigured("USER_TEMPLATE_NOT_EXIST")),
        ("40004", "isv.invalid-parameter", Misconfigured("isv.invalid-parameter")),
        ("40004", "INVALID_PAGE", Misconfigured("INVALID_PAGE")),
        ("40004", "NO_PERMISSION", Misconfigured("NO_PERMISSION")),
        ("20001", "aop.invalid-auth-token", Misconfigured("aop.invalid-auth-token")),
        ("40006", "isv.insufficient-isv-permissions", Misconfigured("isv.insufficient-isv-permissions")),
        ("40002", "", Misconfigured("40002")),
    ],
)
def test_what_a_refusal_means(code: str, sub_code: str, outcome: Outcome) -> None:
    """Only a business refusal that does not speak of what we sent is the user's own, and final."""
    assert (
        _verdict(GatewayRefused("alipay.open.app.mini.templatemessage.send", code, sub_code, is_signed=True)) == outcome
    )
