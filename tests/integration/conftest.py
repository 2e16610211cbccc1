"""A yard for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.factories.yard import QuietLauncher, Yard, open_yard


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
