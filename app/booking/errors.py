"""Without this module a resident who gets no place would not learn where there is one."""

from __future__ import annotations

from app.kernel.errors import Refusal


class SlotFull(Refusal):
    code = "SLOT_FULL"
    zh = "该时段已约满。{next_zh}"
    en = "This slot is full. {next_en}"


class SlotGone(Refusal):
    code = "SLOT_GONE"
    zh = "该时段已经开始或已过。{next_zh}"
    en = "This slot has begun or is over. {next_en}"


class ItemNotServedHere(Refusal):
    code = "ITEM_NOT_SERVED_HERE"
    zh = "该服务点不办理这个事项,请选择办事指南中列出的服务点"
    en = "This service point does not serve the item; choose one listed in its guide."


class SlotForOtherItems(Refusal):
    code = "SLOT_FOR_OTHER_ITEMS"
    zh = "这个时段不办理“{item_zh}”,请为它另选时段"
    en = "This slot is not for “{item_en}”; choose another slot for it."


class ItemNotBookable(Refusal):
    code = "ITEM_NOT_BOOKABLE"
    zh = "该事项不需要预约,可直接到大厅取号办理"
    en = "This item needs no booking; just come to the hall and take a number."


class AlreadyBooked(Refusal):
    code = "ALREADY_BOOKED"
    zh = "您已预约过这个事项({when_zh}),如需换个时间请改期"
    en = "You already hold a booking for this item ({when_en}); move it to change the time."


class TooManyBookings(Refusal):
    code = "TOO_MANY_BOOKINGS"
    zh = "您已有{limit}个未完成的预约,请先办理或取消"
    en = "You already hold {limit} bookings; keep or cancel them first."


class CancelTooLate(Refusal):
    code = "CANCEL_TOO_LATE"
    zh = "预约的时段已经开始,不能再取消或改期,请尽快到大厅或联系大厅"
    en = "The slot has begun, so it can no longer be cancelled or moved; please come, or call the hall."


class MoveTooLate(Refusal):
    code = "MOVE_TOO_LATE"
    zh = "距离预约时间不足{minutes}分钟,不能再改期;可以取消后重新预约"
    en = "Less than {minutes} minutes remain, so it can no longer be moved; cancel it and book again."


class SlotNotOpenYet(Refusal):
    code = "SLOT_NOT_OPEN_YET"
    zh = "该时段{when_zh}开放预约,请届时再来。{next_zh}"
    en = "This slot can be booked from {when_en}; please come back then. {next_en}"


class SlotClosed(Refusal):
    code = "SLOT_CLOSED"
    zh = "大厅已取消该时段。{next_zh}"
    en = "The hall has closed this slot. {next_en}"


class NotEnoughInARow(Refusal):
    code = "NOT_ENOUGH_IN_A_ROW"
    zh = "办理所选事项需要连续{slots}个时段,这里连续的空位不够。{next_zh}"
    en = "These items take {slots} slots in a row, and there are not so many here. {next_en}"


class PartyTooLarge(Refusal):
    code = "PARTY_TOO_LARGE"
    zh = "一次可为1至{most}人预约,人数更多请由同行的人另行预约或联系大厅"
    en = "One booking is for 1 to {most} people; let others book for more, or call the hall."


class VisitInvalid(Refusal):
    code = "VISIT_INVALID"
    zh = "不能这样预约:{reason_zh}"
    en = "It cannot be booked like this: {reason_en}."


class TooManyInPeriod(Refusal):
    code = "TOO_MANY_IN_PERIOD"
    zh = "您{period_zh}已预约这类业务{limit}次,已达上限,请选择其他日期"
    en = "You have booked this business {limit} times for {period_en}, which is the limit; choose another day."


class BookingBarred(Refusal):
    code = "BOOKING_BARRED"
    zh = "{reason_zh},{until_zh}之前不能在线预约;可在“预约信用”中查看原因并申诉,也可直接到大厅现场取号"
    en = (
        "{reason_en}, so you cannot book online before {until_en}; see why and appeal under booking credit, "
        "or take a number at the hall."
    )


class HoldOver(Refusal):
    code = "HOLD_OVER"
    zh = "为您保留的时间已过,名额已释放,请重新选择时段"
    en = "The time it was held for you is over; choose a slot again."


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


class PolicyInvalid(Refusal):
    code = "POLICY_INVALID"
    zh = "预约规则有误:{field_name}{reason_zh}"
    en = "The rules are not valid: {field_name} {reason_en}."


class RulesChanged(Refusal):
    code = "RULES_CHANGED"
    zh = "预览之后规则或预约已有变化,请重新预览后再应用"
    en = "Rules or bookings have changed since the preview; preview again, then apply."


class DayOver(Refusal):
    code = "DAY_OVER"
    zh = "不能更改已经过去的日期或时间,请选择今天之后的时间"
    en = "What is over cannot be changed; choose a time ahead."


class HomeAddressNeeded(Refusal):
    code = "HOME_ADDRESS_NEEDED"
    zh = "上门服务需要地址,请从地址簿中选择一个"
    en = "A home visit needs an address; choose one of your address book."


class TurnNeeded(Refusal):
    code = "TURN_NEEDED"
    zh = "现在预约的人很多,请先进入候场区,轮到您时再预约"
    en = "Many people are booking now: enter the waiting room and book when it is your turn."
    retryable = True


class TurnNotYet(Refusal):
    code = "TURN_NOT_YET"
    zh = "还没有轮到您,前面约有{ahead}人,请不要离开"
    en = "It is not your turn yet: about {ahead} people are before you; please stay."
    retryable = True


class RoomNotOpen(Refusal):
    code = "ROOM_NOT_OPEN"
    zh = "候场区{when_zh}开放,请届时进入"
    en = "The waiting room opens at {when_en}; please come back then."


class ChallengeNeeded(Refusal):
    code = "CHALLENGE_NEEDED"
    zh = "请先完成人机验证再进入候场区"
    en = "Please solve the challenge first, then enter the waiting room."
    retryable = True


class ChallengeWrong(Refusal):
    code = "CHALLENGE_WRONG"
    zh = "验证未通过或已过期,请重新获取验证题"
    en = "The solution is wrong or too old; ask for a new challenge."
    retryable = True


class TooManyOnDevice(Refusal):
    code = "TOO_MANY_ON_DEVICE"
    zh = "这台设备上已有{most}人在候场,请使用其他设备"
    en = "{most} people wait on this device already; please use another one."


class AlreadyInLine(Refusal):
    code = "ALREADY_IN_LINE"
    zh = "您已在这个事项的候补名单中,无需重复登记"
    en = "You are on the waiting list for this item already."


class LineInvalid(Refusal):
    code = "LINE_INVALID"
    zh = "候补条件有误:{reason_zh}"
    en = "The waiting list cannot take this: {reason_en}."


class LineNotNeeded(Refusal):
    code = "LINE_NOT_NEEDED"
    zh = "现在就有空位,不用候补,请直接预约:{free_zh}"
    en = "There is a free place, so nobody needs to wait; book it: {free_en}."


class AppealInvalid(Refusal):
    code = "APPEAL_INVALID"
    zh = "不能申诉:{reason_zh}"
    en = "There is nothing to appeal: {reason_en}."


class NotAtTheHall(Refusal):
    code = "NOT_AT_THE_HALL"
    zh = "您距离大厅约{metres}米,请到大厅{most}米范围内再取号,或在大厅扫码取号"
    en = "You are about {metres} metres away; check in within {most} metres, or by code at the hall."


class PlaceUnknown(Refusal):
    code = "PLACE_UNKNOWN"
    zh = "无法确认您是否在大厅,请打开定位后重试,或在大厅扫码、到窗口取号"
    en = "We cannot tell whether you are at the hall: allow location and try again, or check in by code or at a window."


class CodeInvalid(Refusal):
    code = "CHECK_IN_CODE_INVALID"
    zh = "取号码无效:{reason_zh},请在小程序中重新打开取号码"
    en = "The check-in code is not valid: {reason_en}; open it again in the app."


class NoAccountAtWindow(Refusal):
    code = "NO_ACCOUNT_AT_WINDOW"
    zh = "该证件号码没有已实名的账号,不能代为预约或登记;请为其现场取号,或请本人实名后再来"
    en = "Nobody has proved this identity number: give them a walk-in number, or let them prove who they are first."


class ExemptionInvalid(Refusal):
    code = "EXEMPTION_INVALID"
    zh = "豁免的截止日期应在今天之后;长期有效请留空"
    en = "An exemption ends after today; leave the date empty when it holds for ever."


class TurnInvalid(Refusal):
    code = "TURN_INVALID"
    zh = "候场凭证无效:{reason_zh},请重新进入候场区"
    en = "This is not valid for your turn: {reason_en}; enter the waiting room again."


class NoWaitingRoom(Refusal):
    code = "NO_WAITING_ROOM"
    zh = "该时段现在不需要候场,请直接预约"
    en = "Nobody needs to wait for this slot now; just book it."


class DepositOwed(Refusal):
    code = "DEPOSIT_OWED"
    zh = "该业务预约须先缴纳押金{yuan}元,请在占位有效期内支付;支付成功后预约自动生效,到场办理后退还"
    en = "This booking is sure once its deposit of {yuan} yuan is paid; it is given back when you come."
