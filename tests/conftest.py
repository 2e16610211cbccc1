"""What every kind of test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

# What helpers assert is explained when it fails, as what tests assert is.
pytest.register_assert_rewrite("tests.factories")

from tests.factories.mongo import running_mongod  # noqa: E402 - nothing of the package may be imported before that

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MongoDB, started once."""
    with running_mongod(tmp_path_factory.mktemp("mongo")) as url:
        yield url


@pytest.fixture(scope="session")
def samples() -> Path:
    """Datasets made by others, which are not part of the project."""
    if not SAMPLES.is_dir():
        pytest.skip("the sample datasets are not beside the project")
    return SAMPLES
