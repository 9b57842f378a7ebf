"""Without this module the fiscal platform's side would have no keys: the portal's pair and its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from integrations.sandbox.key_files import make_once, read_private_key, write_private_key, write_public_key

APP_ID = "zhangting-sandbox"
APP_KEY = "app_private_key.pem"  # the product's
PLATFORM_KEY = "platform_private_key.pem"
PLATFORM_PUBLIC_KEY = "platform_public_key.pem"


@dataclass(frozen=True)
class FiscalKeys:
    """What the platform's side holds. `folder` also has the portal's private key, which is the product's."""

    folder: Path

    @cached_property
    def app(self) -> RSAPublicKey:
        return read_private_key(self.folder / APP_KEY).public_key()

    @cached_property
    def platform(self) -> RSAPrivateKey:
        return read_private_key(self.folder / PLATFORM_KEY)


def load_fiscal_keys(state: Path, folder: Path) -> FiscalKeys:
    """Made on first use, also for a state folder that is older than this part of the sandbox."""
    make_once(state, folder, PLATFORM_PUBLIC_KEY, _write_keys)
    return FiscalKeys(folder)


def environment(keys: FiscalKeys, base_url: str) -> dict[str, str]:
    folder = keys.folder.resolve()
    return {
        "FISCAL_BASE_URL": f"{base_url}/fiscal",
        "FISCAL_APP_ID": APP_ID,
        "FISCAL_PRIVATE_KEY_FILE": str(folder / APP_KEY),
        "FISCAL_PLATFORM_KEY_FILE": str(folder / PLATFORM_PUBLIC_KEY),
    }


def _write_keys(folder: Path) -> None:
    app, platform = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
    write_private_key(folder / APP_KEY, app)
    write_private_key(folder / PLATFORM_KEY, platform)
    write_public_key(folder / PLATFORM_PUBLIC_KEY, platform.public_key())
