"""Residents and clerks as they really act: over HTTP, with the mini-program's own documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx

from app.identity.rules import Role
from app.seeding import DEV_PASSWORD, dev_login
from graphql_schema.documents import OPERATIONS, document_id
from integrations.sandbox.control import AlipayUser, SandboxControl
from integrations.sandbox.control import Phone as SandboxPhone

T = TypeVar("T")
_TLS = httpx.create_ssl_context()  # each would read all certificates again, which takes longer than a test


def new_key() -> str:
    """A fresh idempotency key."""
    return uuid4().hex


async def until(question: Callable[[], Awaitable[T | None]], *, what: str, seconds: float = 60.0) -> T:
    """Ask again and again until the answer is not empty; fails naming `what` was waited for."""
    give_up = time.monotonic() + seconds
    while True:
        answer = await question()
        if answer:
            return answer
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        await asyncio.sleep(0.1)


class Caller:
    """Somebody with an access token, or without."""

    def __init__(self, base_url: str, language: str = "zh-CN") -> None:
        self.http = httpx.AsyncClient(
            base_url=base_url, timeout=30.0, verify=_TLS, headers={"accept-language": language}
        )
        self.access = ""
        self.refresh = ""
        self.acting_for = ""
        """The account on whose behalf everything is asked; empty for oneself."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        """The bare request, for tests that send what no phone would."""
        if self.access:
            headers["authorization"] = f"Bearer {self.access}"
        if self.acting_for:
            headers["acting-for"] = self.acting_for
        return await self.http.post("/graphql", json=body, headers=headers)

    async def ask(self, operation: str, **variables: Any) -> dict[str, Any]:
        """Run a trusted document by its name; the whole answer with `data` and `errors`."""
        text = (OPERATIONS / f"{operation}.graphql").read_text(encoding="utf-8")
        response = await self.post({"documentId": document_id(text), "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    async def do(self, operation: str, **variables: Any) -> Any:
        """Run a document with one root field and give that field's value; fails on GraphQL errors."""
        answer = await self.ask(operation, **variables)
        assert "errors" not in answer, answer["errors"]
        [value] = answer["data"].values()
        return value

    async def agree(self, *purposes: str) -> None:
        """Read the privacy notice and agree to some of its purposes."""
        notice = await self.do("PrivacyNotice")
        for purpose in purposes:
            consent = await self.do("GiveConsent", purpose=purpose, version=notice["version"])
            assert consent["__typename"] == "Consent", consent

    async def keep(self, tokens: dict[str, str]) -> None:
        self.access, self.refresh = tokens["access"], tokens["refresh"]


class Phone(Caller):
    """A resident's phone: the mini-program on one side, the host app on the other."""

    def __init__(self, base_url: str, control: SandboxControl, person: SandboxPhone, language: str = "zh-CN") -> None:
        super().__init__(base_url, language)
        self.control = control
        self.person = person

    @classmethod
    async def new(cls, base_url: str, control: SandboxControl, language: str = "zh-CN") -> Self:
        return cls(base_url, control, await control.make_phone(), language)

    async def sign_in(self) -> dict[str, Any]:
        code = await self.control.login_code(self.person.openid)
        signed_in: dict[str, Any] = await self.do("SignIn", code=code, device="测试手机")
        assert signed_in["__typename"] == "SignedIn", signed_in
        await self.keep(signed_in["tokens"])
        return signed_in

    async def prove(self) -> dict[str, Any]:
        """Real name by face verification, which asks for a consent of its own; level four afterwards."""
        await self.agree("FACE_CHECK")
        proof = await self.do("BeginProof", name=self.person.name, idNumber=self.person.id_number)
        assert proof["__typename"] == "IdentityProof", proof
        await self.control.face(self.person.openid, proof["ticket"])
        resident: dict[str, Any] = await self.do("FinishProof", id=proof["id"])
        assert resident["__typename"] == "Resident", resident
        return resident

    def address(self) -> dict[str, str]:
        return {
            "receiver": self.person.name,
            "phone": self.person.mobile,
            "divisionCode": "990102",
            "detail": "云澜市澄江区人民路1号(虚构)",
        }


class AlipayPhone(Caller):
    """The same portal opened inside Alipay."""

    def __init__(self, base_url: str, control: SandboxControl, user: AlipayUser, language: str = "zh-CN") -> None:
        super().__init__(base_url, language)
        self.control = control
        self.user = user

    @classmethod
    async def of(cls, phone: Phone) -> Self:
        """The Alipay account of the person who holds a WeChat phone."""
        person = phone.person
        user = await phone.control.add_alipay_user(name=person.name, id_number=person.id_number, mobile=person.mobile)
        return cls(str(phone.http.base_url), phone.control, user)

    async def sign_in(self) -> dict[str, Any]:
        code = await self.control.alipay_auth_code(self.user.open_id)
        signed_in: dict[str, Any] = await self.do("SignIn", code=code, channel="alipay", device="测试手机(支付宝)")
        assert signed_in["__typename"] == "SignedIn", signed_in
        await self.keep(signed_in["tokens"])
        return signed_in

    async def begin_proof(self) -> dict[str, Any]:
        await self.agree("FACE_CHECK")
        proof: dict[str, Any] = await self.do(
            "BeginProof", name=self.user.name, idNumber=self.user.id_number, method="alipay-face"
        )
        return proof

    async def prove(self) -> dict[str, Any]:
        """Real name by Alipay's face verification; level four afterwards."""
        proof = await self.begin_proof()
        assert proof["__typename"] == "IdentityProof", proof
        await self.control.look_into_certify(proof["ticket"], self.user.open_id)
        resident: dict[str, Any] = await self.do("FinishProof", id=proof["id"])
        assert resident["__typename"] == "Resident", resident
        return resident


class Clerk(Caller):
    """A member of staff of one role, by the development account."""

    @classmethod
    async def of(cls, base_url: str, role: Role) -> Self:
        clerk = cls(base_url)
        signed_in = await clerk.do("StaffSignIn", login=dev_login(role), password=DEV_PASSWORD, device="测试工位")
        assert signed_in["__typename"] == "StaffSignedIn", signed_in
        await clerk.keep(signed_in["tokens"])
        return clerk


def outcome(told: Any) -> Any:
    """What an answer came to: the state of the thing, or the code of the problem; what was raised is raised again."""
    if isinstance(told, BaseException):
        raise told
    return told.get("state") or told["code"]
