"""Without this module a resident whose address is refused would not know which part of it to mend."""

from __future__ import annotations

from app.kernel.errors import Refusal


class AddressInvalid(Refusal):
    """`field` names the part."""

    code = "ADDRESS_INVALID"
    zh = "地址中的{part_zh}有误:{rule_zh}"
    en = "The address has a mistake in {part_en}: {rule_en}."


class AddressBookFull(Refusal):
    code = "ADDRESS_BOOK_FULL"
    zh = "地址簿最多保存{most}个地址,请先删除不用的地址"
    en = "The address book holds {most} addresses at most; remove one you no longer use first."


class NoticeNotMutable(Refusal):
    code = "NOTICE_NOT_MUTABLE"
    zh = "“{kind_zh}”通知关系到您的账号安全,不能关闭"
    en = "These notices protect your account and cannot be switched off: {kind_en}."
