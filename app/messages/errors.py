"""Without this module who edits a template would not learn what is wrong with it."""

from __future__ import annotations

from app.kernel.errors import Refusal


class TemplateInvalid(Refusal):
    code = "TEMPLATE_INVALID"
    zh = "模板不符合要求:{reason_zh},请修改后再试"
    en = "The template cannot be used: {reason_en}; change it and try again."


class NotToBeReplayed(Refusal):
    code = "MESSAGE_NOT_REPLAYABLE"
    zh = "这条消息没有停住的渠道,无需重发;结果不明的渠道不会重发,以免重复打扰"
    en = "Nothing of this message is stuck; a channel whose outcome is unknown is not asked again."


class TooManySubscriptions(Refusal):
    code = "TOO_MANY_SUBSCRIPTIONS"
    zh = "一次最多上报{most}个订阅结果,请分批上报"
    en = "At most {most} answers are reported at once; report them in parts."
