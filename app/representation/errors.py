"""Without this module an agent who may not act would not learn why."""

from __future__ import annotations

from app.kernel.errors import Refusal


class MandateEnded(Refusal):
    code = "MANDATE_ENDED"
    zh = "您的代办授权已失效或被撤销,请联系委托人重新授权"
    en = "Your mandate has ended or was revoked; ask the person you act for to grant it again."


class ProxyNotAllowed(Refusal):
    code = "PROXY_NOT_ALLOWED"
    zh = "“{item}”须由本人办理,不能代办"
    en = "This has to be done in person, nobody may do it for another: {item}."


class OutsideMandate(Refusal):
    code = "OUTSIDE_MANDATE"
    zh = "您的代办授权不包含这个事项,请联系委托人补充授权"
    en = "Your mandate does not include this item; ask the person you act for to extend it."


class CreditCodeInvalid(Refusal):
    code = "CREDIT_CODE_INVALID"
    zh = "统一社会信用代码有误,请按营业执照核对18位代码和最后一位校验码"
    en = "The unified social credit code is not valid; please check all 18 characters against the licence."


class CompanyNameInvalid(Refusal):
    code = "COMPANY_NAME_INVALID"
    zh = "单位名称应为2至120个字,请按营业执照填写全称"
    en = "The name must have 2 to 120 characters; please write it in full as on the licence."


class NotAChild(Refusal):
    code = "NOT_A_CHILD"
    zh = "对方已满18周岁,请由其本人授权您代办"
    en = "This person is 18 or older; ask them to grant you a mandate themselves."


class NotOfAge(Refusal):
    code = "NOT_OF_AGE"
    zh = "未满18周岁不能办理授权,请由监护人办理"
    en = "Nobody under 18 can do this; ask a guardian to see to it."


class NobodyForThemselves(Refusal):
    code = "NOBODY_FOR_THEMSELVES"
    zh = "为自己办事无需授权,请填写他人的姓名和身份证号"
    en = "Nobody needs a mandate for themselves; give another person's name and number."


class TooManyMandates(Refusal):
    code = "TOO_MANY_MANDATES"
    zh = "有效的授权最多{limit}个,请先撤销不再需要的授权"
    en = "At most {limit} mandates may be in force; revoke one that is no longer needed first."


class TooManyClaims(Refusal):
    code = "TOO_MANY_CLAIMS"
    zh = "待核验的申报最多{limit}个,请先到窗口核验或撤回"
    en = "At most {limit} claims may wait for a window; have them confirmed or withdraw one first."


class MandateByLaw(Refusal):
    code = "MANDATE_BY_LAW"
    zh = "监护和法定代表人关系不能在手机上撤销,请持证明材料到窗口办理"
    en = "A guardian or legal representative cannot be revoked by phone; please bring the papers to a window."


class NamesDiffer(Refusal):
    code = "NAMES_DIFFER"
    zh = "姓名与该身份证号已实名的姓名不一致,请核对证件"
    en = "The name is not the one proved for this identity number; please look at the card again."
