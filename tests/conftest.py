"""One running portal for the whole session; every test brings its own residents, slots and cases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.portal import Portal, Services, running_portal, running_services


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with running_services(tmp_path_factory.mktemp("services")) as running:
        yield running


@pytest.fixture(scope="session")
async def portal(services: Services) -> AsyncIterator[Portal]:
    async with running_portal(services) as running:
        yield running
