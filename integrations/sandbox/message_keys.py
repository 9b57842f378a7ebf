"""Without this module nobody could push events or report a text message: the secrets both sides know for that."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from integrations.sandbox.key_files import ALPHANUMERIC, make_once, random_text, write

ACCOUNT = "account.json"


@dataclass(frozen=True)
class MessageKeys:
    """Token and AES key of WeChat's message push; name and secret of the portal at the text-message gateway."""

    push_token: str
    push_aes_key: str
    sms_app_id: str
    sms_secret: str


def load_message_keys(state: Path, folder: Path) -> MessageKeys:
    """Made on first use, also for a state folder that is older than this part of the sandbox."""
    make_once(state, folder, ACCOUNT, _write_keys)
    return MessageKeys(**orjson.loads((folder / ACCOUNT).read_bytes()))


def environment(keys: MessageKeys, base_url: str) -> dict[str, str]:
    return {
        "WECHAT_PUSH_TOKEN": keys.push_token,
        "WECHAT_PUSH_AES_KEY": keys.push_aes_key,
        "SMS_BASE_URL": f"{base_url}/sms",
        "SMS_APP_ID": keys.sms_app_id,
        "SMS_SECRET": keys.sms_secret,
    }


def _write_keys(folder: Path) -> None:
    keys = MessageKeys(
        push_token=random_text(ALPHANUMERIC, 24),
        push_aes_key=random_text(ALPHANUMERIC, 42)
        + "A",  # the last character has no spare bits: strict decoders take it
        sms_app_id="portal-" + random_text(ALPHANUMERIC, 8),
        sms_secret=secrets.token_hex(32),
    )
    write(folder / ACCOUNT, orjson.dumps(asdict(keys), option=orjson.OPT_INDENT_2))
