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


class CheckDigitWrong(Refusal):
    code = "TRACKING_CHECK_DIGIT_WRONG"
    zh = "运单号校验位不符,请对照面单逐位核对"
    en = "The check digit does not fit; compare the number with the label digit by digit."


class TrackingNumberUsed(Refusal):
    code = "TRACKING_NUMBER_USED"
    zh = "该运单号已登记在另一个包裹上,请核对面单"
    en = "This tracking number belongs to another parcel already; check the label."


class CasesNotTogether(Refusal):
    code = "CASES_NOT_TOGETHER"
    zh = "这些办件的申请人或收件地址不同,请分开寄送"
    en = "These cases have different applicants or addresses; send them separately."


class TooManyCases(Refusal):
    code = "TOO_MANY_CASES_IN_PARCEL"
    zh = "一个包裹最多装{most}件办件,请分开寄送"
    en = "A parcel holds at most {most} cases; send the rest separately."


class MaterialsNotByPost(Refusal):
    code = "MATERIALS_NOT_BY_POST"
    zh = "该事项的材料需到窗口提交,不能寄送"
    en = "The materials of this item are handed in at a window; they cannot be sent."


class MaterialsOnTheWay(Refusal):
    code = "MATERIALS_ON_THE_WAY"
    zh = "该办件已有一个寄往大厅的包裹,请先取消或等待签收"
    en = "A parcel for this case is on its way already; cancel it or wait until it arrives."


class NoMaterialsHere(Refusal):
    code = "NO_MATERIALS_RECEIVED"
    zh = "该办件没有收到过寄来的材料,没有可退还的,请核对办件编号"
    en = "No materials were received by post for this case; there is nothing to send back. Check the case."


class MaterialsGoneBack(Refusal):
    code = "MATERIALS_ALREADY_RETURNED"
    zh = "材料已退还申请人或正在退还途中,请查看该办件的寄递记录"
    en = "The materials went back to the applicant already, or are on their way; look at the parcels of the case."


class NotBeingHandled(Refusal):
    code = "CASE_NEEDS_NO_MATERIALS"
    zh = "该办件当前不需要寄送材料,请在办件中查看下一步"
    en = "No materials are needed for this case at the moment; see its next step."


class CourierNotOffered(Refusal):
    code = "COURIER_NOT_OFFERED"
    zh = "该快递公司暂不支持这种下单或付费方式,请从可选方式中选择"
    en = "This carrier cannot be ordered this way; choose one of the offers."


class PickupWindowInvalid(Refusal):
    code = "PICKUP_WINDOW_INVALID"
    zh = "上门时间应在今天、明天或后天的同一天内,且至少一小时,请重新选择"
    en = "The pick-up window lies on one of the next three days and lasts an hour or more; choose again."


class PickupWindowNeeded(Refusal):
    code = "PICKUP_WINDOW_NEEDED"
    zh = "{carrier}须预约上门时间,请选择今天、明天或后天的一个时段"
    en = "{carrier} comes by appointment; choose a pick-up window on one of the next three days."


class CourierHasIt(Refusal):
    code = "COURIER_HAS_PARCEL"
    zh = "快递员已揽收或订单已结束,不能取消,请联系快递公司"
    en = "The courier has the parcel or the order is over; it cannot be cancelled. Contact the carrier."


class HallCannotReceive(Refusal):
    code = "HALL_CANNOT_RECEIVE"
    zh = "所选大厅不办理该事项,请选择其他大厅"
    en = "This hall does not handle the item; choose another."


class ParcelNotReturned(Refusal):
    code = "PARCEL_NOT_FOR_HALL"
    zh = "该包裹不是寄往大厅的,请核对单号"
    en = "This parcel is not one for the hall; check the number."


class ParcelNotArrived(Refusal):
    code = "PARCEL_NOT_ARRIVED"
    zh = "该包裹尚未送达,收到后再确认"
    en = "This parcel has not arrived yet; confirm once you have it."


class ParcelEnded(Refusal):
    code = "PARCEL_ENDED"
    zh = "该包裹已签收、已退回或已取消,不能报失,请刷新核对"
    en = "This parcel is delivered, back or cancelled and cannot be declared lost; refresh and check."


class TaskAlreadyDone(Refusal):
    code = "DELIVERY_TASK_DONE"
    zh = "该事项已有人处理,请刷新列表"
    en = "Somebody has seen to this already; refresh the list."


class CarrierStatementInvalid(Refusal):
    code = "CARRIER_STATEMENT_INVALID"
    zh = "对账单第{line}行有误:{reason_zh},请按模板修改后重新上传"
    en = "Line {line} of the statement is not valid: {reason_en}; correct it and upload again."


class SheetEmpty(Refusal):
    code = "HAND_OVER_SHEET_EMPTY"
    zh = "没有可交接的包裹,请先下单或登记单号"
    en = "There is nothing to hand over; order or register parcels first."


class NotPosted(Refusal):
    code = "NOT_POSTED"
    zh = "申请人选择到窗口领取,该办件不寄送"
    en = "The applicant chose to collect the result; it is not posted."
