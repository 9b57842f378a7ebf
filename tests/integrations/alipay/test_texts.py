from __future__ import annotations

import json

import pytest

from app.texts.ports import NO_ANSWER, Concern, Judgement, Verdict
from integrations.alipay.texts import AlipayTexts
from tests.integrations.alipay.scripted import Scripted, signed

METHOD = "alipay.security.risk.content.detect"


@pytest.mark.parametrize(
    ("told", "understood"),
    [
        ({"action": "PASSED", "unique_id": "u"}, Judgement(Verdict.PASS, Concern.NONE, "u")),
        ({"action": "CC", "unique_id": "u"}, Judgement(Verdict.REVIEW, Concern.OTHER, "u")),
        ({"action": "REJECTED", "keywords": ["词"]}, Judgement(Verdict.RISKY, Concern.OTHER)),
        ({"action": "passed", "unique_id": "u"}, NO_ANSWER),
        ({"action": ["PASSED"]}, NO_ANSWER),
        ({"unique_id": "u"}, NO_ANSWER),
    ],
)
async def test_only_a_clear_pass_is_one_and_only_a_clear_no_refuses(
    stage: Scripted, told: dict[str, object], understood: Judgement
) -> None:
    node = json.dumps({"code": "10000", "msg": "Success", **told}, ensure_ascii=False)
    stage.answering = lambda _: signed(stage.alipay_key, METHOD, node)
    assert await AlipayTexts(stage.gateway).check("“申诉”\\ 🌧", "open id") == understood
    [form] = stage.forms()
    assert (form["method"], form["biz_content"]) == (METHOD, '{"content":"“申诉”\\\\ 🌧"}')


async def test_a_refused_question_leaves_it_to_a_person(stage: Scripted) -> None:
    node = '{"code":"40004","msg":"Business Failed","sub_code":"INVALID_PARAMETER"}'
    stage.answering = lambda _: signed(stage.alipay_key, METHOD, node)
    assert await AlipayTexts(stage.gateway).check("文字", "open id") == NO_ANSWER
