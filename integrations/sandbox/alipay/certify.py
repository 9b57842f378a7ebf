"""Without this module nobody could prove by his face who he is in Alipay: alipay.user.certify.open, three methods."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from integrations.sandbox.alipay.gate import Question, text_of
from integrations.sandbox.alipay.people import AlipayUser
from integrations.sandbox.alipay.wire import inner_json, not_done
from integrations.sandbox.people import is_identity_number
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

LIFE = 23 * 3600
BIZ_CODES = {"FACE", "CERT_PHOTO", "CERT_PHOTO_FACE", "SMART_FACE"}
RESULT_STATUS = {"pass": "9000", "fail": "4000", "cancel": "6001", "never": ""}
"""What `my.startAPVerify` tells the mini-program; nothing while the resident never comes back."""


@dataclass(frozen=True)
class Certification:
    """One certify_id. `outcome` is what happened on the page last; only pass and fail are final. `opened`
    counts how often the page was fetched with a right signature.
    """

    certify_id: str
    outer_order_no: str
    cert_name: str
    cert_no: str
    return_url: str
    issued: float
    opened: int = 0
    outcome: str = ""

    @property
    def is_final(self) -> bool:
        return self.outcome in {"pass", "fail"}


@dataclass(frozen=True)
class OrderNumber:
    certify_id: str


def certifications(world: World) -> Shelf[Certification]:
    return Shelf(world.records, "alipay_certifications", Certification, keep=5000)


def initialize(world: World, question: Question) -> dict[str, Any]:
    """A fresh outer_order_no, a known biz_code, a plausible identity number. Sub codes are our reading."""
    number = question.text("outer_order_no")
    if not re.fullmatch(r"[0-9A-Za-z]{1,32}", number):
        raise not_done("INVALID_PARAMETER", "outer_order_no is up to 32 letters and digits")
    if question.text("biz_code") not in BIZ_CODES:
        raise not_done("INVALID_PARAMETER", "biz_code unknown")
    person = _object(question.content, "identity_param")
    if (text_of(person, "identity_type"), text_of(person, "cert_type")) != ("CERT_INFO", "IDENTITY_CARD"):
        raise not_done("INVALID_PARAMETER", "identity_type is CERT_INFO, cert_type IDENTITY_CARD")
    if not is_identity_number(text_of(person, "cert_no")):
        raise not_done("INVALID_PARAMETER", "cert_no has a wrong check digit or birth date")
    used = Shelf(world.records, "alipay_order_numbers", OrderNumber, keep=20000)
    if used.get(number) is not None:
        raise not_done("OUTER_ORDER_NO_REPEATED", "outer_order_no was used before")
    started = Certification(
        certify_id=secrets.token_hex(16),
        outer_order_no=number,
        cert_name=text_of(person, "cert_name"),
        cert_no=person["cert_no"],
        return_url=str(_object(question.content, "merchant_config", optional=True).get("return_url") or ""),
        issued=world.clock.now(),
    )
    certifications(world).put(started.certify_id, started)
    used.put(number, OrderNumber(started.certify_id))
    return {"certify_id": started.certify_id}


def open_page(world: World, question: Question) -> Certification:
    """alipay.user.certify.open.certify: what the signed address shows on the resident's phone."""
    found = _usable(world, question)
    found = replace(found, opened=found.opened + 1)
    certifications(world).put(found.certify_id, found)
    return found


def query(world: World, question: Question) -> dict[str, Any]:
    """Neither done nor failed is `F` too; only a failure has a `fail_reason`. Cases of expiry are our reading."""
    found = _usable(world, question)
    told = {
        "passed": "T" if found.outcome == "pass" else "F",
        "identity_info": inner_json({"cert_name": found.cert_name, "cert_no": found.cert_no}),
        "material_info": inner_json({"verify_details": []}),
    }
    return told if found.outcome != "fail" else {**told, "fail_reason": "人脸与证件信息不一致"}


def finish(world: World, found: Certification, outcome: str) -> str:
    """Carry out what the resident did on the page; returns resultStatus."""
    if outcome != "never":
        certifications(world).put(found.certify_id, replace(found, outcome=outcome))
    return RESULT_STATUS[outcome]


def has_expired(world: World, found: Certification) -> bool:
    return world.clock.now() - found.issued > LIFE


def honest_outcome(found: Certification, user: AlipayUser) -> str:
    """What the camera finds when this person looks into it: somebody else's name or number never passes."""
    is_same = (user.name, user.id_number.upper()) == (found.cert_name, found.cert_no.upper())
    return "pass" if is_same else "fail"


def _usable(world: World, question: Question) -> Certification:
    found = certifications(world).get(question.text("certify_id"))
    if found is None:
        raise not_done("CERTIFY_ID_NOT_EXIST", "no such certify_id")
    if has_expired(world, found):
        raise not_done("CERTIFY_ID_EXPIRED", "this certify_id is older than 23 hours")
    return found


def _object(content: Mapping[str, Any], name: str, *, optional: bool = False) -> dict[str, Any]:
    """SDKs send these both as objects and as JSON in text."""
    value = content.get(name, {} if optional else None)
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        raise not_done("INVALID_PARAMETER", f"{name} missing or not an object")
    return value
