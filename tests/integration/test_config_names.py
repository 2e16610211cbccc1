"""The files of a dataset's description are kept, whatever they are called."""

from pathlib import Path

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.yard import Yard


async def test_a_list_may_lie_in_a_folder_that_is_called_like_the_description(yard: Yard, tmp_path: Path) -> None:
    images = {f"images/train/{number}.jpg": jpeg_bytes(20, 20, seed=number) for number in range(4)}
    description = b"path: .\ntrain: data.yaml/train.txt\nnames: [a]\n"
    listed = b"\n".join(b"./images/train/%d.jpg" % number for number in range(4))
    zip_of(tmp_path / "a.zip", images | {"data.yaml": description, "data.yaml/train.txt": listed})

    status = await yard.imported(tmp_path / "a.zip")

    assert (status["state"], status["error"]) == ("succeeded", None)
    assert len(await yard.all_images("a")) == 4
    config = yard.objects / "datasets" / status["dataset_id"] / "config"
    kept = {path.name: path.read_bytes() for path in config.iterdir()}
    assert kept.pop("data.yaml") == description
    assert list(kept.values()) == [listed]
