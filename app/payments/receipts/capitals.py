"""Without this module an amount on a receipt could be altered with one stroke of a pen (大写金额).

Follows the central bank's rules on filling in bills (《正确填写票据和结算凭证的基本规定》): capital digits, 零 once for
zeros in a row, 零 between 元 and 分, 整 where no 分 follows.
"""

from __future__ import annotations

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")
_TOO_MUCH = 10**18


def in_capitals(fen: int) -> str:
    """`10000005` fen as `壹拾万元零伍分`. Raises `ValueError` for a negative amount and for one beyond all reason."""
    if not 0 <= fen < _TOO_MUCH:
        raise ValueError(f"not an amount for a receipt: {fen}")
    yuan, cents = divmod(fen, 100)
    jiao, rest = divmod(cents, 10)
    whole = f"{_whole(yuan)}元" if yuan else ""
    if not cents:
        return f"{whole or '零元'}整"
    tenths = f"{_DIGITS[jiao]}角" if jiao else "零" * bool(whole)
    return f"{whole}{tenths}" + (f"{_DIGITS[rest]}分" if rest else "整")


def _whole(number: int) -> str:
    """Four digits at a time; zeros in a row are read as one, and none at the end of a group."""
    said, after_zeros = "", False
    digits = f"{number:016d}"
    for place, name in enumerate(reversed(_GROUPS)):
        group = int(digits[4 * place : 4 * place + 4])
        if group:
            zero = "零" if said and (group < 1000 or after_zeros) else ""
            said += zero + _four(group) + name
        after_zeros = not group
    return said


def _four(group: int) -> str:
    said = ""
    for digit, place in zip(f"{group:04d}", reversed(_PLACES), strict=True):
        said += _DIGITS[int(digit)] + place if digit != "0" else "零" * bool(said and not said.endswith("零"))
    return said.rstrip("零")
