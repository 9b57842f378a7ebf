"""Without this module a symmetric mistake would stay hidden: Alipay's vectors, computed independently of our code."""

import base64
import json
from hashlib import sha256
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from integrations.sandbox.alipay.wire import compact, decrypt, encrypt, is_signed_by, signed_text
from tests.integrations.sandbox.alipay_app import taken_apart

PUBLIC_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA23oTWkRSbPiyYCzXS7BPIu8X1bkeZL36lPXpDu7NtflkEBO0HLcSDs40y6QkvUd+"
    "rCbcxzZKADsuBXre7uiR/S2qko6zjvZBaNXEFbKI29OBelzlG7SJArQ7CUMWoFpu+m+w/N++PJkt/xNh5QZOutWtrw6N2rayyfgj5btTGSAm"
    "hCpLqz+DY71vURFqWnlWy6KhBmOaULYQIyrYOjfgf+UalG1/OfY2VMQkUANXFiWkHFgn8UCfgsyte3XZSGd2FdOIpCCATjQatm1RaQSRRSSC"
    "a9FsZ9SmDa+pBgK1AWsq80TvXOtllEQpRVrwwJQnLdgvlu5DB2vBcfeCrTb8aQIDAQAB"
)

AES_KEY = "MDEyMzQ1Njc4OWFiY2RlZg=="

REQUEST_CONTENT = (
    '{"out_trade_no":"T20260301000001","total_amount":"12.50","subject":"工本费","product_code":"JSAPI_PAY","op_app_'
    'id":"2021000000000001","buyer_open_id":"0581abc-_XYZ"}'
)

REQUEST = {
    "app_id": "2021000000000001",
    "charset": "utf-8",
    "format": "JSON",
    "method": "alipay.trade.create",
    "notify_url": "https://mp.example.gov.cn/notify/alipay?x=1",
    "sign_type": "RSA2",
    "timestamp": "2026-03-01 09:00:00",
    "version": "1.0",
    "biz_content": REQUEST_CONTENT,
    "app_auth_token": "",
}
REQUEST_SIGN = (
    "D2SCCFxesjWNzMuHQ8ZEViHfp9HhifUhFk/1vEhHZQSnnF05zP+Npiv3k699LfBg4UoAyUEW/JT9NUQQ04Alty821ZfpjGkQsIzf4JT1czQ2"
    "lazvdT9u87b95rY7zFhkihLz6VfXIt3HY0w45fZEBtRDL8Tp5jpRNXF8TSI+54Yl3+EF4MGg//3u7W60ZkD6nvq9opbaUE4Bx+OmZHCwuYKJ"
    "yIASzV0zDwFNiQRqS3f+VBVZi827G68eZhQpQck/2okZtJtKuEzPwRvEwoQOcbOwJlRd4wGLAJ+kqEOOYKJwnjaYbcKcHV4Xw3nUtVMXtw7n"
    "cnPdRWAMgekH/BE7dw=="
)

RESPONSE = (
    r'{"alipay_trade_create_response":{"code":"10000","msg":"Success","out_trade_no":"T20260301000001","memo":"a\"'
    r'}b{ \u5de5本费","trade_no":"2026030122001400000000000001"},"sign":"q3NoEvxyyqX09M700mOs90km2+LzBOfDlDmjoBSbrMk'
    "6JewqEL115I0kNSGc25SQrXxyHPXVFV/lPVNjIgFHD8mJlKVeg+TZtNAtosqe6N0WuOVLfYTlQKN9+1kGyH/vVxAfuLNHIIYmWNxCdevlSLP"
    "NcY0Bn0C0EiRbKW6CDohFD/nbTpzEn7/SAjP0GHtXlHiX0dNVZZKXk/uH+LdyLXYZ15ZTfbtVkDj/5LOK/Q4josknaSaGnXfWtHsadT8PZap"
    'g66B+hnXZgmCh3th/cUw1giP/d8NfTI/KjFyTzuYOy4VyhBSr4X7sAwoVKnDFLXkXrzSK6BTABOPekPuitA=="}'
)

NOTIFICATION = (
    "gmt_create=2026-03-01+09%3A00%3A05&charset=utf-8&gmt_payment=2026-03-01+09%3A00%3A09&notify_time=2026-03-01+"
    "09%3A00%3A10&subject=%E5%B7%A5%E6%9C%AC%E8%B4%B9+A%2BB%26C&buyer_open_id=0581abc-_XYZ&body=&invoice_amount=1"
    "2.50&version=1.0&notify_id=2026030101222090010000000000000001&fund_bill_list=%5B%7B%22amount%22%3A%2212.50%2"
    "2%2C%22fundChannel%22%3A%22ALIPAYACCOUNT%22%7D%5D&notify_type=trade_status_sync&out_trade_no=T20260301000001"
    "&total_amount=12.50&trade_status=TRADE_SUCCESS&trade_no=2026030122001400000000000001&auth_app_id=20210000000"
    "00001&receipt_amount=12.50&app_id=2021000000000001&buyer_pay_amount=12.50&seller_id=2088000000000001&sign_ty"
    "pe=RSA2&sign=x2ybHOU09bMllqAod6IZBJAdYRVplV301bin0mp1fNldvuF1bq2Yaj%2BKIIy8sNfb4SKmsSoA964f%2FIcVOTBvCMufYpw"
    "X%2Bc2QciiQXflpYLY2OeRk9%2Fa1Bl6BMbMEg%2B8XHdGO3EqfS%2BCUytFzDNj8rxMzPFWuKl7r0Q2zCn7Mc5Eugy3ZtcqivGwiM3lekjF"
    "FVQ1YX4NTtl%2BpFZd9sd3sOg3z5zu29VTY3WxSfDrCTjAuFSjk8dq92zniicNyw8wIP%2FZekSbUk5iDM6an%2FcF2D8%2FN%2BNSkPK6DF"
    "w7BqYx%2BwkPVMhcqBeouLwmH4JirMb3F%2B28abU6riPNbZpt9EVuPzA%3D%3D"
)

ENCRYPTED_RESPONSE = (
    '{"alipay_trade_create_response":"sb44umJUD7auqhU6RDzOGa1sxXOWIxth2OsK89GQTNOSzPdbTQ9Inx8cZ30P9AXFeeS2gZol1V+'
    "SnQPLi5f47rXucPo76gb+0BCXN/V24/Kgxa+TAHGCdeTTH+WZ/kbLYUCWfWRFqk8tAJYFnKCh7CDWByoP5+bL/ilbW2pdAw4V13zrDJyBAe/"
    '6oqPulqmQ","sign":"w19+GxF3iLy08QvDhDZJIAKfJnykYKfWaoc/Zf07ghALNHwq/EeChW+X2nxEetOUvkdmFAigY70HfJP+cz+8pc+pj'
    "PpX621vhp5PiJu1oISbcjXnVEEXWJ9QgGfr+GkFJ0VHenh8VbVD3osND35JrFwpWNs6OCNCP/9u68RhiCxe6XvoXbmGKqPryQaRs6FnuONHs"
    "h17onh2nQG85cdGSURZXXl3QGycWe7HkpXpwRDyRTg5v3au5cC1/fC3bIOmALCiMLcCYf3DgOI+zmLHCa+1Ev3u8azbmrmw7o5aLPHx4Ihtf"
    'f4JdUCAtbVwQYdE+e7TnmlxFhUsFimXsyOHxQ=="}'
)

PHONE = "sb44umJUD7auqhU6RDzOGa1sxXOWIxth2OsK89GQTNNv4ErpbKZS96y8shP9xpRPVEOBuwq2r3IfDvUmNN+1jw=="
PHONE_SIGN = (
    "Mj47I0khEYuxDaUHZ/0varf4aeIQQ4UzbpTBaBFAJLaFHOtS5iDkwsceTpJJDWbXhMFK0kWB9YtaIP4xCZYivMqwzVpWO6i57D+R5uKCpxQ4"
    "yAkW5Kk3gR4NnB/9d6fAJ/9Dlx5eXZ84eVt3GlLoOm9L6dhFdyH/rvbIcsmxtIO13uC7wDzQhuW0nidNq9Z8/xVYbYyI1HhlEAuvQTfC2LDW"
    "WDJOkt1gQggg1Aqqh15p+OktTXS6uqvagEOzf/ujx/HM8Dg28wc22fMA9LVKyoMmk8k/H2zutCQel2LJqzKaCKUie5Trvltgs9ZLbc76f4hf"
    "wU9D9Vm0tEIPwgV+2Q=="
)


@pytest.fixture(scope="module")
def key() -> RSAPublicKey:
    known = load_der_public_key(base64.b64decode(PUBLIC_KEY))
    assert isinstance(known, RSAPublicKey)
    return known


def test_a_request_is_signed_over_the_text_of_the_vector(key: RSAPublicKey) -> None:
    text = signed_text({**REQUEST, "sign": REQUEST_SIGN})
    assert len(text.encode()) == 369
    assert sha256(text.encode()).hexdigest() == "6d400967ac0bb461d0e5b4f711e7a6e22e80c1f46d5e0fac5ec05d86f239b74a"
    assert is_signed_by(key, text, REQUEST_SIGN)
    assert not is_signed_by(key, text.replace("12.50", "12.51"), REQUEST_SIGN)
    assert not is_signed_by(key, text, "A" + REQUEST_SIGN[1:])


def test_a_response_is_signed_over_its_raw_node(key: RSAPublicKey) -> None:
    told = taken_apart(RESPONSE)
    assert told.content["memo"] == 'a"}b{ 工本费'
    assert told.sign is not None
    assert is_signed_by(key, told.raw, told.sign)
    assert not is_signed_by(key, compact(told.content), told.sign)


def test_a_notification_is_signed_without_its_sign_type(key: RSAPublicKey) -> None:
    form = dict(parse_qsl(NOTIFICATION, keep_blank_values=True))
    assert form["subject"] == "工本费 A+B&C"
    kept = signed_text(form)
    text = signed_text({name: value for name, value in form.items() if name != "sign_type"})
    assert sha256(text.encode()).hexdigest() == "c89cb91688f3e888ce634713e176d51700b9df3f3c2a0998ae053c8565c8c244"
    assert is_signed_by(key, text, form["sign"])
    assert not is_signed_by(key, kept, form["sign"])


@pytest.mark.parametrize(
    ("plain", "sealed"),
    [
        ('{"a":"1"}', "oozy3fB4klnkNWAfIhVfyA=="),
        ('{"subject":"工本费"}', "VZTvLyihUCqBN1ypx/JjJx+SP10YCqDRfpXd4hhUm6A="),
    ],
)
def test_content_is_encrypted_as_in_the_vectors(plain: str, sealed: str) -> None:
    assert encrypt(AES_KEY, plain) == sealed
    assert decrypt(AES_KEY, sealed) == plain
    for wrong in (sealed[:-4], "A" * 24, "not base64"):
        with pytest.raises(ValueError, match=r".+"):
            decrypt(AES_KEY, wrong)


def test_an_encrypted_response_is_signed_with_its_quotes_and_opens_to_the_plain_one(key: RSAPublicKey) -> None:
    told = taken_apart(ENCRYPTED_RESPONSE)
    assert told.sign is not None
    assert is_signed_by(key, told.raw, told.sign)
    assert not is_signed_by(key, told.content, told.sign)
    assert decrypt(AES_KEY, told.content) == taken_apart(RESPONSE).raw


def test_a_phone_number_is_signed_with_its_quotes(key: RSAPublicKey) -> None:
    assert is_signed_by(key, f'"{PHONE}"', PHONE_SIGN)
    assert not is_signed_by(key, PHONE, PHONE_SIGN)
    assert json.loads(decrypt(AES_KEY, PHONE)) == {"code": "10000", "msg": "Success", "mobile": "13800000000"}


def test_an_answer_escapes_some_characters_and_says_the_same() -> None:
    content = {"address": "https://a/b", "name": "测试居民"}
    assert compact(content) == r'{"address":"https:\//a\/b","name":"测\u8bd5居\u6c11"}'
    assert json.loads(compact(content)) == content
