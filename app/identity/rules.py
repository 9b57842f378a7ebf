"""Without this module what counts as a valid number, and what a level allows, would be scattered over the code."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum

from stdnum.iso7064 import mod_11_2

from app.identity.errors import AssuranceTooLow, IdentityNumberInvalid, PersonNameInvalid, StepUpNeeded
from app.identity.ports import ProofVerdict
from app.kernel.errors import InvalidInput

ACCESS_MINUTES = 10
REFRESH_DAYS = 30
STEP_UP_MINUTES = 10
LOCK_AFTER_FAILURES = 5
LOCK_MINUTES = 30
DEFAULT_DEVICE = "未命名设备"


class Level(IntEnum):
    """Assurance levels (实名等级); the national records write them 0 to 3."""

    L1 = 1
    L2 = 2
    L3 = 3
    L4 = 4


@dataclass(frozen=True)
class LevelWords:
    """A level in words and what it is for; how it is reached depends on what is switched on."""

    zh: str
    en: str
    purpose_zh: str
    purpose_en: str


LEVELS: dict[Level, LevelWords] = {
    Level.L1: LevelWords("账号级(L1)", "account (L1)", "浏览、咨询", "to browse and ask"),
    Level.L2: LevelWords("初级实名(L2)", "name and number matched (L2)", "预约、缴费", "to book and pay"),
    Level.L3: LevelWords("中级实名(L3)", "two proofs (L3)", "申请办理", "to apply"),
    Level.L4: LevelWords("高级实名(L4)", "face or window (L4)", "签署、授权他人", "to sign and to authorise others"),
}


@dataclass(frozen=True)
class Way:
    """One way to prove who one is: its code, its names, and the level a pass gives."""

    code: str
    name_zh: str
    name_en: str
    level: int
    channel: str | None = None
    """The sign-in channel whose phone does it; None where nobody has to hold one."""


WINDOW = Way("window", "到大厅窗口核验身份证", "have a window check your identity card", Level.L4)
"""What is always left when no way of the phone's reaches the level."""


STRONG = Level.L3
"""From here on a proof says that it is this person who holds the phone, not only that the person exists."""


class Holding(StrEnum):
    """What becomes of an identity number that is proved by one account and held by another."""

    PROVE_MORE = "PROVE_MORE"
    """Name and number were only matched: anybody could know them. Nothing changes."""

    DISPLACE = "DISPLACE"
    """The holder only ever had them matched: the number goes to who showed their face, and nothing else does."""

    JOIN = "JOIN"
    """Both are this person: two accounts become one."""


def may_replace(*, held_at: int, proved_at: int) -> bool:
    """Whether an account may become another person's: only who typed in a number that is not theirs may still
    show whose face it is (levels 1 to 4).
    """
    return held_at < STRONG <= proved_at


def next_holding(*, held_at: int, proved_at: int) -> Holding:
    """Decide by how well each side has proved the number (levels 1 to 4).

    Accounts are joined only after each was proved anew by its own phone; whoever merely knows a stranger's name
    and number must neither get into their account nor be let into it.
    """
    if proved_at < STRONG:
        return Holding.PROVE_MORE
    return Holding.JOIN if held_at >= STRONG else Holding.DISPLACE


class Role(StrEnum):
    """What a member of staff may do."""

    WINDOW_ACCEPTOR = "WINDOW_ACCEPTOR"
    PRE_REVIEWER = "PRE_REVIEWER"
    HANDLER = "HANDLER"
    APPROVER = "APPROVER"
    ISSUER = "ISSUER"
    CASHIER = "CASHIER"
    HOTLINE_AGENT = "HOTLINE_AGENT"
    ITEM_EDITOR = "ITEM_EDITOR"
    DEPARTMENT_MANAGER = "DEPARTMENT_MANAGER"
    SUPERVISOR = "SUPERVISOR"
    STATISTICS_VIEWER = "STATISTICS_VIEWER"
    SECURITY_ADMINISTRATOR = "SECURITY_ADMINISTRATOR"
    AUDITOR = "AUDITOR"
    SYSTEM_ADMINISTRATOR = "SYSTEM_ADMINISTRATOR"


APART = frozenset({Role.SECURITY_ADMINISTRATOR, Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR})
SHORTEST_PASSWORD = 12

ROLE_TITLES: dict[Role, str] = {
    Role.WINDOW_ACCEPTOR: "窗口受理员",
    Role.PRE_REVIEWER: "预审员",
    Role.HANDLER: "承办人",
    Role.APPROVER: "审批人",
    Role.ISSUER: "出件员",
    Role.CASHIER: "收费员",
    Role.HOTLINE_AGENT: "热线坐席",
    Role.ITEM_EDITOR: "事项管理员",
    Role.DEPARTMENT_MANAGER: "大厅负责人",
    Role.SUPERVISOR: "效能监督员",
    Role.STATISTICS_VIEWER: "统计员",
    Role.SECURITY_ADMINISTRATOR: "安全管理员",
    Role.AUDITOR: "审计员",
    Role.SYSTEM_ADMINISTRATOR: "系统管理员",
}

PROOF_SENTENCES: dict[ProofVerdict, tuple[str, str]] = {
    ProofVerdict.MISMATCH: ("姓名与身份证号不一致", "name and number do not match"),
    ProofVerdict.NOT_RECOGNISED: (
        "未能识别本人,请在光线充足处重试",
        "the face was not recognised; try in better light",
    ),
    ProofVerdict.CANCELLED: ("您取消了核验", "you cancelled the check"),
    ProofVerdict.TECHNICAL: ("设备或网络异常,请重试", "a device or network fault; please try again"),
}

# Not \d: it also takes digits of other scripts, under which one number would be two.
_ID_NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")


def check_level(actual: int, required: int, ways: Sequence[Way]) -> None:
    """Raise `AssuranceTooLow`, naming the ways that reach `required`, when `actual` is below it."""
    if actual < required:
        fitting = _fitting(ways, required)
        raise AssuranceTooLow(
            required=f"L{required}",
            actual=f"L{actual}",
            required_zh=LEVELS[Level(required)].zh,
            actual_zh=LEVELS[Level(actual)].zh,
            step_zh="或".join(way.name_zh for way in fitting),
            step_en=" or ".join(way.name_en for way in fitting),
            ways=[way.code for way in fitting],
        )


def check_stepped_up(proved_lately: bool, ways: Sequence[Way], required: int) -> None:
    """Raise `StepUpNeeded`, naming the ways, unless the session proved `required` within ten minutes."""
    if not proved_lately:
        fitting = _fitting(ways, required)
        raise StepUpNeeded(
            minutes=STEP_UP_MINUTES,
            step_zh="或".join(way.name_zh for way in fitting),
            step_en=" or ".join(way.name_en for way in fitting),
            ways=[way.code for way in fitting],
        )


def _fitting(ways: Sequence[Way], required: int) -> list[Way]:
    return [way for way in ways if way.level >= required] or [WINDOW]


def check_id_number(text: str, today: date) -> str:
    """The number in upper case when it is one by GB 11643; raises `IdentityNumberInvalid`.

    Divisions are not checked against today's list: old numbers carry abolished ones.
    """
    number = unicodedata.normalize("NFKC", text).strip().upper()
    if not _ID_NUMBER.fullmatch(number) or not mod_11_2.is_valid(number):
        raise IdentityNumberInvalid(field="idNumber")
    try:
        born = datetime.strptime(number[6:14], "%Y%m%d").date()  # noqa: DTZ007 - a birth date has no zone
    except ValueError:
        raise IdentityNumberInvalid(field="idNumber") from None
    if not date(1890, 1, 1) <= born <= today:
        raise IdentityNumberInvalid(field="idNumber")
    return number


def check_person_name(text: str) -> str:
    """The name in composed form: 2 to 30 characters, letters and the middle dot; raises `PersonNameInvalid`."""
    name = unicodedata.normalize("NFC", text).strip().replace("•", "·").replace("・", "·")
    if not 2 <= len(name) <= 30 or not all(char == "·" or unicodedata.category(char)[0] in "LM" for char in name):
        raise PersonNameInvalid(field="name")
    return name


def check_device_name(text: str) -> str:
    """The name without blanks around it: 1 to 40 characters that can be seen. Raises `InvalidInput`."""
    name = unicodedata.normalize("NFC", text).strip()
    if len(name) not in range(1, 41) or not name.isprintable():
        raise InvalidInput(
            field="name", reason_zh="设备名称为1至40个字", reason_en="a device's name has 1 to 40 characters"
        )
    return name


def is_mainland_mobile(number: str) -> bool:
    return _MOBILE.fullmatch(number) is not None
