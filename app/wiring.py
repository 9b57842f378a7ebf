"""Without this module the domains would have ports and the adapters would have plugs, and no current would flow.

The only module that names integrations: a word in `PORTAL_PROVIDERS` is a folder in `integrations/`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from app.identity import capabilities
from app.identity.ports import PersonalData
from app.kernel import db, ports, privacy, redis
from app.kernel.http import OutboundClient
from app.kernel.live import live
from app.kernel.settings import SettingsInvalid, get_settings

_APP_DIR = Path(__file__).parent


def load_reactions() -> None:
    """Import every domain's `tasks.py`, so that facts find who reacts and the worker knows its jobs."""
    import_module("app.kernel.audit.chaining")
    import_module("app.kernel.inbox.notices")
    for tasks in sorted(_APP_DIR.glob("*/tasks.py")):
        import_module(f"app.{tasks.parent.name}.tasks")


def connect_personal_data() -> None:
    """Register what each domain holds of residents, so that accounts can be joined, told and closed as a whole."""
    for module in sorted(_APP_DIR.glob("*/personal_data.py")):
        domain = module.parent.name
        ports.register(PersonalData, domain, import_module(f"app.{domain}.personal_data").Holdings())


def connect_providers(http: OutboundClient) -> None:
    """Register the adapters of every provider in force. Leaves the program when one is misconfigured."""
    ports.clear()
    connect_personal_data()
    for name in get_settings().providers:
        if not name.isidentifier() or find_spec(f"integrations.{name}") is None:
            raise SettingsInvalid(f"PORTAL_PROVIDERS: there is no provider called {name!r} in integrations/")
        import_module(f"integrations.{name}").connect(http)
    capabilities.check_words()


@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    """Database, Redis and providers, ready for a process to work with, and closed behind it."""
    privacy.key_ring()
    load_reactions()
    http = OutboundClient()
    connect_providers(http)
    await db.connect()
    try:
        yield
    finally:
        await http.close()
        await live.stop()
        await redis.disconnect()
        await db.disconnect()
