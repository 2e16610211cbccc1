"""The tags of files: equal bytes only have equal tags, also where the archive tells no checksum."""

import asyncio
import zlib
from pathlib import Path

import pytest

from shared.foundation.settings import EngineSettings
from tests.factories.archives import jpeg_bytes
from tests.factories.broken import CONFIG, ROW, large_jpeg, tar_of
from tests.factories.disturbed_imports import IN_PLACE, PACKED, begun
from tests.factories.traps import kill, trap
from tests.factories.yard import QuietLauncher, Yard, open_yard

FOR_EVER = "private, max-age=31536000, immutable"
ENGINE = EngineSettings(claimers=1, shard_bytes=1 << 20, lease_seconds=1, index_first_bytes=0, leftover_days=0)
OTHER_ROW = b"1" + ROW[1:]


def write(path: Path, row: bytes, *, images: int = 40, image_bytes: int = 60 << 10) -> Path:
    """A tar, its labels first, each with the one row."""
    path.unlink(missing_ok=True)
    labels = {f"labels/train/{number}.txt": row for number in range(images)}
    pictures = {f"images/train/{number}.jpg": large_jpeg(image_bytes, seed=number) for number in range(images)}
    return tar_of(path, labels | pictures | {"data.yaml": CONFIG})


async def test_a_label_that_changed_has_another_tag(mongo_url: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", ROW)
    async with open_yard(mongo_url, tmp_path / "yard", engine=ENGINE, launcher=QuietLauncher()) as yard:
        job_id = await begun(yard, path)
        url = await _label_while_indexed(yard, job_id)
        first = await yard.api.get(url)
        write(path, OTHER_ROW)
        await _retried(yard, job_id)

        again = await yard.api.get(url, headers={"If-None-Match": first.headers["etag"]})

        assert (first.content, again.status_code, again.content) == (ROW, 200, OTHER_ROW)
        assert again.headers["etag"] != first.headers["etag"]
        assert "immutable" not in first.headers["cache-control"]


async def _label_while_indexed(yard: Yard, job_id: str) -> str:
    """The address of a label that can be read while images are still on their way; then the claimer is killed."""
    with pytest.MonkeyPatch.context() as patch:
        caught = trap(patch, yard.container.repositories.jobs, "move_on", after=True)
        victim = yard.claimer(job_id)
        async with asyncio.timeout(20):
            await caught.reached.wait()
        url = (await yard.all_images("a"))[3]["urls"]["labels"]
        await kill(victim)
    return str(url)


async def _retried(yard: Yard, job_id: str) -> None:
    """The import goes on, learns that its source changed, and is asked for again."""
    await asyncio.sleep(1.2)
    await yard.claimer(job_id)
    assert (await yard.ended(job_id))["error"]["type"] == "/problems/source-changed"
    await yard.cleaned(job_id)
    assert (await yard.api.post(f"/datasets/import/{job_id}/retry")).status_code in {200, 202}
    await yard.begun(job_id)
    await yard.claimer(job_id)
    assert (await yard.ended(job_id))["state"] == "succeeded"


@pytest.mark.parametrize("options", [{}, PACKED, IN_PLACE], ids=["objects", "packed", "in-place"])
async def test_the_checksum_of_a_label_is_in_its_tag(yard: Yard, tmp_path: Path, options: dict[str, object]) -> None:
    await yard.imported(write(tmp_path / "a.tar", ROW, images=3, image_bytes=4000), **options)
    image = (await yard.all_images("a"))[0]
    tag = (await yard.api.get(image["urls"]["labels"])).headers["etag"]
    assert tag == f'"{image["id"]}-{len(ROW)}-{zlib.crc32(ROW):08x}"'


async def test_an_image_that_was_not_hashed_is_told_by_its_archive(yard: Yard, tmp_path: Path) -> None:
    """The same image of the same size, from an archive that was written anew."""
    tags = set()
    for seed in range(2):
        path = tmp_path / "a.tar"
        path.unlink(missing_ok=True)
        tar_of(path, {"images/train/a.jpg": jpeg_bytes(20, 20, seed=seed), "data.yaml": CONFIG})
        await yard.imported(path, **IN_PLACE)
        dataset = (await yard.api.get("/datasets")).json()["items"][0]
        image = (await yard.all_images(dataset["id"]))[0]
        answer = await yard.api.head(image["urls"]["file"])
        assert "immutable" not in answer.headers["cache-control"]
        tags.add(answer.headers["etag"].replace(image["id"], ""))
    assert len(tags) == 2


async def test_only_what_was_hashed_may_be_kept_for_ever(yard: Yard, tmp_path: Path) -> None:
    await yard.imported(write(tmp_path / "a.tar", ROW, images=3, image_bytes=4000))
    image = (await yard.all_images("a"))[0]
    file, label = [await yard.api.get(image["urls"][what]) for what in ("file", "labels")]
    assert file.headers["cache-control"] == FOR_EVER
    assert label.headers["cache-control"] == "private, no-cache"
