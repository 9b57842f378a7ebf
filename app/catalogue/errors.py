"""Without this module a faulty catalogue file would be refused without saying where."""

from __future__ import annotations

from collections.abc import Sequence

from app.kernel.errors import Refusal


class CatalogueInvalid(Refusal):
    """The import file has faults; nothing was imported. `faults` holds one sentence each."""

    code = "CATALOGUE_INVALID"
    zh = "目录文件有{count}处错误,未导入任何内容"
    en = "The catalogue file has {count} faults; nothing was imported."

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(count=len(faults))
        self.faults = tuple(faults)


class FeeNotConfigured(Refusal):
    code = "FEE_NOT_CONFIGURED"
    zh = "“{name}”的金额尚未设定,请先由执收单位设定后再办理"
    en = "The amount of “{name}” is not set yet; the collecting unit has to set it first."


class FeeChoiceNeeded(Refusal):
    code = "FEE_CHOICE_NEEDED"
    zh = "请从以下收费项目中选定一项:{options}"
    en = "Choose exactly one of these fees: {options}."


class FeesTooLarge(Refusal):
    code = "FEES_TOO_LARGE"
    zh = "收费合计不能超过100万元,请核对所选项目和份数"
    en = "The fees come to more than one million yuan; check what you chose and how many."


class FeeOutsideList(Refusal):
    code = "FEE_OUTSIDE_LIST"
    zh = "收费项目“{fee_key}”不在该事项的收费清单内,可收取1至99份的有:{known}"
    en = "Fee {fee_key} is not on this item's list; 1 to 99 of these may be charged: {known}."
