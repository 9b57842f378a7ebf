"""Without this module rules that make no sense would be set, or refused without saying which one and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from app.booking.errors import PolicyInvalid
from app.booking.halls.relaying import Periods
from app.booking.policy import CreditRule, Policy

WORDS: Mapping[str, str] = {
    "slot_minutes": "每个时段的分钟数",
    "windows": "窗口数",
    "per_window": "每窗口每时段人次",
    "walk_in_share": "现场取号比例",
    "desk_share": "窗口代约比例",
    "days_ahead": "可提前预约的天数",
    "release_time": "放号时间",
    "min_level": "实名等级",
    "party_most": "一次预约的人数",
    "live_most": "同时有效的预约数",
    "per_day": "每天预约次数",
    "per_week": "每周预约次数",
    "per_month": "每月预约次数",
    "minutes_by_item": "事项办理分钟数",
    "hold_minutes": "占位分钟数",
    "deposit_fen": "预约押金(分)",
    "cancel_before_minutes": "取消截止分钟数",
    "offer_minutes": "候补确认分钟数",
    "early_minutes": "可提前取号的分钟数",
    "grace_minutes": "迟到宽限分钟数",
    "radius_metres": "定位取号范围(米)",
    "credit_rules": "信用规则",
    "exempt_age": "免计年龄",
    "waiting_room": "候场区",
    "gather_minutes": "候场分钟数",
    "admitted_per_second": "每秒放行人数",
    "rush_minutes": "高峰分钟数",
    "challenge_above": "触发人机验证的人数",
    "tickets_a_day": "每天取号总数",
    "walk_in_from": "现场取号开始时间",
    "walk_in_until": "现场取号结束时间",
    "waiting_warning": "等候预警人数",
    "recalls_most": "重呼次数",
    "rejoins_most": "过号恢复次数",
    "rejoin_behind": "过号后延人数",
    "booked_in_a_row": "连续叫预约号的个数",
    "walk_in_patience_minutes": "现场等候优先分钟数",
}
"""What staff call each rule."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_PERIODS_MOST = 6
_ENTRIES_MOST = 200


def checked_rules(
    defaults: Mapping[str, object], before: Mapping[str, Any], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """The rules as they would be stored: `wanted` over `before`; one that is None goes back to its default.

    Raises `PolicyInvalid` naming the rule and what is allowed.
    """
    merged = {name: value for name, value in {**before, **wanted}.items() if value is not None}
    if any(len(value) > _ENTRIES_MOST for value in merged.values() if isinstance(value, list | dict)):
        raise invalid("rules", f"不能超过{_ENTRIES_MOST}项", f"must not have more than {_ENTRIES_MOST} entries")
    try:
        policy = Policy.model_validate({**defaults, **merged})
    except ValidationError as error:
        raise _refusal(error.errors()[0]) from None
    told = policy.model_dump(mode="json")
    return {name: told[name] for name in sorted(merged)}


def invalid(name: str, zh: str, en: str) -> PolicyInvalid:
    """A refusal about one field, named as staff and as the schema call it."""
    field = camel(name)
    word = f"“{WORDS[name]}”({field})" if name in WORDS else field
    return PolicyInvalid(field=field, field_name=word, reason_zh=zh, reason_en=en)


def camel(name: str) -> str:
    """`slot_minutes` as the schema calls it: `slotMinutes`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _refusal(fault: ErrorDetails) -> PolicyInvalid:
    name = str(fault["loc"][0]) if fault["loc"] else "walk_in_from"
    if name in {"walk_in_from", "walk_in_until"} and not fault["loc"]:
        return invalid(name, "应早于现场取号结束时间", "must be before walkInUntil")
    if name in {"release_time", "walk_in_from", "walk_in_until"}:
        return invalid(name, "应为24小时制的时间,例如08:00", "must be a time such as 08:00")
    if name == "credit_rules":
        inner = str(fault["loc"][-1])
        zh, en = _allowed(CreditRule.model_fields.get(inner))
        return invalid(name, f"中的{camel(inner)}{zh}", f": {camel(inner)} {en}")
    if name == "minutes_by_item":
        return invalid(name, "应为1至480", "must be 1 to 480")
    return invalid(name, *_allowed(Policy.model_fields.get(name)))


def _allowed(rule: FieldInfo | None) -> tuple[str, str]:
    bounds = rule.metadata if rule else []
    least = next((bound.ge for bound in bounds if isinstance(bound, Ge)), None)
    most = next((bound.le for bound in bounds if isinstance(bound, Le)), None)
    if least is None or most is None:
        return "填写的内容不对", "has a wrong value"
    return f"应为{least}至{most}", f"must be {least} to {most}"


def checked_periods(periods: Sequence[Mapping[str, str]]) -> Periods:
    """The hours of an exception in order; none close the day. Raises `PolicyInvalid`."""
    if len(periods) > _PERIODS_MOST:
        raise invalid("periods", f"最多{_PERIODS_MOST}段", f"has at most {_PERIODS_MOST} entries")
    told = sorted(({"open": one["open"], "close": one["close"]} for one in periods), key=lambda one: one["open"])
    end = ""
    for one in told:
        if not (_CLOCK.fullmatch(one["open"]) and _CLOCK.fullmatch(one["close"])):
            raise invalid("periods", "应为24小时制的时间,例如08:30", "must be times such as 08:30")
        if not end <= one["open"] < one["close"]:
            raise invalid("periods", "不能重叠,且结束应晚于开始", "must not overlap, and end after they begin")
        end = one["close"]
    return told
