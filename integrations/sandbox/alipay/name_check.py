"""Without this module a name and a number could not be compared: datadigital.fincloud.generalsaas.twometa.check."""

from __future__ import annotations

import secrets
from typing import Any

from integrations.sandbox.alipay.gate import Question
from integrations.sandbox.alipay.people import is_somebody
from integrations.sandbox.alipay.wire import not_done
from integrations.sandbox.world import World


def check_two(world: World, question: Question) -> dict[str, Any]:
    """A number nobody has matches no name. `T` and `F` are our reading of `match`."""
    for name in ("biz_code", "outer_biz_no"):
        question.text(name)
    if question.text("cert_type") != "IDENTITY_CARD":
        raise not_done("INVALID_PARAMETER", "cert_type is IDENTITY_CARD")
    matches = is_somebody(world.records, question.text("cert_name"), question.text("cert_no"))
    return {"certify_id": secrets.token_hex(16), "match": "T" if matches else "F"}
