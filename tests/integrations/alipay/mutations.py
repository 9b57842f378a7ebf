"""Without this module only the lies somebody thought of would be tried: true notices of Alipay, spoilt at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from app.kernel.callbacks import RawCallback


def says(raw: RawCallback) -> object:
    """What a form tells, however it is spelled: `%2b` and `%2B`, or a field that is empty, are no difference."""
    try:
        pairs = parse_qsl(raw.body.decode("ascii"), strict_parsing=True, keep_blank_values=True, errors="strict")
    except ValueError:
        return raw.body
    return sorted(pair for pair in pairs if pair[1])


def _flip_a_bit(true: RawCallback, source: random.Random) -> RawCallback:
    changed = bytearray(true.body)
    changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)
    return replace(true, body=bytes(changed))


def _cut_off(true: RawCallback, source: random.Random) -> RawCallback:
    return replace(true, body=true.body[: source.randrange(len(true.body))])


def _insert(true: RawCallback, source: random.Random) -> RawCallback:
    place = source.randrange(len(true.body) + 1)
    return replace(true, body=true.body[:place] + source.randbytes(source.randint(1, 4)) + true.body[place:])


def _change_a_field(true: RawCallback, source: random.Random) -> RawCallback:
    fields = dict(parse_qsl(true.body.decode(), keep_blank_values=True))
    name = source.choice(sorted(fields))
    return _with(true, fields, name, fields[name] + source.choice(["0", " ", "x", "费"]))


def _lose_a_field(true: RawCallback, source: random.Random) -> RawCallback:
    fields = dict(parse_qsl(true.body.decode(), keep_blank_values=True))
    del fields[source.choice(sorted(fields))]
    return _with(true, fields)


def _add_a_field(true: RawCallback, source: random.Random) -> RawCallback:
    fields = dict(parse_qsl(true.body.decode(), keep_blank_values=True))
    return _with(
        true, fields, source.choice(["refund_fee", "gmt_refund", "out_biz_no", "x"]), str(source.randrange(99))
    )


def _say_a_name_twice(true: RawCallback, source: random.Random) -> RawCallback:
    name = source.choice(["total_amount", "out_trade_no", "trade_status", "app_id"])
    return replace(true, body=true.body + f"&{name}={source.randrange(99)}".encode())


def _with(true: RawCallback, fields: dict[str, str], name: str = "", value: str = "") -> RawCallback:
    told = {**fields, name: value} if name else fields
    return replace(true, body=urlencode(told).encode())


MUTATIONS: list[Callable[[RawCallback, random.Random], RawCallback]] = [
    _flip_a_bit,
    _flip_a_bit,
    _cut_off,
    _insert,
    _change_a_field,
    _change_a_field,
    _lose_a_field,
    _add_a_field,
    _say_a_name_twice,
]
