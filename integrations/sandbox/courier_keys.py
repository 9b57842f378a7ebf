"""Without this module couriers' order desks would have no keys: Kuaidi100's secret, and the agreement with the post."""

from __future__ import annotations

import base64
import secrets
import string
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from integrations.sandbox.key_files import ALPHANUMERIC, make_once, random_text, write

ACCOUNT = "account.json"


@dataclass(frozen=True)
class CourierKeys:
    """`ems_key` is base64 of sixteen bytes, as the post gives it out."""

    kuaidi100_secret: str
    ems_sender_no: str
    ems_authorization: str
    ems_key: str


def load_courier_keys(state: Path, folder: Path) -> CourierKeys:
    """Made on first use, also for a state folder that is older than this part of the sandbox."""
    make_once(state, folder, ACCOUNT, _write_keys)
    return CourierKeys(**orjson.loads((folder / ACCOUNT).read_bytes()))


def environment(keys: CourierKeys, base_url: str) -> dict[str, str]:
    return {
        "KUAIDI100_SECRET": keys.kuaidi100_secret,
        "EMS_BASE_URL": f"{base_url}/amp-prod-api/f/amp/api/open",
        "EMS_SENDER_NO": keys.ems_sender_no,
        "EMS_AUTHORIZATION": keys.ems_authorization,
        "EMS_KEY": keys.ems_key,
    }


def _write_keys(folder: Path) -> None:
    keys = CourierKeys(
        kuaidi100_secret=random_text(ALPHANUMERIC, 16),
        ems_sender_no="1100" + random_text(string.digits, 10),
        ems_authorization=random_text(ALPHANUMERIC, 32),
        ems_key=base64.b64encode(secrets.token_bytes(16)).decode(),
    )
    write(folder / ACCOUNT, orjson.dumps(asdict(keys), option=orjson.OPT_INDENT_2))
