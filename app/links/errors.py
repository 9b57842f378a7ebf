"""Without this module a damaged link would be a fault instead of a sentence."""

from __future__ import annotations

from app.kernel.errors import Refusal


class LinkInvalid(Refusal):
    """The ticket was made by nobody here, or is not whole."""

    code = "LINK_INVALID"
    zh = "这个链接不完整或已失效,请从消息里重新打开,或在小程序“我的”里查找"
    en = "This link is incomplete or no longer valid. Open it from the message again, or look under “Mine” in the app."
