"""Without this module nobody could sign in from Alipay or prove there who they are."""

from __future__ import annotations

from datetime import timedelta

from alipay.aop.api.domain.AlipayUserCertifyOpenCertifyModel import AlipayUserCertifyOpenCertifyModel
from alipay.aop.api.domain.AlipayUserCertifyOpenInitializeModel import AlipayUserCertifyOpenInitializeModel
from alipay.aop.api.domain.AlipayUserCertifyOpenQueryModel import AlipayUserCertifyOpenQueryModel
from alipay.aop.api.domain.DatadigitalFincloudGeneralsaasTwometaCheckModel import (
    DatadigitalFincloudGeneralsaasTwometaCheckModel,
)
from alipay.aop.api.request.AlipaySystemOauthTokenRequest import AlipaySystemOauthTokenRequest
from alipay.aop.api.request.AlipayUserCertifyOpenCertifyRequest import AlipayUserCertifyOpenCertifyRequest
from alipay.aop.api.request.AlipayUserCertifyOpenInitializeRequest import AlipayUserCertifyOpenInitializeRequest
from alipay.aop.api.request.AlipayUserCertifyOpenQueryRequest import AlipayUserCertifyOpenQueryRequest
from alipay.aop.api.request.DatadigitalFincloudGeneralsaasTwometaCheckRequest import (
    DatadigitalFincloudGeneralsaasTwometaCheckRequest,
)
from alipay.aop.api.response.AlipaySystemOauthTokenResponse import AlipaySystemOauthTokenResponse
from alipay.aop.api.response.AlipayUserCertifyOpenInitializeResponse import AlipayUserCertifyOpenInitializeResponse
from alipay.aop.api.response.AlipayUserCertifyOpenQueryResponse import AlipayUserCertifyOpenQueryResponse
from alipay.aop.api.response.DatadigitalFincloudGeneralsaasTwometaCheckResponse import (
    DatadigitalFincloudGeneralsaasTwometaCheckResponse,
)

from app.identity.errors import SignInCodeInvalid
from app.identity.ports import ChannelIdentity, PersonClaim, ProofOutcome, ProofVerdict, StartedProof
from app.kernel import clock
from app.kernel.errors import ProviderUnavailable, TooManyRequests
from app.kernel.logging import get_logger
from integrations.alipay.gateway import TOO_MANY, Gateway, GatewayRefused, unavailable
from integrations.alipay.phone_numbers import PhoneNumbers

_log = get_logger(__name__)

CODE_INVALID = "isv.code-invalid"
_LONGEST_CODE = 512
_LONGEST_NAME = 128
_LONGEST_RAW_CODE = 30
_FREQUENCY_WAIT = 60
_PROOF_LIFE = timedelta(hours=1)
"""The platform keeps a certifyId for about 23 hours; nobody holds a phone that long before their face."""
_NOT_DONE = "40004"
_MATCHES = {
    **dict.fromkeys(("T", "Y", "TRUE"), ProofVerdict.PASSED),
    **dict.fromkeys(("F", "N", "FALSE"), ProofVerdict.MISMATCH),
}
"""`match` is documented as text only; a word that is not here is no answer."""


class AlipaySignIn:
    """`SignInChannel` of the mini-program. The access token stays here and is forgotten at once."""

    name_zh = "支付宝"
    name_en = "Alipay"

    def __init__(self, gateway: Gateway, phone_numbers: PhoneNumbers, app_id: str) -> None:
        self._gateway = gateway
        self._phone_numbers = phone_numbers
        self._app_id = app_id

    async def exchange(self, code: str) -> ChannelIdentity:
        """`alipay.system.oauth.token`. A newer app is told the open id only, an older one perhaps the user id only."""
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignInCodeInvalid
        request = AlipaySystemOauthTokenRequest()
        request.grant_type = "authorization_code"
        request.code = code
        try:
            told = await self._gateway.ask(request, AlipaySystemOauthTokenResponse())
        except GatewayRefused as refused:
            if refused.sub_code == CODE_INVALID:
                raise SignInCodeInvalid from None
            raise _too_many_or_other(refused) from None
        open_id, user_id, union_id = _name(told.open_id), _name(told.user_id), _name(told.union_id)
        if not (open_id or user_id):
            raise _unusable("alipay.system.oauth.token", "nobody named")
        return ChannelIdentity(self._app_id, open_id or user_id or "", union_id, user_id)

    async def phone_number(self, code: str, open_id: str) -> str:  # noqa: ARG002 - Alipay names no user in it
        """`my.getPhoneNumber`: `code` is the whole of its `res.response`. Nobody has to be asked."""
        return self._phone_numbers.open(code)

    def voucher(self, code: str) -> str:
        return self._phone_numbers.signed_part(code)


class AlipayFace:
    """`IdentityProver` by face: `alipay.user.certify.open.*`.

    What the phone says about the result is never asked for, here or anywhere.
    """

    level = 4
    channel = "alipay"
    name_zh = "支付宝人脸核验"
    name_en = "Alipay face verification"

    def __init__(self, gateway: Gateway, return_url: str) -> None:
        self._gateway = gateway
        self._return_url = return_url

    async def begin(self, reference: str, claim: PersonClaim) -> StartedProof:
        """`initialize`, then the signed address of `certify`, which nobody but the phone asks for."""
        model = AlipayUserCertifyOpenInitializeModel()
        model.outer_order_no = reference
        model.biz_code = "FACE"
        model.identity_param = {"identity_type": "CERT_INFO", **_certificate(claim)}
        model.merchant_config = {"return_url": self._return_url}
        request = AlipayUserCertifyOpenInitializeRequest(biz_model=model)
        try:
            told = await self._gateway.ask(request, AlipayUserCertifyOpenInitializeResponse())
        except GatewayRefused as refused:
            raise _other(refused) from None
        ticket = _name(told.certify_id)
        if ticket is None:
            raise _unusable("alipay.user.certify.open.initialize", "no certify_id")
        return StartedProof(ticket, clock.now() + _PROOF_LIFE, self._page(ticket))

    async def outcome(self, reference: str, ticket: str, claim: PersonClaim) -> ProofOutcome:  # noqa: ARG002 - bound
        """`query`. Only `passed` T is a pass, and only F with its reason a failure; name and number are bound to the
        ticket since it began. A check nobody made yet, or broke off, is F without a reason or a business refusal:
        none of that is documented, so all of it is pending until our hour is over.
        """
        model = AlipayUserCertifyOpenQueryModel()
        model.certify_id = ticket
        request = AlipayUserCertifyOpenQueryRequest(biz_model=model)
        try:
            told = await self._gateway.ask(request, AlipayUserCertifyOpenQueryResponse(), may_repeat=True)
        except GatewayRefused as refused:
            if refused.code == _NOT_DONE:
                return ProofOutcome(ProofVerdict.PENDING, refused.sub_code[:_LONGEST_RAW_CODE])
            raise _other(refused) from None
        if told.passed == "T":
            return ProofOutcome(ProofVerdict.PASSED, "T")
        if told.passed == "F" and told.fail_reason:
            reason = str(told.fail_reason)
            return ProofOutcome(_verdict_of(reason), f"F {reason}"[:_LONGEST_RAW_CODE])
        return ProofOutcome(ProofVerdict.PENDING, "")

    def _page(self, ticket: str) -> str:
        model = AlipayUserCertifyOpenCertifyModel()
        model.certify_id = ticket
        return self._gateway.page_url(AlipayUserCertifyOpenCertifyRequest(biz_model=model))


class AlipayTwoFactor:
    """`IdentityAuthority` for name and number: `datadigital.fincloud.generalsaas.twometa.check`."""

    level = 2
    name_zh = "支付宝身份信息核验"
    name_en = "Alipay identity check"

    def __init__(self, gateway: Gateway, biz_code: str) -> None:
        self._gateway = gateway
        self._biz_code = biz_code

    async def check(self, reference: str, claim: PersonClaim) -> ProofOutcome:
        """Never repeated: each question is paid for."""
        model = DatadigitalFincloudGeneralsaasTwometaCheckModel()
        certificate = _certificate(claim)
        model.biz_code = self._biz_code
        model.outer_biz_no = reference
        model.cert_type = certificate["cert_type"]
        model.cert_name = certificate["cert_name"]
        model.cert_no = certificate["cert_no"]
        request = DatadigitalFincloudGeneralsaasTwometaCheckRequest(biz_model=model)
        try:
            told = await self._gateway.ask(request, DatadigitalFincloudGeneralsaasTwometaCheckResponse())
        except GatewayRefused as refused:
            raise _too_many_or_other(refused) from None
        verdict = _MATCHES.get(str(told.match).upper())
        if verdict is None:
            raise _unusable("datadigital.fincloud.generalsaas.twometa.check", "neither a match nor none")
        return ProofOutcome(verdict, str(told.match))


def _certificate(claim: PersonClaim) -> dict[str, str]:
    return {"cert_type": "IDENTITY_CARD", "cert_name": claim.name, "cert_no": claim.id_number}


def _verdict_of(reason: str) -> ProofVerdict:
    """The platform lists no reasons; these words are told apart, everything else is a face not recognised."""
    if "取消" in reason:
        return ProofVerdict.CANCELLED
    return ProofVerdict.MISMATCH if "姓名" in reason else ProofVerdict.NOT_RECOGNISED


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME else None


def _too_many_or_other(refused: GatewayRefused) -> Exception:
    return TooManyRequests(_FREQUENCY_WAIT) if refused.code == TOO_MANY else _other(refused)


def _other(refused: GatewayRefused) -> ProviderUnavailable:
    """Nothing the resident could change; an operator has to look."""
    _log.error("alipay refused", operation=refused.method, code=refused.code, sub_code=refused.sub_code)
    return unavailable(str(refused))


def _unusable(operation: str, cause: str) -> ProviderUnavailable:
    _log.error("alipay's answer is not usable", operation=operation, cause=cause)
    return unavailable(f"{operation}: {cause}")
