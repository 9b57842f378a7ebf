"""Without this module staff would not learn why a parcel cannot be followed."""

from __future__ import annotations

from app.kernel.errors import Refusal


class CarrierUnknown(Refusal):
    code = "CARRIER_UNKNOWN"
    zh = "暂不支持承运商“{carrier}”,可选:{known}"
    en = "Carrier {carrier} is not supported; choose one of {known}."


class TrackingNumberInvalid(Refusal):
    code = "TRACKING_NUMBER_INVALID"
    zh = "运单号应为6至32位字母和数字,请核对面单"
    en = "A tracking number has 6 to 32 letters and digits; check the label."


class TrackingNumberUsed(Refusal):
    code = "TRACKING_NUMBER_USED"
    zh = "该运单号已登记在另一件办件上"
    en = "This tracking number is already registered for another case."


class NotPosted(Refusal):
    code = "NOT_POSTED"
    zh = "申请人选择到窗口领取,该办件不寄送"
    en = "The applicant chose to collect the result; it is not posted."
