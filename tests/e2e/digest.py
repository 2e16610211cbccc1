"""Everything an import leaves behind, in a form that can be compared between yards and between runs."""

import hashlib
from collections.abc import Iterator

from tests.factories.running_yard import RunningYard

DIFFERS = ("id", "slug", "name", "import_job_id", "created_at", "updated_at", "source", "urls")


def digest(yard: RunningYard, job: dict) -> dict[str, object]:
    """Dataset, statistics, images (with the hash of their bytes and of their labels), findings and stored objects."""
    dataset = yard.get(f"/datasets/{job['dataset_id']}")
    report = yard.get(f"/datasets/import/{job['job_id']}/report", limit=500)
    return {
        "dataset": {name: value for name, value in dataset.items() if name not in DIFFERS},
        "statistics": yard.get(f"/datasets/{job['dataset_id']}/statistics"),
        "images": {image["path"]: _image(yard, image) for image in images(yard, job["dataset_id"])},
        "findings": report["items"],
        "counts": [report["counts"], report["rows_read"], report["rows_left_out"], report["total"]],
        "objects": objects(yard, job["dataset_id"]),
        "left over": sorted(path.name for path in (yard.data / "objects" / "temp").rglob("*") if path.is_file()),
    }


def images(yard: RunningYard, dataset: str) -> Iterator[dict]:
    """Every image, page by page."""
    cursor: dict[str, str] = {}
    while True:
        page = yard.get(f"/datasets/{dataset}/images", limit=500, **cursor)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def objects(yard: RunningYard, dataset: str) -> dict[str, str]:
    """Every object of a dataset with the hash of its content."""
    root = yard.data / "objects" / "datasets" / dataset
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def content(yard: RunningYard, path: str) -> bytes:
    """The bytes at a path of the API."""
    return yard.http.get(f"{yard.url}{path}").raise_for_status().content


def _image(yard: RunningYard, image: dict) -> dict[str, object]:
    urls = image["urls"]
    kept = {name: value for name, value in image.items() if name not in DIFFERS}
    kept["file"] = hashlib.sha256(content(yard, urls["file"])).hexdigest()
    kept["labels"] = hashlib.sha256(content(yard, urls["labels"])).hexdigest() if urls["labels"] else None
    return kept
