"""Without this module real-name checks could not be played: the city-service face verification, second generation."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.people import is_identity_number
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat.people import People
from integrations.sandbox.wechat.tokens import check_token
from integrations.sandbox.wechat.wire import WechatError, posted_json, success, text
from integrations.sandbox.world import World

LIFE = 3600
PASSED = 10000
NAME_AND_NUMBER_DIFFER = 10003
OTHER_FACE = 10004
TIMED_OUT = 90017
NOT_DONE = 90199  # the platform's general client-side failure: an attempt nobody made is no pass


@dataclass(frozen=True)
class FaceAttempt:
    """One verify_id; `verify_ret` is 0 until the phone has done the check."""

    verify_id: str
    out_seq_no: str
    openid: str
    cert_name: str
    cert_no: str
    cert_hash: str
    issued: float
    verify_ret: int = 0


@dataclass(frozen=True)
class SequenceNumber:
    verify_id: str


def attempts(world: World) -> Shelf[FaceAttempt]:
    return Shelf(world.records, "faces", FaceAttempt, keep=5000)


def get_verify_id(world: World, call: Call) -> Answer:
    """City service, getVerifyId: a fresh out_seq_no, a known openid, a plausible identity number."""
    check_token(world, call)
    content = posted_json(call)
    out_seq_no = text(content, "out_seq_no")
    person = content.get("cert_info")
    if not isinstance(person, dict):
        raise WechatError(40097, "cert_info missing")
    openid = text(content, "openid", 40003)
    if People(world.records).find(openid) is None:
        raise WechatError(40003)
    if text(person, "cert_type") != "IDENTITY_CARD":
        raise WechatError(40097, "cert_type")
    name, number = text(person, "cert_name"), text(person, "cert_no")
    if not is_identity_number(number):
        raise WechatError(40097, "cert_no")
    used = Shelf(world.records, "face_numbers", SequenceNumber, keep=20000)
    if used.get(out_seq_no) is not None:
        raise WechatError(40097, "out_seq_no repeated")
    attempt = FaceAttempt(
        verify_id=secrets.token_urlsafe(48),
        out_seq_no=out_seq_no,
        openid=openid,
        cert_name=name,
        cert_no=number,
        cert_hash=hash_of(person),
        issued=world.clock.now(),
    )
    attempts(world).put(attempt.verify_id, attempt)
    used.put(out_seq_no, SequenceNumber(attempt.verify_id))
    return success({"verify_id": attempt.verify_id, "expires_in": LIFE})


def query_verify_info(world: World, call: Call) -> Answer:
    """City service, queryVerifyInfo: every one of the four values must be those of the attempt."""
    check_token(world, call)
    content = posted_json(call)
    attempt = attempts(world).get(text(content, "verify_id"))
    if attempt is None:
        raise WechatError(40097, "verify_id")
    if text(content, "out_seq_no") != attempt.out_seq_no:
        raise WechatError(40097, "out_seq_no")
    if text(content, "openid") != attempt.openid:
        raise WechatError(40003)
    if text(content, "cert_hash") != attempt.cert_hash:
        raise WechatError(40097, "cert_hash")
    if has_expired(world, attempt):
        return success({"verify_ret": TIMED_OUT})
    return success({"verify_ret": attempt.verify_ret or NOT_DONE})


def hash_of(person: Mapping[str, Any]) -> str:
    """The cert_hash of queryVerifyInfo: SHA-256 over the three values in base64."""
    names = ("cert_type", "cert_name", "cert_no")
    joined = "&".join(f"{name}={base64.b64encode(person[name].encode()).decode()}" for name in names)
    return hashlib.sha256(joined.encode()).hexdigest()


def has_expired(world: World, attempt: FaceAttempt) -> bool:
    return world.clock.now() - attempt.issued > LIFE


def honest_result(world: World, attempt: FaceAttempt) -> int:
    """What the check finds when its owner holds the phone: somebody else's name or number never passes."""
    phone = People(world.records).find(attempt.openid)
    if phone is None or phone.id_number.upper() != attempt.cert_no.upper():
        return OTHER_FACE
    return PASSED if phone.name == attempt.cert_name else NAME_AND_NUMBER_DIFFER
