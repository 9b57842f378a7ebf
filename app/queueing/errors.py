"""Without this module a clerk would press "next" and not know why nothing happens."""

from __future__ import annotations

from app.kernel.errors import Refusal


class NobodyWaiting(Refusal):
    code = "NOBODY_WAITING"
    zh = "当前没有等候的号"
    en = "Nobody is waiting for this window."


class WindowTaken(Refusal):
    code = "WINDOW_TAKEN"
    zh = "{number}号窗口已由{title}使用"
    en = "Window {number} is used by somebody else ({title})."


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
    zh = "该服务点不办理业务“{category}”"
    en = "This service point does not serve business {category}."
