"""Without this module a server of sockets would be set up in one way by the command and in another by the tests."""

from __future__ import annotations

from typing import Final, TypedDict


class SocketOptions(TypedDict):
    ws: str
    ws_max_size: int
    ws_ping_interval: float
    ws_ping_timeout: float
    ws_per_message_deflate: bool


SOCKET_OPTIONS: Final[SocketOptions] = {
    "ws": "websockets-sansio",
    "ws_max_size": 64 * 1024,
    # Phones are behind routers that forget a silent connection after a minute.
    "ws_ping_interval": 30.0,
    "ws_ping_timeout": 20.0,
    # It would cost a socket more memory than all the rest of it, for messages of a few hundred bytes.
    "ws_per_message_deflate": False,
}
"""What Uvicorn is told about sockets."""
