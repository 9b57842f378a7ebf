"""Without this module only the lies somebody thought of would be tried: true notices of WeChat, spoilt at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import orjson

from app.kernel.callbacks import RawCallback

SIGNED = ("wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial", "wechatpay-signature")


def _flip_a_bit(true: RawCallback, source: random.Random) -> RawCallback:
    place = source.randrange(len(true.body))
    changed = bytearray(true.body)
    changed[place] ^= 1 << source.randrange(8)
    return replace(true, body=bytes(changed))


def _cut_off(true: RawCallback, source: random.Random) -> RawCallback:
    return replace(true, body=true.body[: source.randrange(len(true.body))])


def _insert(true: RawCallback, source: random.Random) -> RawCallback:
    place = source.randrange(len(true.body) + 1)
    return replace(true, body=true.body[:place] + source.randbytes(source.randint(1, 4)) + true.body[place:])


def _write_json_anew(true: RawCallback, source: random.Random) -> RawCallback:
    content = orjson.loads(true.body)
    content["summary"] = f"支付成功{source.randrange(1000)}"
    return replace(true, body=orjson.dumps(content))


def _change_a_header(true: RawCallback, source: random.Random) -> RawCallback:
    name = source.choice(SIGNED)
    value = list(true.headers[name])
    place = source.randrange(len(value))
    value[place] = source.choice([one for one in "0123456789abcdefXYZ=+/ é" if one != value[place]])
    return with_header(true, name, "".join(value))


def _lose_a_header(true: RawCallback, source: random.Random) -> RawCallback:
    lost = source.choice(SIGNED)
    return replace(true, headers={name: value for name, value in true.headers.items() if name != lost})


def _move_in_time(true: RawCallback, source: random.Random) -> RawCallback:
    moved = int(true.headers["wechatpay-timestamp"]) + source.choice((-1, 1)) * source.randint(1, 10_000)
    return with_header(true, "wechatpay-timestamp", str(moved))


def _change_the_scheme(true: RawCallback, source: random.Random) -> RawCallback:
    return with_header(true, "wechatpay-signature-type", f"WECHATPAY2-SM2-{source.randrange(1000)}")


MUTATIONS: list[Callable[[RawCallback, random.Random], RawCallback]] = [
    _flip_a_bit,
    _flip_a_bit,
    _cut_off,
    _insert,
    _write_json_anew,
    _change_a_header,
    _change_a_header,
    _lose_a_header,
    _move_in_time,
    _change_the_scheme,
]


def with_header(raw: RawCallback, name: str, value: str) -> RawCallback:
    return replace(raw, headers={**raw.headers, name: value})
