"""Without this module a resident who cannot get in would not learn why."""

from __future__ import annotations

from app.kernel.errors import Refusal


class SignInUnavailable(Refusal):
    code = "SIGN_IN_UNAVAILABLE"
    zh = "这个登录渠道暂未开通"
    en = "Signing in through this app is not available."


class SignInCodeInvalid(Refusal):
    code = "SIGN_IN_CODE_INVALID"
    zh = "登录凭证已失效,请重新打开小程序登录"
    en = "The sign-in code is no longer valid; please open the mini-program again."
    retryable = True


class SignInBlocked(Refusal):
    code = "SIGN_IN_BLOCKED"
    zh = "平台判定该账号存在风险,暂时不能登录,请联系平台客服"
    en = "The platform considers this account a risk and blocked the sign-in; please contact the platform."


class SessionEnded(Refusal):
    code = "SESSION_ENDED"
    zh = "登录已过期或已在别处退出,请重新登录"
    en = "This session has ended; please sign in again."


class PhoneCodeInvalid(Refusal):
    code = "PHONE_CODE_INVALID"
    zh = "手机号授权已失效,请重新点击“获取手机号”"
    en = "The phone-number code is no longer valid; please tap the phone-number button again."
    retryable = True


class SessionDataUnreadable(Refusal):
    code = "SESSION_DATA_UNREADABLE"
    zh = "登录状态已变化,请重新打开小程序登录后再试"
    en = "The session has changed; please open the mini-program again, sign in and try once more."
    retryable = True


class AccountEnded(Refusal):
    code = "ACCOUNT_ENDED"
    zh = "该账号已与您的另一个账号合并或已注销,请重新打开小程序"
    en = "This account was joined with another of yours or closed; please open the mini-program again."
    retryable = True


class AssuranceTooLow(Refusal):
    code = "ASSURANCE_TOO_LOW"
    zh = "办理此事需要{required_zh},您目前是{actual_zh};请先完成{step_zh}"
    en = "This needs assurance level {required}; yours is {actual}. Next step: {step_en}."


class StepUpNeeded(Refusal):
    code = "STEP_UP_NEEDED"
    zh = "为保护您的权益,请先完成{step_zh},{minutes}分钟内有效"
    en = "To protect you, please prove once more who you are: {step_en}. It holds for {minutes} minutes."


class IdentityNumberInvalid(Refusal):
    code = "ID_NUMBER_INVALID"
    zh = "身份证号码有误,请核对18位号码和最后一位校验码"
    en = "The identity number is not valid; please check all 18 characters including the last."


class PersonNameInvalid(Refusal):
    code = "NAME_INVALID"
    zh = "姓名应为2至30个字,不含数字和空格"
    en = "The name must have 2 to 30 characters without digits or spaces."


class ProofUnavailable(Refusal):
    code = "PROOF_UNAVAILABLE"
    zh = "这种实名方式暂未开通,请选择其他方式或到窗口核验"
    en = "This way of proving identity is not available; choose another or come to a window."


class ProofPending(Refusal):
    code = "PROOF_PENDING"
    zh = "还没有收到人脸核验的结果,请完成核验后再试"
    en = "The identity check has not been finished yet; complete it and try again."
    retryable = True


class ProofFailed(Refusal):
    code = "PROOF_FAILED"
    zh = "实名核验未通过:{reason_zh}"
    en = "The identity check did not pass: {reason_en}."


class ProofExpired(Refusal):
    code = "PROOF_EXPIRED"
    zh = "这次核验已超过有效时间,请重新开始"
    en = "This identity check has expired; please start again."


class IdentityTaken(Refusal):
    code = "IDENTITY_TAKEN"
    zh = "该身份证号已在另一个账号实名,请用原账号登录,或到窗口办理账号合并"
    en = "This identity number already belongs to another account; sign in there or have a window merge them."


class StaffCredentialsWrong(Refusal):
    code = "STAFF_CREDENTIALS_WRONG"
    zh = "工号或密码不正确"
    en = "The login or the password is wrong."


class StaffLockedOut(Refusal):
    code = "STAFF_LOCKED_OUT"
    zh = "多次输入错误,账号已锁定{minutes}分钟"
    en = "Too many wrong attempts; the account is locked for {minutes} minutes."
