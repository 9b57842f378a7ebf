"""Without this module nobody could say who may act for whom, in what, and until when."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.actor import Principal
from app.kernel.transitions import Graph, edge
from app.representation.errors import OutsideMandate, ProxyNotAllowed


class Basis(StrEnum):
    """Why somebody may act for another (民法典 23, 27, 61, 162, 170)."""

    GUARDIAN = "GUARDIAN"
    PROXY = "PROXY"
    LEGAL_REPRESENTATIVE = "LEGAL_REPRESENTATIVE"
    AUTHORISED_AGENT = "AUTHORISED_AGENT"


BASIS_WORDS: dict[Basis, tuple[str, str]] = {
    Basis.GUARDIAN: ("监护人", "guardian"),
    Basis.PROXY: ("帮办代办人", "proxy"),
    Basis.LEGAL_REPRESENTATIVE: ("法定代表人", "legal representative"),
    Basis.AUTHORISED_AGENT: ("经办人", "authorised agent"),
}


class MandateState(StrEnum):
    """`PENDING` waits for a window to see the papers; only `IN_FORCE` lets anybody act."""

    PENDING = "PENDING"
    IN_FORCE = "IN_FORCE"
    REFUSED = "REFUSED"
    REVOKED = "REVOKED"


LIFE: Graph[MandateState] = Graph(
    [
        edge("confirm", MandateState.PENDING, MandateState.IN_FORCE),
        edge("refuse", MandateState.PENDING, MandateState.REFUSED),
        edge("revoke", (MandateState.PENDING, MandateState.IN_FORCE), MandateState.REVOKED),
    ]
)


def check_may_apply(principal: Principal | None, item_key: str, item_name: str, *, proxy_allowed: bool) -> None:
    """Raise `OutsideMandate` for an item the mandate does not name, `ProxyNotAllowed` where the item forbids it.

    A guardian and those who speak for a legal person are not proxies: without them there is nobody to ask.
    """
    if principal is None:
        return
    if principal.items is not None and item_key not in principal.items:
        raise OutsideMandate(field="itemKey")
    if principal.basis == Basis.PROXY and not proxy_allowed:
        raise ProxyNotAllowed(item=item_name, field="itemKey")
