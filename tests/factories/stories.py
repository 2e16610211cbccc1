"""Jobs at which nobody works: what happens to them the test writes into the database."""

from pathlib import Path

from shared.foundation.clock import utc_now
from shared.foundation.ids import new_id
from tests.factories.yard import Yard


class Story:
    """What happens to one job, written into the database as claimers do."""

    def __init__(self, yard: Yard, job_id: str) -> None:
        self.database, self.job_id = yard.database, job_id

    async def job(self, **fields: object) -> None:
        """Change the job."""
        await self.database["import_jobs"].update_one({"_id": self.job_id}, {"$set": fields})

    async def shard(self, index: int, *, state: str = "open", images: int = 0, generation: int = 1) -> None:
        """Write how a shard stands."""
        of = {"job_id": self.job_id, "generation": generation, "index": index}
        progress = {"images": images, "bytes": images * 10, "annotations": 0, "findings": 0, "indexed": 0}
        fixed = {**of, "schema_version": 1, "manifest_key": "-", "token": 1}
        await self.database["import_shards"].update_one(
            {"_id": f"{self.job_id}:{generation}:{index:06d}"},
            {"$set": {"state": state, "progress": progress}, "$setOnInsert": fixed},
            upsert=True,
        )

    async def finding(self, number: int, *, generation: int = 1) -> None:
        """Write a finding."""
        place = {"file": f"labels/{number}.txt", "line": number + 1, "column": None, "place": f"{number:04d}"}
        said = {"rule": "ROW_CLASS_RANGE", "severity": "error", "message": f"finding {number}"}
        of = {"job_id": self.job_id, "generation": generation}
        await self.database["findings"].insert_one({"_id": new_id(), "schema_version": 1, **of, **place, **said})

    async def end(self, state: str = "succeeded") -> None:
        """The job ends."""
        await self.job(state=state, finished_at=utc_now())


async def begun(yard: Yard, tmp_path: Path) -> Story:
    """A running job with a plan of two shards."""
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"never read")
    story = Story(yard, await yard.start_import(archive))
    await yard.begun(story.job_id)
    await story.job(generation=1, phase="transfer")
    for index in range(2):
        await story.shard(index)
    return story
