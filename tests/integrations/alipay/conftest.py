"""Without this module the alipay tests could meet neither certificates nor a gateway that answers what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from integrations.sandbox.keys import alipay_certificate_environment
from tests.integrations.alipay.scripted import Scripted, scripted
from tests.integrations.contract.stage import Sandbox


@pytest.fixture(scope="session")
def certificate_mode(sandbox: Sandbox, sandbox_state: Path) -> dict[str, str]:
    """The environment in which the sandbox and we know each other by certificates."""
    return alipay_certificate_environment(sandbox_state, sandbox.base_url)


@pytest.fixture(scope="session")
def alipay_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture
def stage(tmp_path: Path, alipay_key: RSAPrivateKey) -> Scripted:
    """Our gateway client opposite somebody who answers what the test says."""
    return scripted(tmp_path, alipay_key)
