"""What the database is asked to guarantee: validators, indexes that pages really use, unique keys."""

from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError, WriteError

from shared.features.auth.models import LOCAL_OWNER
from shared.features.datasets.models import Dataset
from shared.features.images.models import ImageFilter, NewImage
from shared.features.imports.models import Ledger, ReportFilter
from shared.features.jobs.models import JobState
from shared.formats.annotations.model import Annotation
from shared.formats.findings import Finding
from shared.foundation.clock import utc_now
from shared.foundation.ids import DatasetId, ImageId, JobId, derived_id, new_id
from shared.foundation.mongo import Document
from shared.foundation.paging import PageRequest
from tests.factories.yard import Yard

IMAGES = 600
SPLITS = ("train", "val", None)
GOOD: dict[str, Document] = {
    "datasets": {
        "_id": "d", "schema_version": 1, "slug": "d", "name": "d", "state": "ready", "version": 1, "categories": [],
        "access": {"owner_id": "local", "visibility": "private"}, "created_at": utc_now(),
    },
    "images": {
        "_id": "i", "schema_version": 1, "dataset_id": "d", "path": "a.jpg", "split": None, "valid_from": 1,
        "valid_to": None, "sha256": "0" * 64, "annotations": [],
    },
    "import_jobs": {
        "_id": "j", "schema_version": 1, "kind": "import", "owner_id": "local", "dataset_id": "d", "state": "queued",
        "phase": "plan", "attempts": 0, "request": "{}", "created_at": utc_now(),
    },
    "import_shards": {
        "_id": "s", "schema_version": 1, "job_id": "j", "generation": 1, "index": 0, "state": "open",
        "manifest_key": "k", "token": 0,
    },
    "findings": {
        "_id": "f", "schema_version": 1, "job_id": "j", "generation": 1, "rule": "R", "severity": "error",
        "file": "a", "message": "m", "place": "a",
    },
}  # fmt: skip
BAD: list[tuple[str, str, Any]] = [
    ("datasets", "state", "lost"),
    ("datasets", "name", ""),
    ("datasets", "version", -1),
    ("datasets", "categories", "person"),
    ("datasets", "access", {"owner_id": "local"}),
    ("datasets", "schema_version", "1"),
    ("images", "path", ""),
    ("images", "split", 1),
    ("images", "valid_from", 0),
    ("images", "annotations", None),
    ("images", "dataset_id", None),
    ("import_jobs", "state", "paused"),
    ("import_jobs", "phase", "rest"),
    ("import_jobs", "kind", "ingest"),
    ("import_jobs", "attempts", -1),
    ("import_shards", "state", "lost"),
    ("import_shards", "token", -1),
    ("findings", "severity", "fatal"),
]


@pytest.mark.parametrize("name", GOOD)
async def test_good_documents_are_taken_and_incomplete_ones_refused(yard: Yard, name: str) -> None:
    await yard.database[name].insert_one(dict(GOOD[name]))
    required = yard.container.repositories.specs
    schema = next(spec.schema for spec in required if spec.name == name)
    for field in set(schema["required"]) - {"_id"}:
        document = {key: value for key, value in GOOD[name].items() if key != field} | {"_id": new_id()}
        with pytest.raises(WriteError, match="failed validation"):
            await yard.database[name].insert_one(document)


@pytest.mark.parametrize(("name", "field", "value"), BAD)
async def test_bad_documents_are_refused(yard: Yard, name: str, field: str, value: object) -> None:
    with pytest.raises(WriteError, match="failed validation"):
        await yard.database[name].insert_one(GOOD[name] | {field: value})
    await yard.database[name].insert_one(dict(GOOD[name]))
    with pytest.raises(WriteError, match="failed validation"):
        await yard.database[name].update_one({"_id": GOOD[name]["_id"]}, {"$set": {field: value}})


@pytest.mark.parametrize(
    ("name", "field"), [("datasets", "slug"), ("import_jobs", "idempotency_key")], ids=["slug", "idempotency key"]
)
async def test_what_must_be_unique(yard: Yard, name: str, field: str) -> None:
    collection = yard.database[name]
    await collection.insert_one(GOOD[name] | {"_id": "1", field: "same"})
    with pytest.raises(DuplicateKeyError):
        await collection.insert_one(GOOD[name] | {"_id": "2", field: "same"})
    for number in ("3", "4"):  # having none is nothing that two could not have
        await collection.insert_one({key: value for key, value in GOOD[name].items() if key != field} | {"_id": number})


async def test_idempotency_keys_are_each_owners_own(yard: Yard) -> None:
    for owner in ("one", "two"):
        key = {"_id": owner, "owner_id": owner, "idempotency_key": "same"}
        await yard.database["import_jobs"].insert_one(GOOD["import_jobs"] | key)


async def test_every_declared_index_exists(yard: Yard) -> None:
    for spec in yard.container.repositories.specs:
        existing = await yard.database[spec.name].index_information()
        for index in spec.indexes:
            assert index.document["name"] in existing


# -- pages are walks along an index


@pytest.fixture
async def filled(yard: Yard) -> Dataset:
    """A dataset of images among those of another one."""
    await yard.database["datasets"].insert_one(_dataset_document("mine"))
    for dataset in ("mine", "other"):
        await yard.container.repositories.images.write([_image(dataset, number) for number in range(IMAGES)])
    return await yard.container.datasets.get("mine", LOCAL_OWNER)


def _dataset_document(dataset_id: str) -> Document:
    return GOOD["datasets"] | {
        "_id": dataset_id, "slug": dataset_id, "description": "", "task": "detect", "format": "yolo", "source": "",
        "layout": "ultralytics", "storage": "objects", "rollup": {"rows": []}, "tags": [], "import_job_id": "j",
        "updated_at": utc_now(), "deleted_at": None,
    }  # fmt: skip


def _image(dataset: str, number: int) -> NewImage:
    path = f"images/{number:06d}.jpg"
    return NewImage(
        id=ImageId(derived_id(dataset, 1, path)),
        dataset_id=DatasetId(dataset),
        path=path,
        split=SPLITS[number % 3],
        width=10,
        height=10,
        format="jpeg",
        orientation=1,
        size_bytes=100,
        sha256="0" * 64,
        crc32=None,
        object_key="k",
        label=None,
        annotations=[Annotation(number % 5, "box", (0.5, 0.5, 0.1, 0.1)), Annotation(number % 2, "box", (0, 0, 1, 1))],
        findings=0,
    )


class Explained:
    """The plan of the one find command that ran within."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard

    async def of(self, collection: str, read: Any) -> dict[str, Any]:
        """What the database says of the query that `read` makes, as it was profiled."""
        database = self._yard.database
        await database.command("profile", 2)
        await read
        await database.command("profile", 0)
        found = await database["system.profile"].find({"op": "query", "ns": f"{database.name}.{collection}"}).to_list()
        await database.drop_collection("system.profile")
        assert len(found) == 1
        command = {
            key: found[0]["command"][key]
            for key in ("find", "filter", "sort", "limit", "skip")
            if key in found[0]["command"]
        }
        return await database.command("explain", command, verbosity="executionStats")


def _stages(plan: dict[str, Any]) -> list[str]:
    inner = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    return [plan["stage"], *(stage for one in inner for stage in _stages(one))]


FILTERS = {
    "all": ImageFilter(),
    "split": ImageFilter(split="val"),
    "no split": ImageFilter(split=""),
    "category": ImageFilter(category_id=3),
    "category 0": ImageFilter(category_id=0),
}


@pytest.mark.parametrize("depth", ["first", "middle", "last"])
@pytest.mark.parametrize("wanted", FILTERS)
async def test_a_page_of_images_reads_what_it_shows(yard: Yard, filled: Dataset, wanted: str, depth: str) -> None:
    images = yard.container.repositories.images
    place = {"first": None, "middle": IMAGES // 2, "last": IMAGES - 200}[depth]
    after = None if place is None else (f"images/{place:06d}.jpg", derived_id("mine", 1, f"images/{place:06d}.jpg"))

    explained = await Explained(yard).of(
        "images", images.page(filled, FILTERS[wanted], after=after, offset=0, limit=21)
    )

    stages, run = _stages(explained["queryPlanner"]["winningPlan"]), explained["executionStats"]
    assert "IXSCAN" in stages
    assert not {"SORT", "COLLSCAN", "SKIP"} & set(stages)
    assert run["nReturned"] == 21
    assert run["totalKeysExamined"] <= 21 + 5
    assert run["totalDocsExamined"] <= 21 + 5


async def test_a_page_by_split_and_category_needs_no_sort(yard: Yard, filled: Dataset) -> None:
    images = yard.container.repositories.images
    wanted = ImageFilter(split="val", category_id=3)
    explained = await Explained(yard).of("images", images.page(filled, wanted, after=None, offset=0, limit=21))

    stages, run = _stages(explained["queryPlanner"]["winningPlan"]), explained["executionStats"]
    assert not {"SORT", "COLLSCAN"} & set(stages)
    assert run["totalDocsExamined"] < IMAGES / 2


async def test_pages_follow_one_another_without_gap_or_repetition(yard: Yard, filled: Dataset) -> None:
    images = yard.container.repositories.images
    for wanted in FILTERS.values():
        whole = await images.page(filled, wanted, after=None, offset=0, limit=IMAGES)
        seen, after = [], None
        while page := await images.page(filled, wanted, after=after, offset=0, limit=300):
            seen += page
            after = page[-1].path, page[-1].id
        assert [image.id for image in seen] == [image.id for image in whole]


@pytest.mark.parametrize("wanted", [ReportFilter(), ReportFilter(rule="ROW_NAN"), ReportFilter(severity="error")])
async def test_a_page_of_findings_reads_what_it_shows(yard: Yard, wanted: ReportFilter) -> None:
    repository, ledger = yard.container.repositories.findings, Ledger(JobId("j"), 1)
    rules = ("ROW_NAN", "IMG_TOO_SMALL", "ROW_COLUMNS")
    await repository.write(
        ledger, [Finding(rules[number % 3], f"labels/{number:05d}.txt", "m", line=1) for number in range(1500)]
    )
    first = await repository.page(ledger, PageRequest(limit=400), wanted)
    request = PageRequest(limit=20, cursor=first.next_cursor)

    explained = await Explained(yard).of("findings", repository.page(ledger, request, wanted))

    stages, run = _stages(explained["queryPlanner"]["winningPlan"]), explained["executionStats"]
    assert not {"SORT", "COLLSCAN"} & set(stages)
    assert run["nReturned"] == 21
    assert run["totalDocsExamined"] <= 30


@pytest.mark.parametrize("state", [None, JobState.FAILED])
async def test_a_page_of_jobs_needs_no_sort(yard: Yard, state: JobState | None) -> None:
    documents = [
        GOOD["import_jobs"] | {
            "_id": f"{number:024x}", "state": ("failed", "dead")[number % 2], "plan": None, "progress": None,
            "error": None, "correlation_id": "c", "started_at": None, "finished_at": None, "claimers": 1,
            "heartbeats": {}, "generation": 0,
        }
        for number in range(300)
    ]  # fmt: skip
    await yard.database["import_jobs"].insert_many(documents)
    jobs = yard.container.repositories.jobs
    explained = await Explained(yard).of("import_jobs", jobs.page(LOCAL_OWNER, PageRequest(limit=20), state=state))

    assert not {"SORT", "COLLSCAN"} & set(_stages(explained["queryPlanner"]["winningPlan"]))
    assert explained["executionStats"]["totalDocsExamined"] <= 60


async def test_claiming_a_shard_uses_the_index(yard: Yard) -> None:
    shards = [GOOD["import_shards"] | {"_id": f"{n}", "index": n, "job_id": f"j{n % 20}"} for n in range(1000)]
    await yard.database["import_shards"].insert_many(shards)
    query = {"job_id": "j1", "generation": 1, "state": "open", "$or": [{"expires_at": None}]}
    command = {"find": "import_shards", "filter": query, "sort": {"index": 1}, "limit": 1}
    explained = await yard.database.command("explain", command, verbosity="executionStats")

    assert not {"SORT", "COLLSCAN"} & set(_stages(explained["queryPlanner"]["winningPlan"]))
    assert explained["executionStats"]["totalKeysExamined"] <= 3
