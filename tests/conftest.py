"""One running portal for the whole session; every test brings its own residents, slots and cases.

All tests together are shared out, file by file, over the processors; each process has a session and services of its
own. Whoever picks some waits for one set of services only: `-n 2` shares out what was picked too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.portal import Portal, Services, running_portal, running_services

_LONG = {"operations", "journeys", "kernel", "staffing"}
"""Folders with tests that start processes of their own, or that ask everything in everybody's name."""


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """What `-n auto` means; nothing is xdist's own answer, the number of processors."""
    picked = config.args_source is not config.ArgsSource.TESTPATHS
    options = config.option
    return 0 if picked or options.keyword or options.markexpr or options.lf or options.collectonly else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, so that at the end no processor waits for another's last file."""
    items.sort(key=lambda item: item.path.parent.name not in _LONG)


@pytest.fixture(scope="session")
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that outlives the run and is the same for all processes of it, if pytest may keep one."""
    cache = request.config.cache
    return tmp_path_factory.mktemp("clusters") if cache is None else cache.mkdir("clusters")


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> Iterator[Services]:
    with running_services(tmp_path_factory.mktemp("services"), kept) as running:
        yield running


@pytest.fixture(scope="session")
async def portal(services: Services) -> AsyncIterator[Portal]:
    async with running_portal(services) as running:
        yield running
