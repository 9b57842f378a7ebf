"""Without this module a clerk would press "next" and not know why nothing happens."""

from __future__ import annotations

from app.kernel.errors import Refusal


class NobodyWaiting(Refusal):
    code = "NOBODY_WAITING"
    zh = "当前没有等候的号"
    en = "Nobody is waiting for this window."


class WindowTaken(Refusal):
    code = "WINDOW_TAKEN"
    zh = "{number}号窗口已由{title}使用,请换一个窗口"
    en = "Window {number} is used by somebody else ({title}); take another one."


class NoSuchWindow(Refusal):
    code = "NO_SUCH_WINDOW"
    zh = "该服务点没有{number}号窗口(共{windows}个)"
    en = "This service point has no window {number} (it has {windows})."


class NoWindowOpen(Refusal):
    code = "NO_WINDOW_OPEN"
    zh = "请先打开一个窗口再叫号"
    en = "Open a window before calling."


class WindowBusy(Refusal):
    code = "WINDOW_BUSY"
    zh = "请先办结当前的{ticket}号"
    en = "Finish ticket {ticket} first."


class CategoryNotServed(Refusal):
    code = "CATEGORY_NOT_SERVED"
    zh = "该服务点不办理业务“{category}”,请选择其他业务或服务点"
    en = "This service point does not serve business {category}; choose another business or place."


class CategoryClosed(Refusal):
    code = "CATEGORY_CLOSED"
    zh = "现在没有窗口办理业务“{category}”,请选择其他业务,或请大厅先开窗"
    en = "No window is open for business {category} now; choose another one, or have a window opened first."


class SameCategory(Refusal):
    code = "SAME_CATEGORY"
    zh = "{ticket}号已经在这个业务排队,请选择要转去的另一个业务"
    en = "Ticket {ticket} is of this business already; choose the one it should go to."


class WindowPaused(Refusal):
    code = "WINDOW_PAUSED"
    zh = "窗口已暂停({reason}),请先恢复窗口再叫号"
    en = "The window is paused ({reason}); go on with it before calling."


class SkillsInvalid(Refusal):
    code = "SKILLS_INVALID"
    zh = "窗口业务设置有误:{reason_zh}"
    en = "These skills of a window are not valid: {reason_en}."


class RecallsSpent(Refusal):
    code = "RECALLS_SPENT"
    zh = "{ticket}号已重呼{most}次,无人应答请按过号处理"
    en = "Ticket {ticket} was called again {most} times; pass it if nobody comes."


class RejoinsSpent(Refusal):
    code = "REJOINS_SPENT"
    zh = "{ticket}号不能再重新排队,请取一个新号"
    en = "Ticket {ticket} cannot rejoin any more; please take a new number."


class TicketOfAnotherDay(Refusal):
    code = "TICKET_OF_ANOTHER_DAY"
    zh = "{ticket}号不是今天的号,请取一个新号"
    en = "Ticket {ticket} is not of today; please take a new number."


class AlreadyInQueue(Refusal):
    code = "ALREADY_IN_QUEUE"
    zh = "您今天在这个业务已有{ticket}号,请等候叫号,不用再取号"
    en = "You hold number {ticket} of this business today; please wait for it to be called."


class NumbersGone(Refusal):
    code = "NUMBERS_GONE"
    zh = "该业务今天的{most}个号已取完,请预约其他日期"
    en = "All {most} numbers of this business are taken today; please book another day."


class WalkInsClosed(Refusal):
    code = "WALK_INS_CLOSED"
    zh = "该业务现场取号时间为{hours},请在此时间来取号,或提前预约"
    en = "Numbers of this business are given out {hours}; please come then, or book ahead."


class ClosedToday(Refusal):
    code = "CLOSED_TODAY"
    zh = "大厅今天不再办理该业务,请改日再来,或预约其他日期"
    en = "The hall does not serve this business any more today; please come another day, or book one."


class BookedToday(Refusal):
    code = "BOOKED_TODAY"
    zh = "您已预约今天{when}在这里办理该业务,请{from_zh}凭预约到场取号,不用另取号;想提前排队请先取消预约"
    en = "You have booked this business today at {when}: check in {from_en} instead, or cancel it to queue earlier."


class CardNeeded(Refusal):
    code = "CARD_NEEDED"
    zh = "{ticket}号是实名取的号,请在取号机上刷本人身份证,或用手机、到前台重新排队"
    en = "Ticket {ticket} belongs to an account: show its holder's card here, or rejoin by phone or at the desk."


class VisitOver(Refusal):
    code = "VISIT_OVER"
    zh = "{ticket}号的预约已经结束,不能再重新排队,请取一个新号"
    en = "The booking of ticket {ticket} is over, so it cannot rejoin; please take a new number."


class GreenChannelInPerson(Refusal):
    code = "GREEN_CHANNEL_IN_PERSON"
    zh = "绿色通道的号请在大厅的取号机或前台取"
    en = "Numbers of the green channel are taken at the kiosk or the desk of the hall."


class HallStillOpen(Refusal):
    code = "HALL_STILL_OPEN"
    zh = "大厅今天{until_zh}才结束办公,请在此之后再结束当天的排队"
    en = "The hall is open until {until_en} today; end the day after that."


class NoBookingToday(Refusal):
    code = "NO_BOOKING_TODAY"
    zh = "没有找到您今天在这里的预约,请核对预约的日期和大厅,或现场取号"
    en = "You have no booking here today; check its day and hall, or take a number without one."
