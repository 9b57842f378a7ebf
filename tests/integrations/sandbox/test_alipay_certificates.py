"""Without this module certificate mode could be a word: serials are checked, shown, renewed and can be fetched."""

import base64
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from integrations.sandbox.alipay_keys import issuer_sn
from integrations.sandbox.control import AlipayUser, SandboxControl
from integrations.sandbox.keys import alipay_certificate_environment
from tests.integrations.sandbox.alipay_app import AlipayApp, certificates_of, serial_of
from tests.integrations.sandbox.process import SandboxProcess

DOWNLOAD = "alipay.open.app.alipaycert.download"
TWO = "datadigital.fincloud.generalsaas.twometa.check"


@pytest.fixture
def app(control: SandboxControl, client: httpx.AsyncClient, process: SandboxProcess) -> AlipayApp:
    return AlipayApp(alipay_certificate_environment(process.state, process.base_url), client)


@pytest.fixture
async def user(control: SandboxControl) -> AlipayUser:
    return await control.add_alipay_user()


def two(user: AlipayUser) -> dict[str, str]:
    known = {"cert_name": user.name, "cert_no": user.id_number}
    return known | {"biz_code": "TWO_META", "outer_biz_no": "B1", "cert_type": "IDENTITY_CARD"}


def test_the_serials_of_the_production_bundle_come_out() -> None:
    first = "CN=Ant Financial Certification Authority R1,OU=Certification Authority,O=Ant Financial,C=CN"
    second = "CN=iTrusChina Class 2 Root CA - G3,OU=China Trust Network,O=iTrusChina,C=CN"
    assert issuer_sn(first, 2292228364100439313) == "687b59193f3f462dd5336e5abf83c5d8"
    assert issuer_sn(second, 95790491425698859646659490580052089075020051350) == "02941eef3187dddf3d3b83462e1dfcf6"


def test_the_bundle_has_a_block_that_does_not_count_and_signs_the_rest(app: AlipayApp) -> None:
    roots = certificates_of(app.env["ALIPAY_ROOT_CERT_FILE"])
    kinds: list[Any] = [type(root.public_key()) for root in roots]
    assert [issubclass(kind, ec.EllipticCurvePublicKey) for kind in kinds] == [False, True, False]
    for name in ("ALIPAY_APP_CERT_FILE", "ALIPAY_CERT_FILE"):
        certificates_of(app.env[name])[0].verify_directly_issued_by(roots[0])


async def test_an_answer_tells_the_serial_and_is_signed_with_that_certificates_key(
    app: AlipayApp, client: httpx.AsyncClient, env: dict[str, str], user: AlipayUser
) -> None:
    told = await app.ask(TWO, two(user))
    assert told.cert_sn == serial_of(certificates_of(app.env["ALIPAY_CERT_FILE"])[0])
    assert told.content["match"] == "T"
    app.verify(told)
    in_key_mode = AlipayApp(env, client)
    with pytest.raises(InvalidSignature):
        in_key_mode.verify(told)
    assert (await in_key_mode.ask(TWO, two(user))).cert_sn is None


async def test_a_wrong_or_single_serial_is_refused(app: AlipayApp, user: AlipayUser) -> None:
    right = app.certificate_numbers()
    wrong: list[dict[str, Any]] = [
        {"app_cert_sn": "0" * 32},
        {"app_cert_sn": ""},
        {"alipay_root_cert_sn": right["alipay_root_cert_sn"].split("_")[0]},
        {"alipay_root_cert_sn": ""},
    ]
    for changes in wrong:
        told = await app.ask(TWO, two(user), **changes)
        assert (told.node, told.sub_code) == ("error_response", "40002 isv.invalid-cert-sn")


async def test_a_renewed_certificate_can_be_fetched_and_checked_against_the_bundle(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    await control.be_hostile(alipay_new_certificate=True)
    told = await app.ask(TWO, two(user))
    assert told.cert_sn != serial_of(certificates_of(app.env["ALIPAY_CERT_FILE"])[0])
    with pytest.raises(InvalidSignature):
        app.verify(told)
    fetched = await app.ask(DOWNLOAD, {"alipay_cert_sn": told.cert_sn})
    pem = base64.b64decode(fetched.content["alipay_cert_content"], validate=True)
    renewed = x509.load_pem_x509_certificate(pem)
    assert serial_of(renewed) == told.cert_sn
    renewed.verify_directly_issued_by(certificates_of(app.env["ALIPAY_ROOT_CERT_FILE"])[0])
    key = renewed.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    app.verify(told, key)
    unknown = await app.ask(DOWNLOAD, {"alipay_cert_sn": "0" * 32})
    assert unknown.sub_code == "40004 CERT_NOT_EXIST"
