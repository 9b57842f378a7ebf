"""Without this module nobody could ask where a parcel is: the real-time query."""

from __future__ import annotations

from dataclasses import replace

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.kuaidi100.carriers import CARRIERS, NUMBER, PHONE_NEEDED
from integrations.sandbox.kuaidi100.parcels import parcels, snapshot
from integrations.sandbox.kuaidi100.wire import (
    HASHES,
    TrackError,
    digest,
    posted_form,
    read_param,
    success,
    text,
)
from integrations.sandbox.world import World

LOCK_SECONDS = 30 * 60


def query(world: World, call: Call) -> Answer:
    """Kuaidi100 real-time query: the signature is over the text of `param` as it was sent."""
    form = posted_form(call, "400")
    _check_signature(world, form)
    param = read_param(form, "400")
    carrier, number = text(param, "com"), text(param, "num")
    if carrier not in CARRIERS or not NUMBER.fullmatch(number):
        raise TrackError("400", "提交的数据不完整，或者贵公司没授权")
    parcel = parcels(world).get(number)
    known = parcel if parcel and parcel.carrier == carrier else None
    _check_phone(carrier, text(param, "phone"), known.phone if known else "")
    if known is None or not known.rows:
        raise TrackError("500", "查询无结果，请隔段时间再查")
    now = world.clock.now()
    if world.dice.now.query_lock and now - known.last_query < LOCK_SECONDS:
        raise TrackError("504", "同一单号查询过于频繁，已被锁定")
    parcels(world).put(number, replace(known, last_query=now))
    ascending = text(param, "order") == "asc"
    return success(snapshot(carrier, number, known.rows, text(param, "resultv2"), ascending=ascending))


def _check_signature(world: World, form: dict[str, str]) -> None:
    account = world.keys.account
    if form.get("customer") != account.kuaidi100_customer:
        raise TrackError("600", "您不是合法的订阅者")
    kind = form.get("signType") or "MD5"
    if kind not in HASHES:
        raise TrackError("400", "signType不支持")
    right = digest(form.get("param", "") + account.kuaidi100_key + account.kuaidi100_customer, kind)
    if form.get("sign") != right:
        raise TrackError("503", "验证签名失败")


def _check_phone(carrier: str, shown: str, known: str) -> None:
    """Sender's or receiver's number, or its last four digits; a parcel with no tail on file takes any."""
    if carrier in PHONE_NEEDED and (not shown[-4:].isdigit() or len(shown) < 4):
        raise TrackError("408", "快递公司参数异常：电话号码校验失败")
    if known and carrier in PHONE_NEEDED and shown[-4:] != known:
        raise TrackError("408", "快递公司参数异常：电话号码校验失败")
