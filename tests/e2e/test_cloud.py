"""Imports on Google Cloud's emulators: bucket, queue, jobs of workers, tokens and all. The results are the laptop's."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.digest import digest
from tests.factories.archives import yolo_zip
from tests.factories.broken import messy_members, tar_of
from tests.factories.running_cloud import RunningCloud, running_cloud, yard_on
from tests.factories.running_yard import RunningYard

pytestmark = pytest.mark.slow

WAYS = {
    "zip": (),
    "packed zip": ("--storage", "packed"),
    "tar.gz": (),
    "messy tar": (),
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def yard(cloud: RunningCloud) -> Iterator[RunningYard]:
    with yard_on(cloud) as yard:
        yield yard


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An archive for each way."""
    folder = tmp_path_factory.mktemp("sources")
    yolo_zip(folder / "a.zip", images=60)
    tar_of(folder / "a.tar.gz", messy_members(), mode="w:gz")
    tar_of(folder / "a.tar", messy_members())
    names = {"zip": "a.zip", "packed zip": "a.zip", "tar.gz": "a.tar.gz", "messy tar": "a.tar"}
    return {way: folder / name for way, name in names.items()}


def imported(yard: RunningYard, source: Path, *options: str) -> dict:
    job = json.loads(yard.run("import", str(source), "--wait", "--json", *options))
    assert job["state"] == "succeeded"
    return job


def stored(cloud: RunningCloud, dataset: str) -> dict[str, str]:
    """Every object of a dataset in the bucket with the hash of its content."""
    prefix = f"datasets/{dataset}/"
    found = cloud.bucket.list_blobs(prefix=prefix)
    return {blob.name.removeprefix(prefix): hashlib.sha256(blob.download_as_bytes()).hexdigest() for blob in found}


@pytest.mark.parametrize("way", WAYS)
def test_an_import_is_the_laptops_digest_for_digest(
    yard: RunningYard, up: RunningYard, cloud: RunningCloud, sources: dict[str, Path], way: str
) -> None:
    there = imported(yard, sources[way], *WAYS[way])
    expected = digest(up, imported(up, sources[way], *WAYS[way]))
    assert digest(yard, there) | {"objects": stored(cloud, there["dataset_id"])} == expected
