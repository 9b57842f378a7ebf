"""Without this module the contract tests would have nobody to talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integrations.contract.stage import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running
