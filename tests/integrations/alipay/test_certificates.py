"""Without this module a renewed certificate could be anybody's."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from alipay.aop.api.response.AlipayUserCertifyOpenQueryResponse import AlipayUserCertifyOpenQueryResponse
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from app.identity.errors import PhoneCodeInvalid
from app.kernel.errors import ProviderUnavailable
from integrations.alipay.certificates import rsa_roots, serial_of, serial_of_roots
from integrations.alipay.phone_numbers import PhoneNumbers
from integrations.alipay.settings import AlipaySettings
from tests.integrations.alipay.scripted import (
    ALIPAYS,
    APP_ID,
    Issued,
    Scripted,
    issue,
    pem_of,
    signature_of,
    signed,
    with_settings,
)
from tests.integrations.alipay.test_gateway import METHOD, PASSED, question
from tests.integrations.alipay.test_vectors import cipher

DOWNLOAD = "alipay.open.app.alipaycert.download"
BROKEN = b"-----BEGIN CERTIFICATE-----\nMIIBkjCCATigAwIBAgIBADAK\n-----END CERTIFICATE-----\n"


@dataclass
class Mode:
    """Certificate mode between us and a scripted Alipay; `shown` is what the download gives."""

    root: Issued
    stage: Scripted
    shown: bytes = b""

    def alipay_signs_with(self, issued: Issued, *, found: bytes | None = None) -> None:
        self.shown = issued.pem if found is None else found
        sn = serial_of(issued.certificate)

        def answer(form: dict[str, str]) -> str:
            if form["method"] == DOWNLOAD:
                content = base64.b64encode(self.shown).decode()
                node = f'{{"code":"10000","alipay_cert_content":"{content}"}}'
                return signed(generate_private_key(65537, 2048), DOWNLOAD, node, "nobody can check this one")
            return signed(issued.key, METHOD, PASSED, sn)

        self.stage.answering = answer

    async def ask(self) -> str:
        told = await self.stage.gateway.ask(question(), AlipayUserCertifyOpenQueryResponse())
        return str(told.passed)

    async def cause(self) -> str:
        with pytest.raises(ProviderUnavailable) as refusal:
            await self.ask()
        [cause] = refusal.value.__notes__
        return cause.removeprefix(f"{METHOD}: ")

    def downloads(self) -> list[str]:
        return [form["biz_content"] for form in self.stage.forms() if form["method"] == DOWNLOAD]


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("Root of the tests", "Root R1", ca=True)


@pytest.fixture(scope="module")
def first(root: Issued) -> Issued:
    return issue(ALIPAYS, "first", root)


@pytest.fixture
def mode(tmp_path: Path, root: Issued, first: Issued) -> Mode:
    app_key = generate_private_key(65537, 2048)
    (tmp_path / "app.pem").write_bytes(pem_of(app_key))
    (tmp_path / "app.crt").write_bytes(issue("Our city", "app", root, key=app_key).pem)
    (tmp_path / "alipay.crt").write_bytes(first.pem)
    (tmp_path / "root.crt").write_bytes(BROKEN + root.pem)
    settings = AlipaySettings.model_validate(
        {
            "gateway_url": "http://alipay.test/gateway.do",
            "app_id": APP_ID,
            "app_private_key_file": tmp_path / "app.pem",
            "public_key_file": None,  # whatever the environment says
            "app_cert_file": tmp_path / "app.crt",
            "cert_file": tmp_path / "alipay.crt",
            "root_cert_file": tmp_path / "root.crt",
        }
    )
    return Mode(root, with_settings(settings, first.key, app_key))


async def test_every_question_names_our_certificate_and_the_roots(mode: Mode, root: Issued, first: Issued) -> None:
    mode.alipay_signs_with(first)
    assert await mode.ask() == "T"
    [form] = mode.stage.forms()
    assert len(form["app_cert_sn"]) == 32
    assert form["alipay_root_cert_sn"] == serial_of(root.certificate)


def test_blocks_that_cannot_be_read_do_not_count(root: Issued) -> None:
    other = issue("Root of the tests", "Root R2", ca=True)
    roots = rsa_roots(b"words\n" + root.pem + BROKEN + other.pem)
    assert roots == (root.certificate, other.certificate)
    assert serial_of_roots(roots) == f"{serial_of(root.certificate)}_{serial_of(other.certificate)}"


async def test_a_renewed_certificate_is_fetched_once_and_kept(mode: Mode, root: Issued, first: Issued) -> None:
    renewed = issue(ALIPAYS, "renewed", root)
    mode.alipay_signs_with(renewed)
    assert await asyncio.gather(*(mode.ask() for _ in range(5))) == ["T"] * 5
    assert mode.downloads() == [f'{{"alipay_cert_sn":"{serial_of(renewed.certificate)}"}}']
    mode.alipay_signs_with(first)
    assert await mode.ask() == "T"
    assert len(mode.downloads()) == 1


async def test_a_certificate_may_lead_to_the_roots_over_another(mode: Mode, root: Issued) -> None:
    between = issue("Authority of the tests", "Class 2", root, ca=True)
    renewed = issue(ALIPAYS, "renewed", between)
    mode.alipay_signs_with(renewed, found=renewed.pem + between.pem)
    assert await mode.ask() == "T"


async def test_a_certificate_nobody_vouches_for_is_refused(mode: Mode, root: Issued, first: Issued) -> None:
    stranger = issue("Root of the tests", "Root R1", ca=True)
    mode.alipay_signs_with(issue(ALIPAYS, "forged", stranger))
    assert await mode.cause() == "certificate-unvouched"
    assert await mode.cause() == "certificate-unknown"
    assert len(mode.downloads()) == 1
    mode.alipay_signs_with(first)
    assert await mode.ask() == "T"


async def test_whoever_may_not_issue_certificates_cannot(mode: Mode, root: Issued) -> None:
    merchant = issue("A merchant", "app", root)
    forged = issue(ALIPAYS, "forged", merchant)
    mode.alipay_signs_with(forged, found=forged.pem + merchant.pem)
    assert await mode.cause() == "certificate-unvouched"


async def test_another_merchants_certificate_is_not_alipays(mode: Mode, root: Issued) -> None:
    mode.alipay_signs_with(issue("A merchant", "app", root))
    assert await mode.cause() == "certificate-of-another"


async def test_a_certificate_out_of_its_time_is_refused(mode: Mode, root: Issued) -> None:
    mode.alipay_signs_with(issue(ALIPAYS, "old", root, days_left=-1))
    assert await mode.cause() == "certificate-out-of-time"


async def test_another_certificate_than_the_announced_is_refused(mode: Mode, root: Issued) -> None:
    mode.alipay_signs_with(issue(ALIPAYS, "renewed", root), found=issue(ALIPAYS, "other", root).pem)
    assert await mode.cause() == "certificate-not-the-announced"


@pytest.mark.parametrize("cert_sn", ["x", "A" * 32, "0" * 33, "../" * 10])
async def test_what_is_no_serial_is_not_asked_for(mode: Mode, first: Issued, cert_sn: str) -> None:
    mode.stage.answering = lambda _: signed(first.key, METHOD, PASSED, cert_sn)
    assert await mode.cause() == "certificate-unknown"
    assert mode.downloads() == []


async def test_an_announced_certificate_is_the_only_one_that_may_have_signed(mode: Mode, root: Issued) -> None:
    renewed = issue(ALIPAYS, "renewed", root)
    mode.alipay_signs_with(renewed)
    assert await mode.ask() == "T"
    mode.stage.answering = lambda _: signed(renewed.key, METHOD, PASSED, "")
    assert await mode.ask() == "T"
    mode.stage.answering = lambda _: signed(mode.stage.alipay_key, METHOD, PASSED, serial_of(renewed.certificate))
    assert await mode.cause() == "signature-wrong"


def test_a_phone_number_names_no_certificate_and_any_we_know_will_do(mode: Mode, first: Issued) -> None:
    sealed = cipher().encrypt('{"code":"10000","mobile":"13800000000"}')
    numbers = PhoneNumbers(mode.stage.gateway.trust, cipher())
    told = {"response": sealed, "sign": signature_of(first.key, f'"{sealed}"')}
    assert numbers.open(json.dumps(told)) == "13800000000"
    with pytest.raises(PhoneCodeInvalid):
        numbers.open(json.dumps(told | {"sign": signature_of(mode.root.key, f'"{sealed}"')}))
