"""Without this module a city could not switch off what it may not offer yet, nor the phone know what is on.

A capability is one word: `proof/wechat-face` for a way that an adapter offers, `merging` for something of our own.
`PORTAL_SWITCHED_OFF` names those that are off; the others are on.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.identity.errors import SwitchedOff
from app.identity.ports import IdentityAuthority, IdentityProver, SignInChannel
from app.kernel import ports
from app.kernel.settings import SettingsInvalid, get_settings

MERGING = "merging"
ACTING_FOR_OTHERS = "acting-for-others"
DATA_EXPORT = "data-export"
ACCOUNT_CLOSING = "account-closing"

_OURS: dict[str, tuple[str, str]] = {
    MERGING: ("账号合并", "joining accounts"),
    ACTING_FOR_OTHERS: ("代办", "acting for others"),
    DATA_EXPORT: ("导出个人信息", "exporting my data"),
    ACCOUNT_CLOSING: ("注销账号", "closing my account"),
}


@dataclass(frozen=True)
class Capability:
    code: str
    name_zh: str
    name_en: str
    on: bool


def sign_in(channel: str) -> str:
    return f"sign-in/{channel}"


def phone(channel: str) -> str:
    return f"phone/{channel}"


def proof(method: str) -> str:
    return f"proof/{method}"


def every() -> list[Capability]:
    """All that this installation could offer, and whether it does."""
    names = dict(_OURS)
    for code, channel in ports.every(SignInChannel).items():
        names[sign_in(code)] = (f"{channel.name_zh}登录", f"signing in through {channel.name_en}")
        names[phone(code)] = (f"{channel.name_zh}手机号", f"the phone number from {channel.name_en}")
    provers, authorities = ports.every(IdentityProver), ports.every(IdentityAuthority)
    names |= {proof(code): (prover.name_zh, prover.name_en) for code, prover in provers.items()}
    names |= {proof(code): (authority.name_zh, authority.name_en) for code, authority in authorities.items()}
    return [Capability(code, zh, en, is_on(code)) for code, (zh, en) in sorted(names.items())]


def is_on(code: str) -> bool:
    return code not in get_settings().switched_off


def check_on(code: str) -> None:
    """Raise `SwitchedOff` for one of our own that this city does not offer."""
    if not is_on(code):
        name_zh, name_en = _OURS[code]
        raise SwitchedOff(name_zh=name_zh, name_en=name_en)


def check_words() -> None:
    """Leave the program when `PORTAL_SWITCHED_OFF` names something that could not be on."""
    known = [capability.code for capability in every()]
    for word in get_settings().switched_off:
        if word not in known:
            raise SettingsInvalid(f"PORTAL_SWITCHED_OFF: {word!r} is none of {', '.join(known)}")
