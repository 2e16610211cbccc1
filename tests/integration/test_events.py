"""Live events over a real connection: nothing is missed, doubled, or told to others."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from shared.features.auth.models import Actor
from shared.features.imports.events.models import Position
from shared.features.jobs.models import JobNotFound
from shared.foundation.ids import new_id
from shared.foundation.mongo import Change, Changes, ResumePointLost
from tests.factories.archives import yolo_zip
from tests.factories.door import QUICK, Door, open_door
from tests.factories.event_streams import change_streams, no_streams
from tests.factories.stories import Story, begun
from tests.factories.yard import Yard


async def test_an_import_is_told_from_its_queueing_to_its_end(yard: Yard, tmp_path: Path) -> None:
    truth = yolo_zip(tmp_path / "shapes.zip", images=60)
    async with open_door(yard) as door:
        job_id = await yard.start_import(tmp_path / "shapes.zip")
        async with door.following(job_id) as follower:
            await asyncio.wait_for(follower.ended.wait(), 60)

    names = follower.names()
    assert (names[0], names[-1]) == ("snapshot", "end")
    assert follower.of("end")[0]["state"] == "succeeded"
    assert follower.of("end")[0] == (await yard.api.get(f"/datasets/import/{job_id}/status")).json()
    done = {item["id"]: item for shards in follower.of("shards") for item in shards["items"]}
    assert {item["state"] for item in done.values()} == {"done"}
    assert sum(item["progress"]["images"] for item in done.values()) == truth.images
    assert len({event.id for event in follower.events}) > 3
    assert max(len(event.id) for event in follower.events) < 500


async def test_the_snapshot_is_the_status_and_the_shards(door: Door, story: Story, quiet_yard: Yard) -> None:
    await story.shard(0, state="done", images=5)
    await story.finding(0)
    async with door.following(story.job_id) as follower:
        await follower.until("finding")

    snapshot = follower.of("snapshot")[0]
    assert snapshot.pop("shards") == {"total": 2, "states": {"open": 1, "done": 1}}
    status = (await quiet_yard.api.get(f"/datasets/import/{story.job_id}/status")).json()
    assert {**snapshot, "progress": None} == {**status, "progress": None}
    assert snapshot["links"]["events"] == f"/datasets/import/{story.job_id}/events"
    report = await quiet_yard.report(story.job_id)
    assert follower.of("finding") == report


async def test_changes_come_in_their_order_and_the_end_closes_the_stream(door: Door, story: Story) -> None:
    async with door.following(story.job_id) as follower:
        await follower.until("snapshot")
        await story.shard(0, images=3)
        await story.finding(7)
        await story.shard(0, state="done", images=5)
        await story.job(phase="finish")
        await story.end()
        await asyncio.wait_for(follower.ended.wait(), 5)

    assert follower.names() == ["snapshot", "shards", "finding", "shards", "state", "state", "end"]
    assert follower.of("shards")[1]["items"][0]["progress"]["images"] == 5
    assert follower.of("state") == [
        {"state": "running", "phase": "finish", "paused": False},
        {"state": "succeeded", "phase": "finish", "paused": False},
    ]
    progress = follower.of("progress")[-1]
    assert {"fraction", "bytes_per_second", "eta_seconds", "images_done", "shards"} <= progress.keys()


async def test_a_burst_is_told_together_and_the_end_at_once(quiet_yard: Yard, story: Story) -> None:
    settings = QUICK.model_copy(update={"pause_seconds": 1.0})
    async with open_door(quiet_yard, settings=settings) as door, door.following(story.job_id) as follower:
        await follower.until("snapshot")
        await story.shard(0, images=1)
        await follower.until("shards")
        for images in range(2, 30):
            await story.shard(0, images=images)
            await story.shard(1, images=images)
        await follower.until("shards", 2)
        told = follower.of("shards")
        began = time.monotonic()
        await story.end()
        await asyncio.wait_for(follower.ended.wait(), 5)
        took = time.monotonic() - began

    assert [len(event["items"]) for event in told] == [1, 2]
    assert {item["progress"]["images"] for item in told[1]["items"]} == {29}
    assert took < 0.8  # less than the pause


async def test_a_reader_who_was_cut_off_gets_exactly_what_it_missed(door: Door, story: Story) -> None:
    """From whichever event on: what a reader with a gap has is what one without has."""
    async with door.following(story.job_id) as whole:
        await whole.until("snapshot")
        for number in range(6):
            await story.shard(number % 2, images=number + 1)
            await story.finding(number)
            if number == 3:
                await story.job(phase="index")
        await story.end("failed")
        await asyncio.wait_for(whole.ended.wait(), 5)

    everything = [(event.event, event.data) for event in whole.events if event.event != "progress"]
    for place, event in enumerate(whole.events):
        if event.event in ("progress", "end"):
            continue
        seen = [(one.event, one.data) for one in whole.events[: place + 1] if one.event != "progress"]
        async with door.following(story.job_id, after=event.id) as later:
            await asyncio.wait_for(later.ended.wait(), 5)
        missed = [(one.event, one.data) for one in later.events if one.event != "progress"]
        assert _shards_apart(seen + missed) == _shards_apart(everything)


def _shards_apart(events: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], dict]:
    """All but shards in order; of shards how each stands in the end (a later reader learns how they stand now)."""
    items = [item for name, data in events if name == "shards" for item in json.loads(data)["items"]]
    return [event for event in events if event[0] != "shards"], {item["id"]: item for item in items}


async def test_changes_of_one_transaction_are_not_lost_between_two_readers(
    door: Door, story: Story, quiet_yard: Yard
) -> None:
    """They have one time in common; a resume point lies between them all the same."""
    async with door.following(story.job_id) as whole:
        await whole.until("snapshot")

        async def work(session: object) -> None:
            for number in range(3):
                await quiet_yard.database["findings"].insert_one(
                    {
                        "_id": new_id(), "schema_version": 1, "job_id": story.job_id, "generation": 1,
                        "rule": "ROW_CLASS_RANGE", "severity": "error", "file": "a", "message": str(number),
                        "line": None, "column": None, "place": "a",
                    },
                    session=session,
                )  # fmt: skip

        await quiet_yard.container.transactions.run(work)
        await whole.until("finding", 3)
    for place in range(3):
        found = [event for event in whole.events if event.event == "finding"]
        async with door.following(story.job_id, after=found[place].id) as later:
            await story.shard(0, images=place + 1)
            await later.until("shards")
        assert [one["message"] for one in later.of("finding")] == [one.json()["message"] for one in found[place + 1 :]]


async def test_two_readers_hear_the_same(door: Door, story: Story) -> None:
    async with door.following(story.job_id) as one, door.following(story.job_id) as other:
        await asyncio.gather(one.until("snapshot"), other.until("snapshot"))
        for number in range(3):
            await story.finding(number)
        await story.end()
        await asyncio.wait_for(asyncio.gather(one.ended.wait(), other.ended.wait()), 5)

    assert [event.data for event in one.events if event.event != "progress"] == [
        event.data for event in other.events if event.event != "progress"
    ]


async def test_other_jobs_are_not_told_of(door: Door, story: Story, quiet_yard: Yard, tmp_path: Path) -> None:
    other = await begun(quiet_yard, tmp_path)
    async with door.following(story.job_id) as follower:
        await follower.until("snapshot")
        await other.shard(0, images=1)
        await other.finding(1)
        await other.end()
        await story.finding(2)
        await follower.until("finding")

    assert follower.names() == ["snapshot", "finding"]


async def test_only_the_first_findings_are_told_and_the_rest_is_not_even_watched(
    door: Door, story: Story, quiet_yard: Yard
) -> None:
    async with door.following(story.job_id) as follower:
        await follower.until("snapshot")
        for number in range(30):
            await story.finding(number)
        await follower.until("finding", 20)
        await story.shard(0, images=1)
        await follower.until("shards")
        watched = await change_streams(quiet_yard)
        await story.end()
        await asyncio.wait_for(follower.ended.wait(), 5)
        last = [event for event in follower.events if event.event == "shards"][-1]
    async with door.following(story.job_id, after=last.id) as later:
        await asyncio.wait_for(later.ended.wait(), 5)

    assert [one["message"] for one in follower.of("finding")] == [f"finding {number}" for number in range(20)]
    assert "finding" not in later.names()
    assert watched
    assert not any("'findings'" in command for command in watched)


async def test_a_job_that_is_planned_again_begins_with_a_snapshot(door: Door, story: Story) -> None:
    async with door.following(story.job_id) as follower:
        await story.finding(0)
        await follower.until("finding")
        await story.job(generation=2, phase="plan")
        await story.finding(1, generation=2)
        await follower.until("finding", 2)
        old = follower.events[0].id
    async with door.following(story.job_id, after=old) as later:
        await later.until("snapshot")

    assert follower.names().count("snapshot") == 2
    assert [one["message"] for one in follower.of("finding")] == ["finding 0", "finding 1"]


async def test_a_job_that_has_ended_is_a_snapshot_and_the_end(door: Door, story: Story, quiet_yard: Yard) -> None:
    await story.end("failed")
    async with door.following(story.job_id) as follower:
        await asyncio.wait_for(follower.ended.wait(), 5)
    assert [event.event for event in follower.events] == ["snapshot", "end"]

    async with door.following(story.job_id, after=follower.events[-1].id) as again:
        await asyncio.wait_for(again.ended.wait(), 5)
    assert [event.event for event in again.events] == ["end"]
    await no_streams(door, quiet_yard)


async def test_a_job_that_is_not_yours_is_not_there(door: Door, story: Story, quiet_yard: Yard) -> None:
    await story.job(owner_id="somebody-else")
    answer = await door.http.get(f"/datasets/import/{story.job_id}/events")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/job-not-found")
    with pytest.raises(JobNotFound):
        async with door.events.open(story.job_id, Actor(id="third"), last_event_id=None):
            pass
    assert door.open_streams == 0


async def test_a_job_taken_away_while_it_is_followed_is_told_no_further(door: Door, story: Story) -> None:
    async with door.following(story.job_id) as follower:
        await follower.until("snapshot")
        await story.job(owner_id="somebody-else", phase="finish")
        await asyncio.wait_for(follower.ended.wait(), 5)
    assert "end" not in follower.names()


async def test_an_id_that_is_none_of_ours_is_refused(door: Door, story: Story) -> None:
    for garbage in (b"x", b"WyJhIl0", "🦝".encode(), b"0" * 900, b"W1tbW1tb" * 100):
        answer = await door.http.get(f"/datasets/import/{story.job_id}/events", headers={"Last-Event-ID": garbage})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bad-event-id")
    assert door.open_streams == 0


async def test_a_place_that_the_database_does_not_know_begins_with_a_snapshot(door: Door, story: Story) -> None:
    for images, token in enumerate(("", "zz", "00", "82ffffffffffffffff", "not hex at all"), start=1):
        lost = Position(generation=1, state="running", phase="transfer", token=token).encoded()
        async with door.following(story.job_id, after=lost) as follower:
            await follower.until("snapshot")
            await story.shard(0, images=images)
            await follower.until("shards")
        assert follower.names() == ["snapshot", "shards"]


async def test_a_reader_whom_the_database_has_outrun_gets_a_new_snapshot(
    door: Door, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oplog does not go back far enough any more: the database says so in the middle of a stream."""
    whole, told = Changes.next, asyncio.Event()

    async def outrun(changes: Changes) -> Change:
        change = await whole(changes)
        if told.is_set():
            return change
        told.set()
        raise ResumePointLost("the oplog was overwritten")

    monkeypatch.setattr(Changes, "next", outrun)
    async with door.following(story.job_id) as follower:
        await follower.until("snapshot")
        await story.shard(0, images=1)
        await follower.until("snapshot", 2)
        await story.end()
        await asyncio.wait_for(follower.ended.wait(), 5)
    assert follower.names() == ["snapshot", "snapshot", "state", "end"]
