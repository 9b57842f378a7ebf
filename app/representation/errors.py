"""Without this module an agent who may not act would not learn why."""

from __future__ import annotations

from app.kernel.errors import Refusal


class MandateEnded(Refusal):
    code = "MANDATE_ENDED"
    zh = "您的代办授权已失效或被撤销,请联系委托人重新授权"
    en = "Your mandate has ended or was revoked; ask the person you act for to grant it again."


class ProxyNotAllowed(Refusal):
    code = "PROXY_NOT_ALLOWED"
    zh = "“{item}”须由本人办理,不能代办"
    en = "This has to be done in person, nobody may do it for another: {item}."


class OutsideMandate(Refusal):
    code = "OUTSIDE_MANDATE"
    zh = "您的代办授权不包含这个事项,请联系委托人补充授权"
    en = "Your mandate does not include this item; ask the person you act for to extend it."
