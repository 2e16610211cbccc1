"""A reader who comes back with the id of an event: findings once and all of them, and pauses as they are."""

import asyncio

from tests.factories.door import Door
from tests.factories.stories import Story
from tests.factories.yard import Yard


async def test_no_finding_of_the_beginning_is_repeated_or_left_out(door: Door, story: Story) -> None:
    """The findings that a snapshot comes with, and those written after it: from each of them on."""
    for number in range(4):
        await story.finding(number)
    async with door.following(story.job_id) as whole:
        await whole.until("finding", 4)
        for number in range(4, 6):
            await story.finding(number)
        await story.end()
        await asyncio.wait_for(whole.ended.wait(), 5)
    everything = whole.of("finding")
    assert [one["message"] for one in everything] == [f"finding {number}" for number in range(6)]

    beginnings = [(place, event) for place, event in enumerate(whole.events) if event.event in ("snapshot", "finding")]
    for place, event in beginnings:
        async with door.following(story.job_id, after=event.id) as later:
            await asyncio.wait_for(later.ended.wait(), 5)
        seen = [one.json() for one in whole.events[: place + 1] if one.event == "finding"]
        assert seen + later.of("finding") == everything


async def test_a_pause_is_told_and_its_end(door: Door, story: Story, quiet_yard: Yard) -> None:
    job = f"/datasets/import/{story.job_id}"
    async with door.following(story.job_id) as follower:
        await follower.until("snapshot")
        await quiet_yard.api.post(f"{job}/pause")
        await follower.until("state")
        await quiet_yard.api.post(f"{job}/resume")
        await follower.until("state", 3)  # the queue is quick: it runs again
        await quiet_yard.api.post(f"{job}/pause")
        await quiet_yard.api.post(f"{job}/cancel")
        await asyncio.wait_for(follower.ended.wait(), 5)
        resting = next(event for event in follower.events if event.event == "state")
    async with door.following(story.job_id, after=resting.id) as later:
        await asyncio.wait_for(later.ended.wait(), 5)

    told = [(one["state"], one["paused"]) for one in follower.of("state")]
    assert told == [
        ("queued", True), ("queued", False), ("running", False), ("queued", True), ("cancelled", False),
    ]  # fmt: skip
    assert [(one["state"], one["paused"]) for one in later.of("state")] == told[1:]
