"""A dataset of a million images, cloned inside the database from a small one that was imported the usual way.

Cloning gives every document the shape the product gives it, whatever that is by now.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pymongo.database import Database

from shared.foundation.ids import derived_id
from tests.bench.huge_archive import HugeRequest, write_huge
from tests.bench.yard_access import database_of, import_ended
from tests.factories.running_yard import RunningYard

_BATCH = 1000
_TEMPLATES = 1000
_TEMPLATE_BYTES = 8192
NAME = "pages"

Document = dict[str, Any]


def seeded(yard: RunningYard, folder: Path, *, images: int) -> str:
    """The id of a published dataset of `images` images (a multiple of 1 000, or fewer), seeded unless it is there."""
    name = f"{NAME}-{images}"
    with database_of(yard) as database:
        there = database["datasets"].find_one({"name": name, "state": "ready"})
        if there is None:
            there = _seed(yard, database, folder / "template.zip", images=images)
            database["datasets"].update_one({"_id": there["_id"]}, {"$set": {"name": name}})
        assert database["images"].count_documents({"dataset_id": there["_id"], "valid_to": None}) == images
        return str(there["_id"])


def _seed(yard: RunningYard, database: Database[Document], archive: Path, *, images: int) -> Document:
    few = min(images, _TEMPLATES)
    write_huge(archive, HugeRequest(few, few * _TEMPLATE_BYTES))
    status = import_ended(yard, {"source": str(archive), "name": "template"})
    archive.unlink()
    dataset_id = status["dataset_id"]
    templates = list(database["images"].find({"dataset_id": dataset_id}).sort("path"))
    assert len(templates) == few
    database["images"].delete_many({"dataset_id": dataset_id})
    for batch in _clones(templates, images=images):
        database["images"].insert_many(batch, ordered=False)
    dataset = database["datasets"].find_one({"_id": dataset_id})
    assert dataset is not None
    rows = [[*row[:-1], row[-1] * images // few] for row in dataset["rollup"]["rows"]]
    database["datasets"].update_one({"_id": dataset_id}, {"$set": {"rollup.rows": rows}})
    return dataset


def _clones(templates: list[Document], *, images: int) -> Iterator[list[Document]]:
    for start in range(0, images, _BATCH):
        numbers = range(start, min(images, start + _BATCH))
        yield [_clone(templates[number % len(templates)], number) for number in numbers]


def _clone(template: Mapping[str, Any], number: int) -> Document:
    """The document as another image would have it: a name of its own in the same split."""
    file_name = f"{number:09d}.jpg"
    path = f"{template['path'].rpartition('/')[0]}/{file_name}"
    return {**template, "_id": derived_id(template["dataset_id"], 1, path), "path": path, "file_name": file_name}
