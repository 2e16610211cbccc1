"""Imports a hostile archive, notes all that came of it, and judges that by what its case expects."""

import asyncio
import hashlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.formats.rules import RULES
from tests.factories.hostile import Case
from tests.factories.yard import ENDED, Yard

DEADLINE_SECONDS = 20.0
LONGEST_TEXT = 8192
LOOK_SECONDS, PATIENCE_SECONDS = 0.15, 3.0
_DOCS = Path(__file__).parents[2] / "docs" / "problems.md"
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| \d+ \| ([a-z, ]+) \|", re.MULTILINE)
_OUR_FAULT = {"internal-error", "shard-exhausted", "source-changed"}
DOCUMENTED = {slug for slug, where in _ROW.findall(_DOCS.read_text()) if "import" in where} - _OUR_FAULT


@dataclass
class Trial:
    """What came of one import."""

    archive: Path
    seconds: float
    status: dict
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: list[dict] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)
    """The bytes that are served for the good images."""
    paths: set[str] = field(default_factory=set)
    misplaced: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        return str(self.status["state"])


async def attempt(yard: Yard, archive: Path, case: Case, options: Mapping[str, object]) -> Trial:
    """Import the archive and clean up behind it. TimeoutError if the import takes longer than its deadline."""
    began = time.perf_counter()
    job_id = await yard.start_import(archive, name=archive.stem, **options)
    await ended(yard, job_id, seconds=DEADLINE_SECONDS)
    seconds = time.perf_counter() - began
    trial = await noted(yard, archive, case, job_id)
    trial.seconds = seconds
    return trial


async def ended(yard: Yard, job_id: str, *, seconds: float) -> None:
    """Wait for the end of a job; asks the database, which costs less than a request where many wait."""
    async with asyncio.timeout(seconds):
        while (await yard.job(job_id, "state"))["state"] not in ENDED:  # noqa: ASYNC110 - a document tells no one
            await asyncio.sleep(LOOK_SECONDS)


async def cleaned(yard: Yard, job_id: str) -> None:
    """Wait until the claimer that left last has removed what is not needed any more; a sweep helps after a while."""
    began = time.perf_counter()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while "cleanup_at" in await yard.job(job_id, "cleanup_at"):
            await asyncio.sleep(LOOK_SECONDS)
            if time.perf_counter() - began > PATIENCE_SECONDS:
                await yard.swept()
                await asyncio.sleep(1)


async def noted(yard: Yard, archive: Path, case: Case, job_id: str) -> Trial:
    """What came of an import that has ended, once it is cleaned up."""
    status = (await yard.api.get(f"/datasets/import/{job_id}/status")).json()
    if status["state"] in ("succeeded", "failed"):
        await cleaned(yard, job_id)
    trial = Trial(archive, 0.0, status)
    await _note_all(yard, trial, case)
    return trial


async def _note_all(yard: Yard, trial: Trial, case: Case) -> None:
    job_id, dataset_id = trial.status["job_id"], trial.status["dataset_id"]
    report = (await yard.api.get(f"/datasets/import/{job_id}/report", params={"limit": 1})).json()
    trial.counts = report["counts"]
    for rule in case.rules & set(trial.counts):
        trial.findings += await yard.report(job_id, rule=rule)
    trial.left_over = files_below(yard.objects / "temp" / job_id)
    if trial.state == "succeeded":
        await _note_images(yard, trial, case)
    else:
        trial.left_over += files_below(yard.objects / "datasets" / dataset_id)
        trial.left_over += ["image"] * await yard.database["images"].count_documents({"dataset_id": dataset_id})
        trial.left_over += ["dataset"] * ((await yard.api.get(f"/datasets/{dataset_id}")).status_code != 404)
    trial.left_over += ["shard"] * await yard.database["import_shards"].count_documents({"job_id": job_id})


async def _note_images(yard: Yard, trial: Trial, case: Case) -> None:
    dataset_id = trial.status["dataset_id"]
    images = {image["path"]: image for image in await yard.all_images(dataset_id)}
    trial.paths = set(images)
    for path in case.good.keys() & images.keys():
        trial.images[path] = (await yard.api.get(images[path]["urls"]["file"])).content
    known = {image["sha256"] for image in images.values()}
    trial.misplaced = _not_of(known, yard.objects / "datasets" / dataset_id / "images")


def files_below(folder: Path) -> list[str]:
    """The files below a folder, while others may be removing some."""
    return [str(Path(parent) / name) for parent, _, names in os.walk(folder) for name in names]


def _not_of(known: set[str], folder: Path) -> list[str]:
    """The objects whose content is none of the images'."""
    return [file for file in files_below(folder) if hashlib.sha256(Path(file).read_bytes()).hexdigest() not in known]


def judge(case: Case, trial: Trial, *, reads_all: bool) -> None:
    """Fail unless the import ended as it has to. `reads_all`: it reads every byte of every member."""
    assert trial.state in ("succeeded", "failed"), trial.status["error"]
    assert trial.left_over == []
    assert set(trial.counts) <= set(RULES)
    assert all(len(one["message"]) <= LONGEST_TEXT and len(one["file"]) <= LONGEST_TEXT for one in trial.findings)
    if trial.state == "failed":
        _judge_problem(case, trial)
    else:
        _judge_success(case, trial, reads_all=reads_all)


def _judge_problem(case: Case, trial: Trial) -> None:
    error = trial.status["error"]
    slug = error["type"].removeprefix("/problems/")
    assert slug in DOCUMENTED, error
    assert slug in case.problems, error
    assert names_its_cause(trial), error
    assert len(error["detail"]) <= LONGEST_TEXT


def names_its_cause(trial: Trial) -> bool:
    """Whether a failure says which archive it was, or that the report has its files."""
    error = trial.status["error"]
    reported = error["type"] == "/problems/nothing-imported" and bool(trial.counts)
    return reported or trial.archive.name in error["detail"]


def _judge_success(case: Case, trial: Trial, *, reads_all: bool) -> None:
    if case.rules and (reads_all or not case.whole_bytes):
        assert trial.findings, f"none of {sorted(case.rules)} in {dict(trial.counts)}"
        assert case.file is None or case.file in {one["file"] for one in trial.findings}
    elif not case.rules:
        assert case.either or not case.problems, "it was imported all the same"
        assert not [rule for rule in trial.counts if RULES[rule].severity == "error"], dict(trial.counts)
    assert trial.images.keys() == case.good.keys(), f"missing: {sorted(case.good.keys() - trial.images.keys())}"
    assert [path for path, data in trial.images.items() if data != case.good[path]] == []
    assert not trial.paths & case.never
    assert trial.misplaced == []
