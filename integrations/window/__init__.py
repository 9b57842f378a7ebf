"""Without this package nobody could pay at a window: cash and the card machine (POS), which no network asks."""

from __future__ import annotations

from app.kernel import ports
from app.kernel.http import OutboundClient
from app.payments.ports import PaymentChannel
from integrations.window.payments import WindowChannel


def connect(_http: OutboundClient) -> None:
    """There is nothing to configure."""
    ports.register(PaymentChannel, "cash", WindowChannel("cash", "现金", "Cash"))
    ports.register(PaymentChannel, "pos", WindowChannel("pos", "银行卡(POS机)", "Bank card (POS)"))
