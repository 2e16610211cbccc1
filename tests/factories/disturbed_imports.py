"""Imports whose claimers the test starts and disturbs, to be compared with an undisturbed one."""

import asyncio
from itertools import islice
from pathlib import Path
from typing import Any

from shared.features.imports.running.keeper import Keeper
from shared.foundation.settings import EngineSettings
from tests.factories.snapshots import differences, snapshot
from tests.factories.yard import Yard

ENGINE = EngineSettings(claimers=3, shard_bytes=8 << 10, shard_images=7, lease_seconds=1)
LABELS_FIRST = ENGINE.model_copy(update={"index_first_bytes": 0, "shard_bytes": 512 << 10})
PACKED: dict[str, Any] = {"storage": "packed"}
IN_PLACE: dict[str, Any] = PACKED | {"in_place": True}


async def begun(yard: Yard, source: Path | str, **options: object) -> str:
    """Start an import and wait until claimers may work at it; its job id."""
    job_id = await yard.start_import(source, **options)
    await yard.begun(job_id)
    return job_id


async def finished(yard: Yard, job_id: str, *, claimers: int = 2) -> dict[str, Any]:
    """What is left once undisturbed claimers have worked, and leftovers are removed."""
    async with asyncio.timeout(30):
        await asyncio.gather(*(yard.claimer(job_id) for _ in range(claimers)))
    await yard.cleaned(job_id)
    return await snapshot(yard, job_id)


async def undisturbed(yard: Yard, source: Path, results: dict[str, Any], **options: object) -> dict[str, Any]:
    """What an import that nobody disturbs leaves behind; made once."""
    key = f"{source} {options} {yard.runner.engine}"
    if key not in results:
        found = await finished(yard, await begun(yard, source, name="undisturbed", **options))
        assert found["state"] == "succeeded"
        assert found["left over"] == []
        assert found["shards"] == 0
        results[key] = found
    return results[key]


def same(expected: dict[str, Any], found: dict[str, Any]) -> None:
    """Fail with the first differences of two results, if there are any."""
    assert list(islice(differences(expected, found), 5)) == []


def part(yard: Yard, name: str) -> object:
    """The object behind a kill point, which every claimer of the yard shares."""
    container = yard.container
    parts = {
        "store": container.outside.store,
        "datasets": container.datasets,
        "images": container.images,
        "transactions": container.transactions,
    }
    return parts.get(name) or getattr(container.repositories, name)


async def no_beat(_keeper: Keeper) -> None:
    """In place of a claimer's heartbeat: none, so that its lease runs out."""
    await asyncio.Event().wait()


async def retried(yard: Yard, job_id: str, *, sweeping: bool = False) -> None:
    """Retry as soon as that is allowed; a failed job has to be cleaned up first."""
    async with asyncio.timeout(10):
        while (await yard.api.post(f"/datasets/import/{job_id}/retry")).status_code == 409:
            if sweeping:
                await yard.swept()
            await asyncio.sleep(0.05)
    await yard.begun(job_id)
