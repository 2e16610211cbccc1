"""How far an import is, in numbers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.features.datasets.models import Rollup
from shared.features.imports import progress as module
from shared.features.imports.models import ImportPlan, Progress, ShardProgress, SourceRef, Way
from shared.features.imports.progress import _so_far, _with_rate
from shared.features.jobs.models import ENDED, RETRYABLE, Job, JobState, Phase
from shared.foundation.ids import DatasetId, JobId

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOB = Job(
    id=JobId("j"), kind="import", owner_id="local", dataset_id=DatasetId("d"), state=JobState.RUNNING,
    phase=Phase.TRANSFER, attempts=1, request="{}", plan=None, progress=None, error=None, correlation_id="c",
    created_at=NOW, started_at=NOW - timedelta(seconds=10), finished_at=None, claimers=2, live_claimers=(),
    generation=1,
)  # fmt: skip


def plan(*, total: int = 1000, findings: int = 3) -> ImportPlan:
    return ImportPlan(
        source=SourceRef(uri="file:///a", size_bytes=2000, etag=None, raw=False),
        generation=1,
        format="yolo", layout="ultralytics", reason="", confidence=1.0, splits=("train",), category_count=1,
        shards=2, images=10, bytes=total, way=Way.TOGETHER, way_reason="",
        rollup=Rollup(rows=[["findings", "YAML_NC_MISMATCH", findings], ["other", 9]]),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "utc_now", lambda: NOW)


def test_what_is_done_is_the_sum_over_shards_and_planning() -> None:
    progress = _so_far(plan(), ShardProgress(images=4, bytes=250, annotations=7, findings=2))
    assert progress == Progress(
        fraction=0.25,
        bytes_total=1000,
        bytes_done=250,
        images_total=10,
        images_indexed=4,
        images_done=4,
        annotations=7,
        findings=5,
    )


@pytest.mark.parametrize(("done", "fraction"), [(0, 0.0), (999, 0.999), (1000, 0.999), (5000, 0.999)])
def test_an_import_is_never_whole_before_it_has_finished(done: int, fraction: float) -> None:
    assert _so_far(plan(), ShardProgress(bytes=done)).fraction == fraction


def test_an_import_of_nothing_has_done_nothing() -> None:
    assert _so_far(plan(total=0), ShardProgress()).fraction == 0.0


def test_rate_and_rest_follow_from_the_time_since_the_start() -> None:
    progress = _with_rate(Progress(bytes_total=1000, bytes_done=250), JOB)
    assert (progress.bytes_per_second, progress.eta_seconds) == (25, 30)


def test_without_a_byte_nobody_knows_how_long_it_takes() -> None:
    progress = _with_rate(Progress(bytes_total=1000), JOB)
    assert (progress.bytes_per_second, progress.eta_seconds) == (0, None)


def test_a_job_that_has_not_begun_has_no_rate() -> None:
    queued = replace(JOB, state=JobState.QUEUED, started_at=None)
    assert _with_rate(Progress(), queued) == Progress()


def test_a_start_at_this_very_moment_divides_by_no_zero() -> None:
    assert _with_rate(Progress(bytes_total=2, bytes_done=1), replace(JOB, started_at=NOW)).bytes_per_second == 1000


@pytest.mark.parametrize(("state", "eta"), [(JobState.SUCCEEDED, 0), (JobState.FAILED, None), (JobState.DEAD, None)])
def test_an_ended_job_keeps_its_rate_and_waits_for_nothing(state: JobState, eta: int | None) -> None:
    ended = replace(JOB, state=state, finished_at=NOW - timedelta(seconds=5))
    progress = _with_rate(Progress(bytes_total=1000, bytes_done=1000), ended)
    assert (progress.bytes_per_second, progress.eta_seconds) == (200, eta)


def test_states_are_told_apart() -> None:
    assert {state for state in JobState if replace(JOB, state=state).ended} == ENDED
    assert {JobState.SUCCEEDED} == ENDED - RETRYABLE
