"""Without this module nobody would be told what is done with their data, and "agreed" would not say to what.

The notice is data with a version. What a state organ needs for its duties it may process without consent, but it
still has to tell (个人信息保护法 13(1)(3), 35); conveniences need consent (13(1)(1), 14), sensitive data a separate
one (28, 29).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Purpose(StrEnum):
    """What personal data is used for."""

    PORTAL = "PORTAL"
    AFFAIRS = "AFFAIRS"
    FACE_CHECK = "FACE_CHECK"
    PHONE = "PHONE"
    LOCATION = "LOCATION"
    MESSAGES = "MESSAGES"


class Ground(StrEnum):
    """Why the law lets us; only `DUTY` does not ask the resident."""

    DUTY = "DUTY"
    CONSENT = "CONSENT"
    SEPARATE_CONSENT = "SEPARATE_CONSENT"


@dataclass(frozen=True)
class PurposeWords:
    """A purpose, the data it takes, and the ground it stands on with its place in the law."""

    ground: Ground
    law: str
    name_zh: str
    name_en: str
    data_zh: str
    data_en: str


@dataclass(frozen=True)
class Notice:
    """One version of the privacy notice. `changed` are the purposes it says something new about."""

    version: str
    effective_from: date
    paragraphs_zh: tuple[str, ...]
    paragraphs_en: tuple[str, ...]
    changed: frozenset[Purpose]


PURPOSES: dict[Purpose, PurposeWords] = {
    Purpose.PORTAL: PurposeWords(
        Ground.DUTY,
        "个人信息保护法第十三条第一款第三项、第三十五条",
        "使用掌厅",
        "to use the portal",
        "微信或支付宝给出的用户标识、登录设备和登录时间",
        "the identifier your app gives you here, your devices and when you signed in",
    ),
    Purpose.AFFAIRS: PurposeWords(
        Ground.DUTY,
        "个人信息保护法第十三条第一款第三项、第三十五条",
        "办理您申请的事项",
        "to handle what you apply for",
        "姓名、身份证号、申请材料、预约、缴费和寄送记录",
        "your name and identity number, what you hand in, and records of visits, payments and parcels",
    ),
    Purpose.FACE_CHECK: PurposeWords(
        Ground.SEPARATE_CONSENT,
        "个人信息保护法第二十八条、第二十九条",
        "人脸核验",
        "face verification",
        "由微信或支付宝采集并比对的人脸;我们只保存结果、时间和核验编号,不保存照片",
        "your face, taken and compared by your app; we keep the result, the time and a reference, never a picture",
    ),
    Purpose.PHONE: PurposeWords(
        Ground.CONSENT,
        "个人信息保护法第十三条第一款第一项、第十四条",
        "保存手机号",
        "to keep your mobile number",
        "您授权给出的手机号,用于办理中与您联系",
        "the number you hand over, so that staff can reach you about your affairs",
    ),
    Purpose.LOCATION: PurposeWords(
        Ground.SEPARATE_CONSENT,
        "个人信息保护法第二十八条、第二十九条",
        "查找附近大厅",
        "to find halls near you",
        "您当时的位置,用后不保存",
        "where you are at that moment; it is not kept",
    ),
    Purpose.MESSAGES: PurposeWords(
        Ground.CONSENT,
        "个人信息保护法第十三条第一款第一项、第十四条",
        "办理进度通知",
        "notices about your affairs",
        "接收通知的用户标识和您选择的通知种类",
        "the identifier notices are sent to, and the kinds you chose",
    ),
}

# Newest last. A version that is in force is never edited: residents agreed to its words.
NOTICES: tuple[Notice, ...] = (
    Notice(
        version="2026-01",
        effective_from=date(2026, 1, 1),
        paragraphs_zh=(
            (
                "掌厅是市政务服务大厅的小程序。为了办理您申请的事项,我们依法处理办理所必需的个人信息;"
                "这部分无需您另行同意,但我们会如实告诉您用了什么、用来做什么。"
            ),
            (
                "人脸核验、手机号、位置和通知不是必需的。每一项都由您单独选择,不同意也不影响您到大厅窗口办理。"
                "您可以随时在“我的—隐私”里撤回同意;撤回以前已经完成的处理仍然有效,撤回后我们不再使用。"
            ),
            "姓名、身份证号、手机号和地址加密保存在境内,显示时隐去一部分。工作人员每次查看您的办件都会留下记录。",
            (
                "您可以查阅、复制、更正自己的信息,也可以注销账号。办件、缴费和审计记录依法要保存一段时间,期满后删除。"
                "有疑问请到大厅咨询台,或拨打12345。"
            ),
        ),
        paragraphs_en=(
            (
                "This mini-program belongs to the city's government service hall. What is needed to handle the affairs "
                "you apply for we process as the law charges us to; for that we do not ask your consent, but we tell "
                "you openly what we use and why."
            ),
            (
                "Face verification, your mobile number, your location and notices are not needed. You choose each by "
                "itself, and whoever declines can have everything done at a window. You can withdraw at any time under "
                "Me, Privacy; what was done before stays valid, and from then on we no longer use the data."
            ),
            (
                "Names, identity numbers, mobile numbers and addresses are stored encrypted within the country and "
                "shown in part only. Every look of the staff at a case of yours is recorded."
            ),
            (
                "You can see, copy and correct your data and close your account. Records of cases, payments and looks "
                "are kept for as long as the law demands and then deleted. Ask at the hall's information desk or call "
                "12345."
            ),
        ),
        changed=frozenset(Purpose),
    ),
)


def notice_on(day: date, notices: Sequence[Notice] = NOTICES) -> Notice:
    """The version in force on a day; the first one before any is."""
    in_force = [notice for notice in notices if notice.effective_from <= day]
    return in_force[-1] if in_force else notices[0]


def needs_consent(purpose: Purpose) -> bool:
    return PURPOSES[purpose].ground is not Ground.DUTY


def still_holds(purpose: Purpose, version: str, day: date, notices: Sequence[Notice] = NOTICES) -> bool:
    """Whether what was agreed to under a version is still what the notice says of a purpose on a day.

    A newer version asks again for the purposes it changed, and for those only (个人信息保护法 14(2)). A version
    nobody knows never held.
    """
    versions = [notice.version for notice in notices]
    if version not in versions:
        return False
    later = notices[versions.index(version) + 1 :]
    return not any(purpose in notice.changed for notice in later if notice.effective_from <= day)
