"""Without this module the table of carriers would be code; it is data, because Kuaidi100's list changes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from pydantic import TypeAdapter


@dataclass(frozen=True)
class Carrier:
    """`phone`: whether Kuaidi100 wants the last four digits of the sender's or receiver's number. `orders`: whether
    its couriers can be ordered; `by_appointment`: only with a pick-up window (protocol 1.6).
    """

    code: str
    name_zh: str
    phone: Literal["required", "sometimes", "no"]
    orders: bool = False
    by_appointment: bool = False


def load_carriers() -> dict[str, Carrier]:
    """The carriers we offer by code, the ones a city hall uses most first."""
    table = files("integrations.kuaidi100").joinpath("carriers.json").read_bytes()
    return {carrier.code: carrier for carrier in TypeAdapter(list[Carrier]).validate_json(table)}
