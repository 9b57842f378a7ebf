from __future__ import annotations

from typing import Any

import pytest

from app.booking.credit.rules import GROUNDS_LONGEST
from app.payments.refunds.rules import LONGEST_REMARK
from app.texts.ports import NO_ANSWER, Concern, Judgement, Verdict
from app.texts.rules import LONGEST
from integrations.wechat.texts import _judgement

P, R, X = Verdict.PASS, Verdict.REVIEW, Verdict.RISKY


@pytest.mark.parametrize(
    ("told", "understood"),
    [
        ({"result": {"suggest": "pass", "label": 100}, "trace_id": "t"}, Judgement(P, Concern.NONE, "t")),
        ({"result": {"suggest": "pass", "label": 20001}, "trace_id": "t"}, Judgement(P, Concern.NONE, "t")),
        ({"result": {"suggest": "review", "label": 20008}, "trace_id": "t"}, Judgement(R, Concern.FRAUD, "t")),
        ({"result": {"suggest": "risky", "label": 20002}, "trace_id": "t"}, Judgement(X, Concern.PORNOGRAPHY, "t")),
        ({"result": {"suggest": "risky", "label": 21000}, "trace_id": "t"}, Judgement(X, Concern.OTHER, "t")),
        ({"result": {"suggest": "risky", "label": 29999}}, Judgement(X, Concern.OTHER)),
        ({"result": {"suggest": "risky", "label": "20002"}}, Judgement(X, Concern.OTHER)),
        ({"result": {"suggest": "risky"}, "trace_id": "t" * 200}, Judgement(X, Concern.OTHER, "t" * 100)),
        ({"result": {"suggest": "fine"}, "trace_id": "t"}, NO_ANSWER),
        ({"result": {"suggest": ["pass"]}}, NO_ANSWER),
        ({"result": "pass"}, NO_ANSWER),
        ({"trace_id": "t"}, NO_ANSWER),
    ],
)
def test_only_a_clear_pass_is_one_and_only_a_clear_no_refuses(told: dict[str, Any], understood: Judgement) -> None:
    assert _judgement(told) == understood


def test_no_text_of_ours_is_longer_than_a_platform_takes() -> None:
    assert max(GROUNDS_LONGEST, LONGEST_REMARK) <= LONGEST
