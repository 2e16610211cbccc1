"""A yard as its user starts it, shared by the tests that leave it whole."""

from collections.abc import Iterator

import pytest

from tests.factories.running_yard import RunningYard, running_yard


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningYard]:
    """A running yard that may read from this machine's servers."""
    folder = tmp_path_factory.mktemp("e2e") / "yard"
    with running_yard(folder, options=["--allow-private-sources"]) as yard:
        yield yard
