"""Without this module whatever an Alipay user writes would be fine: `alipay.security.risk.content.detect` (5.2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.alipay.gate import Question
from integrations.sandbox.alipay.wire import not_done
from integrations.sandbox.records import Shelf
from integrations.sandbox.text_words import PASS, REVIEW, RISKY, judged, words_in
from integrations.sandbox.world import World

LONGEST = 2500
ACTIONS = {PASS: "PASSED", REVIEW: "CC", RISKY: "REJECTED"}


@dataclass(frozen=True)
class Judged:
    """`body` is the content as it was sent, character by character."""

    unique_id: str
    body: str
    action: str


def judgements(world: World) -> Shelf[Judged]:
    return Shelf(world.records, "alipay_texts", Judged, keep=20_000)


def detect(world: World, question: Question) -> dict[str, Any]:
    """How long a text may be is not published; this sandbox takes what WeChat takes."""
    content = question.text("content")
    if set(question.content) != {"content"} or len(content) > LONGEST:
        raise not_done("INVALID_PARAMETER", f"content alone, of at most {LONGEST} characters")
    action = ACTIONS[judged(content)[0]]
    one = Judged(secrets.token_hex(16), question.parameters["biz_content"], action)
    judgements(world).put(one.unique_id, one)
    told: dict[str, Any] = {"action": action, "unique_id": one.unique_id}
    return told if action == "PASSED" else {**told, "keywords": words_in(content)}
