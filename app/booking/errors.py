"""Without this module a resident who gets no place would not learn where there is one."""

from __future__ import annotations

from app.kernel.errors import Refusal


class SlotFull(Refusal):
    code = "SLOT_FULL"
    zh = "该时段已约满。{next_zh}"
    en = "This slot is full. {next_en}"


class SlotGone(Refusal):
    code = "SLOT_GONE"
    zh = "该时段已经开始或已过,请选择其他时段"
    en = "This slot has begun or is over; choose another one."


class ItemNotServedHere(Refusal):
    code = "ITEM_NOT_SERVED_HERE"
    zh = "该服务点不办理这个事项,请选择办事指南中列出的服务点"
    en = "This service point does not serve the item; choose one listed in its guide."


class ItemNotBookable(Refusal):
    code = "ITEM_NOT_BOOKABLE"
    zh = "该事项不需要预约"
    en = "This item needs no booking."


class AlreadyBooked(Refusal):
    code = "ALREADY_BOOKED"
    zh = "您已预约过这个事项({when_zh}),如需改期请先取消原预约"
    en = "You already hold a booking for this item ({when_en}); cancel it first to change."


class TooManyBookings(Refusal):
    code = "TOO_MANY_BOOKINGS"
    zh = "您已有{limit}个未完成的预约,请先办理或取消"
    en = "You already hold {limit} bookings; keep or cancel them first."


class CancelTooLate(Refusal):
    code = "CANCEL_TOO_LATE"
    zh = "距离预约时间不足{hours}小时,不能在线取消,请联系大厅"
    en = "Less than {hours} hours remain; it can no longer be cancelled online, please call the hall."


class TooEarlyToCheckIn(Refusal):
    code = "TOO_EARLY_TO_CHECK_IN"
    zh = "请在{from_zh}之后到大厅取号"
    en = "Check-in opens at {from_en}."


class TooLateToCheckIn(Refusal):
    code = "TOO_LATE_TO_CHECK_IN"
    zh = "已超过预约时间{minutes}分钟,该预约不能再取号,请重新预约或现场取号"
    en = "The slot began more than {minutes} minutes ago; book again or take a ticket at the hall."


class SessionInvalid(Refusal):
    code = "SESSION_INVALID"
    zh = "加开时段有误:{reason_zh}"
    en = "The extra session is not valid: {reason_en}."
