"""Without this module our signatures could agree with the sandbox and with nobody else."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from app.kernel.callbacks import RawCallback
from integrations.kuaidi100.api import compact, signature
from integrations.kuaidi100.pushes import Kuaidi100Pushes
from integrations.kuaidi100.settings import Kuaidi100Settings

QUERY = '{"com":"ems","num":"1234567890123"}'
CHINESE = '{"com":"shunfeng","num":"SF1234567890123","phone":"1234","resultv2":"4","memo":"中文"}'
PUSH = (
    '{"status":"polling","message":"",'
    '"lastResult":{"state":"0","nu":"1234567890123","com":"ems","ischeck":"0","data":[]}}'
)


@pytest.mark.parametrize(
    ("param", "secret", "right"),
    [
        (QUERY, "KEY123" + "CUST456", "09785B9C615A6F9118E6C435C8A56D2D"),
        (CHINESE, "KEY123" + "CUST456", "B11FA000A40CCFE916D1CC022F8F8BB7"),
        (PUSH, "abc", "98A0065B77DB1BF4322BB779BCAE023D"),
        (PUSH, "", "232AC799BA00D0E090EA8D71BF53B92F"),
        ('{"kuaidicom":"ems"}', "1760000000000" + "KEY123" + "SECRET9", "2A6F4561C4ADD40DEF3BD468EE8D18B1"),
    ],
)
def test_every_known_signature_is_reproduced(param: str, secret: str, right: str) -> None:
    assert signature(param, secret) == right


def test_what_we_send_is_the_text_we_signed() -> None:
    assert compact({"com": "ems", "num": "1234567890123"}) == QUERY
    assert (
        compact({"com": "shunfeng", "num": "SF1234567890123", "phone": "1234", "resultv2": "4", "memo": "中文"})
        == CHINESE
    )


@pytest.mark.parametrize("sign", ["98A0065B77DB1BF4322BB779BCAE023D", "98a0065b77db1bf4322bb779bcae023d"])
async def test_the_known_push_is_believed_in_either_case(sign: str) -> None:
    settings = Kuaidi100Settings.model_construct(salt=SecretStr("abc"))
    reader = Kuaidi100Pushes(settings)
    body = urlencode({"param": PUSH, "sign": sign}).encode()
    received = await reader.read(RawCallback("kuaidi100", "tracking", {}, {}, body))
    assert received.content["number"] == "1234567890123"
