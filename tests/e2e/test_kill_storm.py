"""A small kill storm: `python -m tests.bench.kill_storm` is the large one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bench.kill_storm import SCENARIOS, storm
from tests.factories.mortal_mongod import MortalMongod, mortal_mongod

pytestmark = pytest.mark.slow

IMAGES, KILLS, SEED = 600, 5, 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the scenarios share their archives."""
    return tmp_path_factory.mktemp("storm")


@pytest.fixture
async def mongod(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[MortalMongod]:
    """A database that may be killed."""
    async with mortal_mongod(folder / f"mongo-{request.node.callspec.id}") as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_killed_at_random_moments_an_import_ends_as_if_nothing_had_been(
    scenario: str, folder: Path, mongod: MortalMongod
) -> None:
    outcome = await storm(scenario, folder, mongod, kills=KILLS, seed=SEED, images=IMAGES)

    assert outcome.difference == "", outcome
    assert outcome.kills.total() == KILLS
