"""Everything an import has left behind, freed of ids, so that two imports can be compared completely."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.features.datasets.models import Dataset
from shared.foundation.ids import DatasetId, derived_id
from tests.factories.yard import Yard

_OF_A_RUN = {"bytes_per_second", "eta_seconds"}
_OF_A_DATASET = ("state", "task", "format", "layout", "version", "categories", "archive")


async def snapshot(yard: Yard, job_id: str) -> dict[str, Any]:
    """Documents, objects by the hash of their content, statistics, findings, progress and the report's counts."""
    job = await yard.job(job_id)
    dataset_id = job["dataset_id"]
    status = (await yard.api.get(f"/datasets/import/{job_id}/status")).json()
    report = (await yard.api.get(f"/datasets/import/{job_id}/report", params={"limit": 1})).json()
    dataset = await yard.database["datasets"].find_one({"_id": dataset_id}) or {}
    found = {
        "state": status["state"],
        "error": status["error"],
        "progress": {key: value for key, value in status["progress"].items() if key not in _OF_A_RUN},
        "counts": {key: report[key] for key in ("counts", "rows_read", "rows_left_out", "total")},
        "dataset": {key: dataset.get(key) for key in _OF_A_DATASET},
        "rollup": dataset["rollup"],
        "statistics": (await yard.api.get(f"/datasets/{dataset_id}/statistics")).json(),
        "images": await _images(yard, dataset_id),
        "findings": await _findings(yard, job),
        "objects": _objects(yard.objects / "datasets" / dataset_id),
        "left over": [key for key in yard.stored() if key.startswith(f"temp/{job_id}/")],
        "shards": await yard.database["import_shards"].count_documents({"job_id": job_id}),
    }
    generation = (dataset.get("archive") or {}).pop("generation", None)  # one more for each planning that died
    text = json.dumps(found, default=str, sort_keys=True).replace(f"members-{generation}/", "members/")
    return dict(json.loads(text.replace(dataset_id, "{dataset}").replace(job_id, "{job}")))


def differences(expected: object, found: object, path: str = "") -> Iterator[str]:
    """Where two snapshots differ, one line each: the path to the value, and both values."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from differences(expected.get(key), found.get(key), f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, pair in enumerate(zip(expected, found, strict=True)):
            yield from differences(*pair, f"{path}/{index}")
    elif expected != found:
        yield f"{path}: {_short(expected)} became {_short(found)}"


def _short(value: object) -> str:
    text = f"{len(value)} items" if isinstance(value, list) else json.dumps(value)
    return text if len(text) < 200 else f"{text[:200]}..."


async def _images(yard: Yard, dataset_id: str) -> list[dict[str, Any]]:
    """The documents as they are, each checked against the bytes that belong to it, whose hash is added."""
    dataset = await yard.container.datasets.load(DatasetId(dataset_id))
    images = []
    async for image in (
        yard.database["images"].find({"dataset_id": dataset_id, "valid_to": None}).sort([("path", 1), ("_id", 1)])
    ):
        assert image["_id"] == derived_id(dataset_id, 1, image["path"])
        if image["valid_to"] is None:
            image["bytes"] = await _content_sha256(yard, dataset, image)
            assert image["sha256"] in (image["bytes"], None)
        del image["_id"]
        images.append(image)
    return images


async def _content_sha256(yard: Yard, dataset: Dataset, image: dict[str, Any]) -> str | None:
    """The hash of the file that readers get; None while it is on its way."""
    if image["object_key"]:
        return _sha256(yard.objects / image["object_key"])
    if not image["member"]:
        return None
    sha256, one = hashlib.sha256(), await yard.container.images.get(dataset, image["_id"])
    async for chunk in yard.container.images.file(dataset, one, start=0, end=one.size_bytes):
        sha256.update(chunk)
    return sha256.hexdigest()


async def _findings(yard: Yard, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that count: what a claimer wrote late, for a plan that was replaced, is never shown."""
    wanted = {"job_id": job["_id"], "generation": job["generation"]}
    found = await yard.database["findings"].find(wanted, {"_id": 0, "generation": 0}).to_list()
    return sorted(found, key=lambda finding: json.dumps(finding, sort_keys=True))


def _objects(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _sha256(path) for path in files}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
