"""From what happened to what is told."""

import dataclasses

import pytest

from shared.features.imports.events.changes import FindingWritten, Happening, JobChanged, ShardAdded, ShardChanged
from shared.features.imports.events.models import BadEventId, FindingMade, Position, ShardsChanged, StateChanged
from shared.features.imports.events.teller import FIRST_FINDINGS, Teller
from shared.features.jobs.models import Job, JobState, Phase
from shared.formats.findings import Finding
from shared.foundation.clock import utc_now
from shared.foundation.ids import DatasetId, JobId

JOB = Job(
    id=JobId("j"), kind="import", owner_id="o", dataset_id=DatasetId("d"), state=JobState.RUNNING,
    phase=Phase.TRANSFER, attempts=1, request="{}", plan=None, progress=None, error=None, correlation_id="c",
    created_at=utc_now(), started_at=None, finished_at=None, claimers=1, live_claimers=(), generation=3,
)  # fmt: skip


def shard(index: int, images: int = 0, generation: int = 3) -> ShardChanged:
    return ShardChanged(f"s{index}", generation, index, "open", {"images": images})


def finding(number: int, generation: int = 3) -> FindingWritten:
    return FindingWritten(generation, Finding("R", f"{number}.txt", "bad"))


def numbered(*happenings: Happening) -> list[tuple[str, Happening]]:
    return [(f"{number:02}", what) for number, what in enumerate(happenings)]


@pytest.fixture
def teller() -> Teller:
    opened = Teller()
    opened.begin(JOB, "")
    return opened


def test_shards_that_follow_each_other_share_an_event_and_the_newest_counts(teller: Teller) -> None:
    happenings = numbered(shard(0, 1), shard(1, 1), shard(0, 2), finding(0), shard(0, 3), ShardAdded())
    events = teller.told(JOB, happenings)
    assert [event.content for event in events] == [
        ShardsChanged((shard(0, 2), shard(1, 1))),
        FindingMade(Finding("R", "0.txt", "bad")),
        ShardsChanged((shard(0, 3),)),
    ]
    assert [Position.decoded(event.id).token for event in events] == ["02", "03", "04"]
    assert teller.position.token == "05"


def test_whoever_goes_on_from_any_event_is_told_the_rest(teller: Teller) -> None:
    happenings = numbered(
        finding(0), shard(0, 1), JobChanged(phase="finish"), shard(1, 1), finding(1), finding(2),
        JobChanged(state="succeeded"),
    )  # fmt: skip
    whole = teller.told(JOB, happenings)
    for place, event in enumerate(whole):
        position = Position.decoded(event.id)
        later = Teller(position).told(JOB, [one for one in happenings if one[0] > position.token])
        assert [one.content for one in later] == [one.content for one in whole[place + 1 :]]
        assert [one.id for one in later] == [one.id for one in whole[place + 1 :]]


def test_what_is_of_another_plan_is_not_told(teller: Teller) -> None:
    assert teller.told(JOB, numbered(shard(0, 1, generation=2), finding(0, generation=4))) == []
    assert not teller.knows(dataclasses.replace(JOB, generation=4))
    assert Teller().knows(JOB)  # nothing was told of any plan


def test_findings_are_told_once_and_only_the_first(teller: Teller) -> None:
    teller.told(JOB, numbered(finding(0), finding(0)))
    assert teller.position.findings == 1
    teller.told(JOB, numbered(*(finding(number) for number in range(50))))
    assert teller.position.findings == FIRST_FINDINGS
    assert teller.has_all_findings


def test_a_state_that_is_known_is_not_told(teller: Teller) -> None:
    assert teller.told(JOB, numbered(JobChanged(state="running"), JobChanged(), JobChanged(phase="transfer"))) == []
    events = teller.told(JOB, numbered(JobChanged(phase="finish"), JobChanged(state="dead")))
    assert [event.content for event in events] == [StateChanged("running", "finish"), StateChanged("dead", "finish")]
    assert teller.has_told_end


def test_many_shards_are_told_in_several_events(teller: Teller) -> None:
    events = teller.told(JOB, numbered(*(shard(index) for index in range(1100))))
    sizes = [len(event.content.shards) for event in events if isinstance(event.content, ShardsChanged)]
    assert sizes == [500, 500, 100]


@pytest.mark.parametrize("event_id", ["", "x", "WyJhIl0", "WzEsMl0", "=" * 10, "é", "W" * 5000])
def test_only_our_own_ids_are_understood(event_id: str) -> None:
    with pytest.raises(BadEventId):
        Position.decoded(event_id)


def test_an_id_is_short_and_plain() -> None:
    position = Position(7, 20, "succeeded", "transfer", "82" + "0F" * 90)
    assert Position.decoded(position.encoded()) == position
    assert len(position.encoded()) < 500
    assert position.encoded().replace("-", "").replace("_", "").isalnum()
