"""Without this module a symmetric mistake would stay hidden: published and independently computed vectors."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integrations.sandbox.kuaidi100.wire import digest
from integrations.sandbox.wechat.face import hash_of
from integrations.sandbox.wechat_pay.wire import is_signed_by, sign, wrap

GO_P = int(
    "178062260071288697273709389741157537393063102198706922281741366139225147744842295090125559495319448815021995"
    "627069992229368814019060359072592915766787827993907004784914312606925413221338094019408910854677987909279340"
    "564665779142317132338450945373191885738257378616092146597646355940203063245456919548469558449"
)
GO_Q = int(
    "154066592756272108019386125976175716318312842618968033912022527598834610642193463227968669704111987404276438"
    "006771716857170003235881330972219773645677988689786991755981556458523743883543459615996505292576627577209735"
    "587156698657968301298021708604589343672320626801126481041601564490237455587311066091597657059"
)

VECTORS = {
    "GO: plain": (
        "source",
        (
            "BKyAfU4iMCuvXMXS0Wzam3V/cnxZ+JaqigPM5OhljS2iOT95OO6Fsuml2JkFANJU9K6q9bLlDhPXuoVz+pp4hAm6pHU4ld815U4jsKu1Rkya"
            "II+1CYBUYC8TK0XtJ8FwUXXz8vZHh58rrAVN1XwNyvD1vfpxrMT4SL536GLwvpUHlCqIMzoZUguLli/K8V29QiOhuH6IEqLNJn8e9b3nwNcQ"
            "7be3CzYGpDAKBfDGPCqCv8Rw5zndhlffk2FEA70G4hvMwe51qMN/RAJbknXG23bSlObuTCN7Ndj1aJGH6/L+hdwfLpUtJm4QYVazzW7DFD27"
            "EpSQEqA8bX9+8m1rLg=="
        ),
    ),
    "GET request": (
        (
            "GET\n"
            "/v3/pay/transactions/out-trade-no/A20260101000001?mchid=1900000001\n"
            "1700000000\n"
            "0123456789ABCDEF0123456789ABCDEF\n"
            "\n"
        ),
        (
            "hvyS/KFT/A7lX/We/7A3Vmd8mxzEumyZf6k5+wzMXFMb+gU3xr9nCOZaH9huRnApZdQtxet4Yl60n8sRPZvE8s1nmpxWWIHdVHc51BqYIXz3"
            "6xpMCKojI9qYp6f+s2XuLBupqek/9oPQCuUDdYXZl3oV9CXPeTtRUvus6adviAaYWgXV/wquMwmhSmHSswrfVWC4+GrEQtwtXec2jl/W+OXw"
            "u3t0wTBikV8xlsYlXlOYGF7t9u/h3APj3wiLwJOM09swrOP5jLhT7NqkFrSLHL2Ve2k+JkiZhRUYkBOmOW9GKZxRlF5Y8mhIQPTr8J7zznNo"
            "3O5tw4b2RfUsDsQIng=="
        ),
    ),
    "POST request": (
        (
            "POST\n"
            "/v3/pay/transactions/jsapi\n"
            "1700000000\n"
            "0123456789ABCDEF0123456789ABCDEF\n"
            '{"appid":"wx0000000000000001","mchid":"1900000001","description":"test","out_trade_no":"A20260101000001","notify_url":"https://example.test/pay/notify","amount":{"total":100,"currency":"CNY"},"payer":{"openid":"oTEST"}}\n'
        ),
        (
            "RIYK8MLVN6OHoxwaEWWdD0ubkYkFX4er7PLWlZOK16O9/8a0wfk4GPNJnMsI8nPMI+WfF92HNNBg2OCWOW8ItnXHHXx4dBTZnmRwBfPFnSJo"
            "L+O5Q21XlCstWuzh4JI0rfWN9nyydK/GWmFEZaL3XCniS9LtzLNqTKMZ/PbRyekSe8fdJn46eX7+ErgmCsekufzBHu/VvhmkIIXPTq3o1kn+"
            "nEO3UTcrQ2pUPBuK6R1P02+Q3B9Rt1X8H1x9vJhfE0Ztr10Dw5/1sKyE866GDfuUNhlUlLyKTmQc2shUyuWLzsBgkKuGMJ0QpzLpJJ7GmYT3"
            "wt99c2giMrDIzX1vDg=="
        ),
    ),
    "paySign": (
        (
            "wx0000000000000001\n"
            "1700000000\n"
            "0123456789ABCDEF0123456789ABCDEF\n"
            "prepay_id=wx00000000000000000000000000000001\n"
        ),
        (
            "FFtqq5lUVzOFrNUikDGW8n2pjAEmgp5j4mon0acc85FG+ibUbYVgS7d3mdiQlBqf6wCedvXkVvfPqKGd4yLuo3U+jWs8tHUdLCBxhFFMYkyX"
            "9Irob9dTOFhNa/5qP84muGOcDbdsAiF2I4WGFy+fHTTh9Lx3+YejjR4zsjFGIc71HWX19QGuCd7rNRmk+k6+ZuAqLqtwTP6ZTpUamr/7DiTd"
            "CeklmVBe2orrA5WxJDijWhb/kJAr43pcKGrW+pqcwtxuQUYA2HPaafgGJLm6UM3KymqM7CqksJfve/H1tgjkQX7ttfIti0uPMGcUYLBzwtkK"
            "aG757cvgl8LceuoCNQ=="
        ),
    ),
    "204 without a body": (
        "1700000000\n0123456789ABCDEF0123456789ABCDEF\n\n",
        (
            "t6S6pTmIHtFr22w4JGQEX/fWQLBjJmkKPPbtWpyuJ9zh6k0UDfu4MRTu9ApDY0r3taeZdZEbQmoz247MNBYGYKKWJhSCEPOXH8097JJj0cGG"
            "bOcunS9EObV4Astqb7whI1PJ1F8sugFK+Gskx3iDytmRrh6fbHIh+gj6U03htRbu00CQ2hy9qXUFGGXOBkPvlv31nrtumcV+kjG3NQ4VvFQY"
            "PX+FMwHm577dChSj9cjgFY7Epural2EICLE2zDSTDztXD1uGNIkfTqIXkSxeQefub/mlQZlmE5y0LaprcJkB/8ODmUsxEIazQbV1AcWbFpGv"
            "1A/enJUqESA2Mzhrcw=="
        ),
    ),
    "GO: notification": (
        (
            "1624523846\n"
            "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz\n"
            '{"id":"3119dfba-e649-5eec-ab1e-3412bc4d2e17","create_time":"2021-06-24T16:37:26+08:00","resource_typ'
            'e":"encrypt-resource","event_type":"PAYSCORE.USER_OPEN_SERVICE","summary":"签约成功","resource":{"origin'
            'al_type":"payscore","algorithm":"AEAD_AES_256_GCM","ciphertext":"YDS3lKPaC4Y52Gf3uhft5qUBlIa8b428AWT'
            "tTauHQfQrRw+X1WpiuHIDy0vo1Vd6VEq67aVyqPdDYMkRVSDaZL3iZttevRMOoPKMifozg6XPWjIZumks/GpT48lI4NizyeaqLBo"
            "kNebthah3o1H76qSlO9NkDjp9bzmKLEYYH9TEklFUpsvPqOTOcgSLgh21YJXYR7dEBXFgRLiNIKRgO5JdXh1hccRUAlyVWxE54PX"
            'pnQ==","associated_data":"payscore","nonce":"Kj7QIyUiYx1q"}}'
            "\n"
        ),
        (
            "tJHIiIS9eB2hAYstmAmbbD3ZE5LiIm/Ug5tuL4fC0YOFRWIHV39UFIZXC0e9Wl6lBu6sKvkqDkzpqzBsVHyXFlbYZTOQrVdG4b6LfTnK4mikv9"
            "++ixJMd3vTf2yCqvBkh98zs3Ds5zsYQakzbcwhmw4fMJs4nPLws28H0UW9FjDR//rxELLwXvV1VEA1IBLX70xptjL8hrfUjEE8kkry6yNJTHZR"
            "U8CAc7qHli2Ng1V1qb9ARbK8A3ThmFmPQvRGrapI/jS2laKKgYUmfdEdkNO6B2Cke5e8VTxY406ArAmQ90GAihDwIcb16TQMnzCMBoutnwZKNi"
            "KRACrFmtxw2Q=="
        ),
    ),
}


SEALED = {
    "java-32": (
        "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb",
        "uluk4a9R25RW",
        "associatedData",
        ("ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI="),
        "message",
    ),
    "own-32": (
        "0123456789abcdef0123456789abcdef",
        "abcdefghijkl",
        "transaction",
        (
            "Eu6k3KOMCfFZPsMoOqloD2wBiy6brE00a8ph6KA9qo8zps/eFHazkXpIppA/o7btrmWMhIp8WtmqjS4pyfL7Ma2H7O/A0jUYRhpGO3pKyB+bmI"
            "QBxusFM6pzBL1V3hYXi77DitWKOm/ZqhrADt8UzmeYxm8bYl1YnFHlId0iLnPzIhROR6ZMmOwS5nObd4eL4YZVmaSjJDT+1Zuf88VnBzw5SDqC"
            "jbA8tZC29tcSe2I="
        ),
        (
            '{"mchid":"1900000001","out_trade_no":"A20260101000001","trade_state":"SUCCESS","amount":{"'
            'total":100,"payer_total":100,"currency":"CNY","payer_currency":"CNY"}}'
        ),
    ),
}


@pytest.fixture(scope="module")
def go_key() -> RSAPrivateKey:
    n, phi = GO_P * GO_Q, (GO_P - 1) * (GO_Q - 1)
    d = pow(65537, -1, phi)
    crt = (rsa_crt_dmp1(d, GO_P), rsa_crt_dmq1(d, GO_Q), rsa_crt_iqmp(GO_P, GO_Q))
    return RSAPrivateNumbers(GO_P, GO_Q, d, *crt, RSAPublicNumbers(65537, n)).private_key()


@pytest.mark.parametrize("name", VECTORS)
def test_rsa_signatures_are_those_of_the_published_vectors(name: str, go_key: RSAPrivateKey) -> None:
    message, signature = VECTORS[name]
    assert sign(go_key, message.encode()) == signature
    assert is_signed_by(go_key.public_key(), message.encode(), signature)


def test_a_changed_message_or_signature_does_not_verify(go_key: RSAPrivateKey) -> None:
    message, signature = VECTORS["GO: plain"]
    assert not is_signed_by(go_key.public_key(), message.encode() + b"\n", signature)
    assert not is_signed_by(go_key.public_key(), message.encode(), "A" + signature[1:])
    assert not is_signed_by(go_key.public_key(), message.encode(), "not base64")


def test_a_wrapped_resource_opens_with_plain_aes_gcm() -> None:
    key = "0123456789abcdef0123456789abcdef"
    resource = wrap(key, "明文".encode(), "transaction")
    assert len(resource["nonce"]) == 12
    sealed = base64.b64decode(resource["ciphertext"])
    assert AESGCM(key.encode()).decrypt(resource["nonce"].encode(), sealed, b"transaction").decode() == "明文"


@pytest.mark.parametrize("name", SEALED)
def test_what_is_sealed_is_that_of_the_published_vectors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, nonce, associated, ciphertext, plain = SEALED[name]
    drawn = iter(nonce)
    monkeypatch.setattr("integrations.sandbox.wechat_pay.wire.secrets.choice", lambda _: next(drawn))
    assert wrap(key, plain.encode(), associated) == {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": ciphertext,
        "associated_data": associated,
        "nonce": nonce,
    }


def test_the_cert_hash_is_that_of_the_official_page() -> None:
    person = {"cert_type": "IDENTITY_CARD", "cert_name": "张三", "cert_no": "310101199801011234"}
    assert hash_of(person) == "3c241f7ff324977aeb91f173bb2a7b06569e6fd784d5573db34a636d8671108b"


@pytest.mark.parametrize(
    ("message", "kind", "signature"),
    [
        ('{"com":"ems","num":"1234567890123"}KEY123CUST456', "MD5", "09785B9C615A6F9118E6C435C8A56D2D"),
        (
            '{"com":"shunfeng","num":"SF1234567890123","phone":"1234","resultv2":"4","memo":"中文"}KEY123CUST456',
            "MD5",
            "B11FA000A40CCFE916D1CC022F8F8BB7",
        ),
        (
            '{"com":"ems","num":"1234567890123"}KEY123CUST456',
            "SHA256",
            "45E13C66AB05AFDC3D014DD509382889A9F022F55EC64E091F22712433468DB4",
        ),
        (
            '{"status":"polling","message":"","lastResult":{"state":"0","nu":"1234567890123","com":"ems","ischeck":"0","data":[]}}abc',
            "MD5",
            "98A0065B77DB1BF4322BB779BCAE023D",
        ),
    ],
)
def test_express_signatures_are_those_of_the_vectors(message: str, kind: str, signature: str) -> None:
    assert digest(message, kind) == signature
