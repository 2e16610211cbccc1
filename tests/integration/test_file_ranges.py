"""Files over HTTP: ranges and conditions, wherever the bytes lie."""

from pathlib import Path

import pytest

from tests.factories.roads import FIRST, IN_PLACE, KINDS, PACKED_FIRST, ROADS, label_name, members, write, yard_of
from tests.factories.yard import Yard


@pytest.mark.parametrize("kind", ["zip", "stored", "tar"])
@pytest.mark.parametrize("name", [FIRST, PACKED_FIRST, IN_PLACE])
async def test_ranges_and_conditions(mongo_url: str, tmp_path: Path, name: str, kind: str) -> None:
    files = members("after")
    async with yard_of(mongo_url, tmp_path, ROADS[name]) as yard:
        status = await yard.imported(write(tmp_path / f"a{KINDS[kind]}", kind, files), **ROADS[name].options)
        for image in (await yard.all_images(status["dataset_id"]))[:4]:
            await _check_served(yard, image["urls"]["file"], files[image["path"]])
            if image["urls"]["labels"]:
                await _check_served(yard, image["urls"]["labels"], files[label_name(image["path"])])


async def _check_served(yard: Yard, url: str, data: bytes) -> None:
    whole = await yard.api.get(url)
    etag = whole.headers["etag"]
    assert (whole.status_code, whole.content) == (200, data)
    head = await yard.api.head(url)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    assert head.headers["content-length"] == str(len(data))
    for wanted, (start, end) in _ranges(len(data)).items():
        part = await yard.api.get(url, headers={"Range": wanted})
        assert (part.status_code, part.content) == (206, data[start:end]), wanted
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"
    await _check_conditions(yard, url, data, etag)


def _ranges(size: int) -> dict[str, tuple[int, int]]:
    if not size:
        return {}
    middle = size // 2
    return {
        "bytes=0-0": (0, 1),
        f"bytes={middle}-": (middle, size),
        f"bytes={middle}-{middle}": (middle, middle + 1),
        "bytes=-1": (size - 1, size),
        f"bytes=0-{size + 99}": (0, size),
    }


async def _check_conditions(yard: Yard, url: str, data: bytes, etag: str) -> None:
    known = await yard.api.get(url, headers={"If-None-Match": etag})
    assert (known.status_code, known.content) == (304, b"")
    assert (await yard.api.get(url, headers={"If-None-Match": '"other"'})).content == data
    beyond = await yard.api.get(url, headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")
    same = await yard.api.get(url, headers={"Range": "bytes=0-0", "If-Range": etag})
    assert (same.status_code, same.content) == ((206, data[:1]) if data else (416, same.content))
    other = await yard.api.get(url, headers={"Range": "bytes=0-0", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, data)
