"""Without this module a resident whose application is refused would not know what to do instead."""

from __future__ import annotations

from app.kernel.errors import Refusal


class CaseAlreadyOpen(Refusal):
    code = "CASE_ALREADY_OPEN"
    zh = "您已有一件同一事项正在办理(办件编号{number}),请在“我的办件”中查看进度"
    en = "You already have an open case for this item ({number}); see its progress under my affairs."


class PostNotOffered(Refusal):
    code = "POST_NOT_OFFERED"
    zh = "该事项的办理结果不支持邮寄,请选择到窗口领取"
    en = "The result of this item cannot be posted; choose to collect it."


class AddressNeeded(Refusal):
    code = "ADDRESS_NEEDED"
    zh = "选择邮寄时请填写完整的收件人、手机号和地址"
    en = "To have the result posted, give the receiver, a mobile number and the address."


class ReasonNeeded(Refusal):
    code = "REASON_NEEDED"
    zh = "不予许可须写明理由(行政许可法第三十八条)"
    en = "A denial needs its reasons (Administrative Licensing Law, article 38)."


class ApplicantUnproven(Refusal):
    code = "APPLICANT_UNPROVEN"
    zh = "申请人的身份已不能确认(该身份证号已由他人刷脸认领),请通知申请人重新核验,或写明理由不予许可"
    en = "Who applied is no longer known: a face check took the number back. Ask them to prove who they are, or deny."
