"""Without this module nobody would have what residents write in WeChat looked at before it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.kernel.logging import get_logger
from app.texts.ports import NO_ANSWER, Concern, Judgement, Verdict
from integrations.wechat.api import MiniProgramApi, WechatRefused

_log = get_logger(__name__)

_VERSION, _COMMENT = 2, 2
_SUGGESTED = {"pass": Verdict.PASS, "review": Verdict.REVIEW, "risky": Verdict.RISKY}
_LABELS = {
    100: Concern.NONE,
    10001: Concern.ADVERTISING,
    20001: Concern.POLITICS,
    20002: Concern.PORNOGRAPHY,
    20003: Concern.ABUSE,
    20006: Concern.CRIME,
    20008: Concern.FRAUD,
    20012: Concern.VULGAR,
    20013: Concern.COPYRIGHT,
}
_LONG_AWAY = 61010
"""Ordinary: the user has not opened the mini-program for two hours."""


class WechatTexts:
    """`ContentCheck`: "msgSecCheck" of version 2 (protocols/wechat.md 4.1)."""

    def __init__(self, api: MiniProgramApi) -> None:
        self._api = api

    async def check(self, text: str, user: str) -> Judgement:
        """The body goes out as UTF-8 without escapes: an escaped text is matched against nothing reliably."""
        content = {"version": _VERSION, "openid": user, "scene": _COMMENT, "content": text}
        try:
            told = await self._api.call("/wxa/msg_sec_check", content)
        except WechatRefused as refused:
            if refused.errcode != _LONG_AWAY:
                _log.error("wechat refused", operation=refused.operation, errcode=refused.errcode, rid=refused.rid)
            return NO_ANSWER
        return _judgement(told)


def _judgement(told: Mapping[str, Any]) -> Judgement:
    result = told.get("result")
    result = result if isinstance(result, Mapping) else {}
    verdict = _SUGGESTED.get(str(result.get("suggest")))
    if verdict is None:
        return NO_ANSWER
    label = result.get("label")
    concern = _LABELS.get(label, Concern.OTHER) if type(label) is int else Concern.OTHER
    return Judgement(verdict, Concern.NONE if verdict is Verdict.PASS else concern, str(told.get("trace_id", ""))[:100])
