"""Yards for the tests of one, archives and stories for several of them."""

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import disturbed_imports, source_kinds, stories
from tests.factories.archives import zip_of
from tests.factories.broken import messy_members
from tests.factories.door import Door, open_door
from tests.factories.yard import QuietLauncher, Yard, open_yard


@pytest.fixture
def hears_interrupts() -> Iterator[None]:
    """Children hear SIGINT, even if these tests run where it is ignored, as it is for what a script starts with `&`."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
async def yard(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard with two claimers, small shards and short leases."""
    async with open_yard(mongo_url, tmp_path / "yard") as opened:
        yield opened


@pytest.fixture
async def quiet_yard(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard whose claimers are started by the test."""
    async with open_yard(mongo_url, tmp_path / "yard", launcher=QuietLauncher()) as opened:
        yield opened


# -- one dataset as every kind of source


@pytest.fixture
async def small_yard(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard with shards of three images."""
    async with open_yard(mongo_url, tmp_path / "yard", engine=source_kinds.SMALL_SHARDS) as opened:
        yield opened


@pytest.fixture
async def index_yard(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """The same, but labels are read first."""
    async with open_yard(mongo_url, tmp_path / "yard", engine=source_kinds.LABELS_FIRST) as opened:
        yield opened


# -- imports that are disturbed


@pytest.fixture
async def quiet(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """A yard whose claimers are started by the test; many small shards, short leases."""
    engine, launcher = disturbed_imports.ENGINE, QuietLauncher()
    async with open_yard(mongo_url, tmp_path / "quiet", engine=engine, launcher=launcher) as opened:
        yield opened


@pytest.fixture
async def hasty(mongo_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    """The same, but labels are read first wherever that is cheap."""
    engine, launcher = disturbed_imports.LABELS_FIRST, QuietLauncher()
    async with open_yard(mongo_url, tmp_path / "hasty", engine=engine, launcher=launcher) as opened:
        yield opened


@pytest.fixture(scope="session")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with something of everything."""
    return zip_of(tmp_path_factory.mktemp("messy") / "messy.zip", messy_members())


@pytest.fixture(scope="session")
def results() -> dict[str, Any]:
    """Undisturbed results by archive."""
    return {}


# -- live events


@pytest.fixture
async def door(quiet_yard: Yard) -> AsyncIterator[Door]:
    """The API of the quiet yard on a port of its own."""
    async with open_door(quiet_yard) as opened:
        yield opened


@pytest.fixture
async def story(quiet_yard: Yard, tmp_path: Path) -> stories.Story:
    """A running job of the quiet yard, whose story the test tells."""
    return await stories.begun(quiet_yard, tmp_path)
