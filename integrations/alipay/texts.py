"""Without this module nobody would have what residents write in Alipay looked at before it is shown."""

from __future__ import annotations

from alipay.aop.api.domain.AlipaySecurityRiskContentDetectModel import AlipaySecurityRiskContentDetectModel
from alipay.aop.api.request.AlipaySecurityRiskContentDetectRequest import AlipaySecurityRiskContentDetectRequest
from alipay.aop.api.response.AlipaySecurityRiskContentDetectResponse import AlipaySecurityRiskContentDetectResponse

from app.kernel.logging import get_logger
from app.texts.ports import NO_ANSWER, Concern, Judgement, Verdict
from integrations.alipay.gateway import Gateway, GatewayRefused

_log = get_logger(__name__)

_ACTIONS = {"PASSED": Verdict.PASS, "CC": Verdict.REVIEW, "REJECTED": Verdict.RISKY}


class AlipayTexts:
    """`ContentCheck`: `alipay.security.risk.content.detect` (protocols/alipay.md 5.2)."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def check(self, text: str, user: str) -> Judgement:  # noqa: ARG002 - Alipay does not ask whose text it is
        """It says what to do, not what it saw; the words it names are not kept."""
        model = AlipaySecurityRiskContentDetectModel()
        model.content = text
        request = AlipaySecurityRiskContentDetectRequest(biz_model=model)
        try:
            told = await self._gateway.ask(request, AlipaySecurityRiskContentDetectResponse())
        except GatewayRefused as refused:
            _log.error("alipay refused", operation=refused.method, code=refused.code, sub_code=refused.sub_code)
            return NO_ANSWER
        verdict = _ACTIONS.get(str(told.action))
        if verdict is None:
            return NO_ANSWER
        return Judgement(
            verdict, Concern.NONE if verdict is Verdict.PASS else Concern.OTHER, str(told.unique_id or "")[:100]
        )
