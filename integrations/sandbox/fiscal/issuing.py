"""Without this module the platform would give out no receipts: it checks an order as a treasury would."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from integrations.sandbox.fiscal.books import Issued, books, next_number, shown, shown_red
from integrations.sandbox.fiscal.control import is_known
from integrations.sandbox.fiscal.gate import posted_json
from integrations.sandbox.fiscal.wire import FiscalError, told
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.world import World

CODE = "99010126"  # two digits each: area, class, kind, year
LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
FIELDS = {"order_id", "unit", "division_code", "payer", "payment_code", "paid_at", "total", "lines"}
SHAPES = {
    "order_id": re.compile(r"[0-9A-Za-z-]{1,64}"),
    "division_code": re.compile(r"\d{6,12}"),
    "payment_code": re.compile(r"[0-9A-Za-z]{1,20}"),
}
AMOUNT = re.compile(r"(0|[1-9]\d{0,9})\.\d{2}")
UNIT = re.compile(r"[0-9A-Z]{18}")
ITEM = re.compile(r"[0-9A-Za-z-]{1,30}")


def issue(world: World, call: Call) -> Answer:
    """A known order is answered with what it was given; a new one is checked, numbered and kept."""
    content = posted_json(call)
    order_id = _text(content, "order_id")
    known = books(world).get(order_id)
    if known is not None:
        return told(shown(known))
    lines, total = _check(content)
    unit_code = _unit(world, content)
    receipt = Issued(
        order_id=order_id,
        code=CODE,
        number=next_number(world),
        check_code=_check_code(),
        unit_code=unit_code,
        payment_code=_text(content, "payment_code"),
        total=total,
        lines=lines,
        issued=world.clock.now(),
    )
    books(world).put(order_id, receipt)
    return told(shown(receipt))


def ask(world: World, call: Call) -> Answer:
    found = books(world).get(call.variables["order_id"])
    if found is None:
        raise FiscalError(404, "ORDER_UNKNOWN", "没有这个业务流水号的票据")
    return told(shown(found))


def take_back(world: World, call: Call) -> Answer:
    """The red letter; again the same one, whatever the reason says then."""
    content = posted_json(call)
    wanted = (call.variables["code"], call.variables["number"])
    found = next((one for one in books(world).every() if (one.code, one.number) == wanted), None)
    if found is None or content.get("check_code") != found.check_code:
        raise FiscalError(404, "RECEIPT_UNKNOWN", "票据不存在或校验码不符")
    reason = content.get("reason")
    if not isinstance(reason, str) or not 1 <= len(reason) <= 200:
        raise FiscalError(400, "REASON_INVALID", "请填写1至200字的冲红原因")
    if not found.red_number:
        found = replace(
            found,
            red_number=next_number(world),
            red_check_code=_check_code(),
            red_reason=reason,
            red_at=world.clock.now(),
        )
        books(world).put(found.order_id, found)
    return told(shown_red(found))


def health(_: World, __: Call) -> Answer:
    return told({})


def _check(content: dict[str, Any]) -> tuple[list[list[str]], int]:
    """Every field is there, well formed, and the lines add up to the total."""
    if set(content) != FIELDS:
        raise FiscalError(400, "FIELDS_INVALID", "字段缺失或多余")
    for name, shape in SHAPES.items():
        if not shape.fullmatch(_text(content, name)):
            raise FiscalError(400, "FIELD_INVALID", f"{name}格式错误")
    payer = content["payer"]
    if not isinstance(payer, dict) or not 1 <= len(_text(payer, "name")) <= 100:
        raise FiscalError(400, "PAYER_INVALID", "交款人应为1至100字")
    _check_moment(_text(content, "paid_at"))
    rows = content["lines"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= 100:
        raise FiscalError(400, "LINES_INVALID", "项目应为1至100行")
    lines = [_line(row) for row in rows]
    total = _fen(_text(content, "total"))
    if sum(_fen(amount) for _, _, amount in lines) != total or total <= 0:
        raise FiscalError(400, "TOTAL_DIFFERS", "合计与各行之和不符")
    return lines, total


def _line(row: Any) -> list[str]:
    if not isinstance(row, dict) or set(row) != {"item", "title", "amount"}:
        raise FiscalError(400, "LINES_INVALID", "项目行字段错误")
    if not ITEM.fullmatch(str(row["item"])):
        raise FiscalError(400, "ITEM_UNKNOWN", "非税收入项目编码不存在")
    if _fen(str(row["amount"])) <= 0 or not 1 <= len(str(row["title"])) <= 200:
        raise FiscalError(400, "LINES_INVALID", "项目行金额或名称错误")
    return [str(row["item"]), str(row["title"]), str(row["amount"])]


def _unit(world: World, content: dict[str, Any]) -> str:
    unit = content["unit"]
    code = unit.get("code") if isinstance(unit, dict) else None
    if not isinstance(code, str) or not UNIT.fullmatch(code) or not is_known(world, code):
        raise FiscalError(400, "UNIT_UNKNOWN", "执收单位未登记")
    return code


def _check_moment(text: str) -> None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise FiscalError(400, "FIELD_INVALID", "paid_at应为带时区的时间")


def _fen(text: str) -> int:
    if not AMOUNT.fullmatch(text):
        raise FiscalError(400, "AMOUNT_INVALID", "金额应为两位小数的元")
    return int(text.replace(".", ""))


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise FiscalError(400, "FIELD_INVALID", f"{name}应为字符串")
    return value


def _check_code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(6))
