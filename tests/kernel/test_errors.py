from __future__ import annotations

import pytest

from app.kernel.errors import (
    IllegalMove,
    InvalidInput,
    NotFound,
    ProviderUnavailable,
    Refusal,
    TooManyRequests,
    every_refusal,
)


@pytest.mark.parametrize(
    ("refusal", "zh", "en"),
    [
        (
            NotFound(what_zh="该办件", what_en="case"),
            "没有找到该办件,请核对后再试",
            "No such case; please check and try again.",
        ),
        (
            InvalidInput(field="first", reason_zh="每页1至50条", reason_en="a page has 1 to 50 entries"),
            "填写的内容有误:每页1至50条",
            "The input is not valid: a page has 1 to 50 entries.",
        ),
        (TooManyRequests(60), "操作过于频繁,请在60秒后再试", "Too many requests; try again in 60 seconds."),
        (
            IllegalMove("CLOSED", ("已办结", "closed")),
            "当前状态为“已办结”,不能执行此操作,请刷新后再看",
            "This cannot be done in the state “closed”; please refresh.",
        ),
    ],
)
def test_a_refusal_is_a_sentence_in_both_languages(refusal: Refusal, zh: str, en: str) -> None:
    assert refusal.sentence("zh") == refusal.sentence("zh-CN") == refusal.sentence("mn") == zh
    assert refusal.sentence("en") == refusal.sentence("en-GB") == str(refusal) == en


def test_a_refusal_carries_what_the_phone_can_act_on() -> None:
    refusal = TooManyRequests(30)
    assert (refusal.retryable, refusal.retry_after_seconds, refusal.field) == (True, 30, None)
    assert ProviderUnavailable(service_zh="微信", service_en="WeChat").retryable
    assert InvalidInput(field="first", reason_zh="", reason_en="").field == "first"


def test_only_named_situations_are_listed() -> None:
    """A class in between that has no code of its own is not a situation."""
    kinds = list(every_refusal())
    assert Refusal not in kinds
    assert len(kinds) == len(set(kinds))
    assert {NotFound, IllegalMove} <= set(kinds)
