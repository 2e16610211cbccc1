"""What imports of bad input leave behind: nothing where they fail, else the good images and findings."""

from collections.abc import Mapping
from pathlib import Path

from tests.factories.archives import jpeg_bytes
from tests.factories.broken import GOOD_IMAGE, around
from tests.factories.raw_zip import RawMember
from tests.factories.yard import Yard

GOOD = {GOOD_IMAGE, "images/val/last.jpg"}
IMAGE = jpeg_bytes(30, 20, seed=5)


def raw_members(members: Mapping[str, bytes]) -> list[RawMember]:
    """The members among good ones, to be written byte by byte."""
    return [RawMember(name.encode(), data) for name, data in around(members).items()]


async def failed(yard: Yard, source: str | Path, **options: object) -> dict:
    """The error of an import that fails, once it is certain that it left nothing behind."""
    job_id = await yard.start_import(source, **options)
    status = await yard.ended(job_id, seconds=30)
    assert status["state"] == "failed", status
    await yard.cleaned(job_id)
    assert yard.stored() == []
    assert await yard.database["images"].count_documents({}) == 0
    assert await yard.database["import_shards"].count_documents({}) == 0
    assert (await yard.api.get("/datasets")).json()["total"] == 0
    assert (await yard.api.get(f"/datasets/{status['dataset_id']}")).status_code == 404
    return dict(status["error"])


async def succeeded(yard: Yard, source: str | Path, **options: object) -> tuple[dict, list[dict]]:
    """Images by path and findings of an import that succeeds."""
    status = await yard.imported(source, **options)
    assert (status["state"], status["error"]) == ("succeeded", None)
    images = {image["path"]: image for image in await yard.all_images(status["dataset_id"])}
    findings = await yard.report(status["job_id"])
    await yard.cleaned(status["job_id"])
    stored = {key for key in yard.stored() if "/images/" in key}
    assert len(stored) == len({image["sha256"] for image in images.values()})
    assert not [key for key in yard.stored() if key.startswith(("temp/", ".partial/"))]
    return images, findings


def about(findings: list[dict]) -> set[tuple[str, str]]:
    """Rules with the files they name, without what is said of the whole dataset, or that an image is background."""
    about_files = (one for one in findings if not one["rule"].startswith("SET_"))
    return {(one["rule"], one["file"]) for one in about_files if one["rule"] != "PAIR_MISSING_LABEL"}
