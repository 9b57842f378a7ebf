"""Without this module parcels would be followed only by asking: it takes subscriptions and counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from integrations.sandbox.clock import BEIJING
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.kuaidi100.carriers import CARRIERS, NUMBER, candidates
from integrations.sandbox.kuaidi100.parcels import Parcel, parcels
from integrations.sandbox.kuaidi100.pushes import push_normally
from integrations.sandbox.kuaidi100.watching import Subscription, subscriptions
from integrations.sandbox.kuaidi100.wire import TrackError, posted_form, read_param, success, text
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

A_MONTH = 4
REST_AFTER_ABORT = 30 * 60
FIRST_PUSH_SECONDS = 15  # before haste; the real platform takes 15 minutes to 4 hours


@dataclass(frozen=True)
class MonthlyCount:
    times: int


def subscribe(world: World, call: Call) -> Answer:
    """Kuaidi100 subscribe (`/poll`): the key is inside `param`, nothing is signed."""
    form = posted_form(call, "700")
    if form.get("schema") != "json":
        raise TrackError("700", "schema必须为json")
    param = read_param(form, "700")
    if text(param, "key") != world.keys.account.kuaidi100_key:
        raise TrackError("600", "您不是合法的订阅者")
    wanted = _read_subscription(world, param)
    _check_repetition(world, wanted)
    subscriptions(world).put(wanted.address, wanted)
    parcel = parcels(world).get(wanted.number)
    if parcel is None:
        parcel = Parcel(wanted.number, wanted.carrier, [], phone=wanted.phone[-4:])
        parcels(world).put(parcel.number, parcel)
    if parcel.rows:
        push_normally(world, parcel, after=FIRST_PUSH_SECONDS * world.dice.now.haste, only=wanted.address)
    return success({"result": True, "returnCode": "200", "message": "提交成功"})


def _read_subscription(world: World, param: Mapping[str, Any]) -> Subscription:
    parameters = param.get("parameters")
    number = text(dict(param), "number")
    if not isinstance(parameters, dict) or not NUMBER.fullmatch(number):
        raise TrackError("700", "订阅数据错误：number或parameters")
    return Subscription(
        number=number,
        carrier=_carrier(dict(param), parameters, number),
        callback_url=_callback_url(world, parameters),
        salt=text(parameters, "salt"),
        phone=text(parameters, "phone"),
        level=text(parameters, "resultv2"),
        since=world.clock.now(),
    )


def _carrier(param: dict[str, Any], parameters: dict[str, Any], number: str) -> str:
    """701 for a carrier nobody knows, 702 when they were to recognise it and could not."""
    company = text(param, "company")
    if company:
        if company not in CARRIERS:
            raise TrackError("701", "不支持的快递公司")
        return company
    if text(parameters, "autoCom") != "1":
        raise TrackError("700", "订阅数据错误：缺少company")
    found = candidates(number)
    if not found:
        raise TrackError("702", "无法识别该单号所属的快递公司")
    return found[0]


def _callback_url(world: World, parameters: dict[str, Any]) -> str:
    url = text(parameters, "callbackurl")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise TrackError("700", "回调地址错误") from None
    if not host or parts.scheme not in {"http", "https"}:
        raise TrackError("700", "回调地址错误")
    if parts.scheme == "https" and not world.dice.now.https_callbacks:
        raise TrackError("700", "回调地址不支持https，请联系客服开通")
    return url


def _check_repetition(world: World, wanted: Subscription) -> None:
    for known in subscriptions(world).every():
        if (known.number, known.carrier) != (wanted.number, wanted.carrier):
            continue
        if known.is_watching:
            raise TrackError("501", "重复订阅")
        if known.aborted and wanted.since - known.aborted < REST_AFTER_ABORT:
            raise TrackError("700", "监控中止后30分钟内不能再次订阅")
    month = datetime.fromtimestamp(wanted.since, BEIJING).strftime("%Y-%m")
    counts = Shelf(world.records, "subscriptions_a_month", MonthlyCount, keep=20000)
    before = counts.get(f"{month} {wanted.number}") or MonthlyCount(0)
    if before.times >= A_MONTH:
        raise TrackError("700", "同一单号一个月内最多订阅4次")
    counts.put(f"{month} {wanted.number}", replace(before, times=before.times + 1))
