"""Without this module a resident who cannot get in would not learn why."""

from __future__ import annotations

from app.kernel.errors import Refusal


class SignInUnavailable(Refusal):
    code = "SIGN_IN_UNAVAILABLE"
    zh = "这个登录渠道暂未开通,请从其他应用进入,或到大厅窗口办理"
    en = "Signing in through this app is not available; use another one, or come to a window."


class SignInCodeInvalid(Refusal):
    code = "SIGN_IN_CODE_INVALID"
    zh = "登录凭证已失效,请重新打开小程序登录"
    en = "The sign-in code is no longer valid; please open the mini-program again."
    retryable = True


class SignInBlocked(Refusal):
    code = "SIGN_IN_BLOCKED"
    zh = "平台判定该账号存在风险,暂时不能登录,请联系平台客服"
    en = "The platform considers this account a risk and blocked the sign-in; please contact the platform."


class SwitchedOff(Refusal):
    code = "SWITCHED_OFF"
    zh = "“{name_zh}”暂未开通,请到大厅窗口办理"
    en = "This is not available here, please come to a window: {name_en}."


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
    zh = "该身份证号已在另一个账号实名;请改用人脸核验,核验通过后两个账号会自动合并"
    en = "Another account already holds this identity number; prove yours by face and both become one."


class AnotherPerson(Refusal):
    code = "ANOTHER_PERSON"
    zh = "本账号已经实名为另一个人,不能再核验其他人的身份;请用您自己的手机登录"
    en = "This account belongs to another person already; sign in with your own phone to prove who you are."


class LastBinding(Refusal):
    code = "LAST_BINDING"
    zh = "这是唯一能登录本账号的应用,解绑后将无法登录;如不再使用,请注销账号"
    en = "This is the only app that opens your account; close the account if you no longer want it."


class StaffCredentialsWrong(Refusal):
    code = "STAFF_CREDENTIALS_WRONG"
    zh = "工号或密码不正确,请核对后再试;忘记密码请联系安全管理员重置"
    en = "The login or the password is wrong. Check both; a security administrator resets a forgotten one."


class StaffLockedOut(Refusal):
    code = "STAFF_LOCKED_OUT"
    zh = "多次输入错误,账号已锁定{minutes}分钟,请届时再试,或联系安全管理员重置密码"
    en = "Too many wrong attempts; the account is locked for {minutes} minutes. A security administrator can reset it."


class ConsentNeeded(Refusal):
    code = "CONSENT_NEEDED"
    zh = "继续之前,请先阅读隐私政策({version}版)并决定是否同意“{purpose_zh}”"
    en = "Before going on, read the privacy notice ({version}) and decide whether you agree to this: {purpose_en}."


class ConsentNotAsked(Refusal):
    code = "CONSENT_NOT_ASKED"
    zh = "“{purpose_zh}”是依法履职所必需的,无需您同意;不再使用时可以注销账号"
    en = "The law charges us with this and no consent is asked: {purpose_en}. Close your account to end it."


class NoticeOutdated(Refusal):
    code = "NOTICE_OUTDATED"
    zh = "隐私政策已更新为{version}版,请阅读新版后再同意"
    en = "The privacy notice has changed; read version {version} and agree to that one."


class SecondFactorNeeded(Refusal):
    code = "SECOND_FACTOR_NEEDED"
    zh = "请再输入身份验证器上的6位动态码"
    en = "Please also enter the six digits your authenticator shows."
    retryable = True


class SecondFactorWrong(Refusal):
    code = "SECOND_FACTOR_WRONG"
    zh = "动态码不正确或已使用过,请等验证器显示新的动态码后再试"
    en = "The code is wrong or was used already; wait for the next one and try again."
    retryable = True


class SecondFactorSetUp(Refusal):
    code = "SECOND_FACTOR_SET_UP"
    zh = "您已启用动态码;如更换手机,请联系安全管理员重置"
    en = "Your second factor is set up already; to move it to another phone ask a security administrator to reset it."


class SecondFactorNotBegun(Refusal):
    code = "SECOND_FACTOR_NOT_BEGUN"
    zh = "请先获取密钥并添加到身份验证器"
    en = "Begin first, and add the secret to your authenticator."


class PasswordWrong(Refusal):
    code = "PASSWORD_WRONG"
    zh = "原密码不正确,请重新输入"
    en = "The present password is wrong; please enter it again."


class PasswordTooShort(Refusal):
    code = "PASSWORD_TOO_SHORT"
    zh = "密码应为{shortest}至{longest}个字符,请换一个更长的"
    en = "A password has {shortest} to {longest} characters; choose another one."


class PasswordTooObvious(Refusal):
    code = "PASSWORD_TOO_OBVIOUS"
    zh = "这个密码太容易被猜到(不要包含账号或常见密码),请换一个"
    en = "This password is too easy to guess, or holds the login; choose another one."


class PasswordUnchanged(Refusal):
    code = "PASSWORD_UNCHANGED"
    zh = "新密码不能与原密码相同,请换一个"
    en = "The new password is the old one; choose another."


class LoginTaken(Refusal):
    code = "LOGIN_TAKEN"
    zh = "这个账号名已被使用,请换一个"
    en = "There is an account of this login already; choose another."


class NeverOnePerson(Refusal):
    code = "NEVER_ONE_PERSON"
    zh = "系统、安全、审计管理员不能由同一人担任,也不能兼任其他岗位,请分别设置账号"
    en = "System, security and audit administration are never one person and go with no other role; use two accounts."


class NotOnOneself(Refusal):
    code = "NOT_ON_ONESELF"
    zh = "不能对自己的账号执行此操作,请由另一位管理员办理"
    en = "Nobody does this to their own account; ask another administrator."


class LastAdministrator(Refusal):
    code = "LAST_ADMINISTRATOR"
    zh = "这是最后一位在用的管理员({role}),请先设置另一位"
    en = "This is the last active administrator ({role}); appoint another one first."


class ScopeTooWide(Refusal):
    code = "SCOPE_TOO_WIDE"
    zh = "不能授予超出您自己管辖范围的部门或区划"
    en = "Nobody gives a department or division outside their own; choose one within yours."
