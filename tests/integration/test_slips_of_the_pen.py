"""A name that is not there is answered with those that are, an address that is none with what one is."""

from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.yard import Yard


async def test_splits_and_categories_that_are_not_there(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=30)
    await yard.imported(tmp_path / "a.zip")
    dataset = (await yard.api.get("/datasets/a")).json()
    splits = ", ".join(one["split"] for one in dataset["splits"])
    categories = ", ".join(one["name"] for one in dataset["categories"])

    for query, words in (
        ({"split": "tran"}, f"No split 'tran' in this dataset; there are {splits}."),
        ({"category": "circl"}, f"No category 'circl' in this dataset; there are {categories}."),
    ):
        assert (await yard.api.get("/datasets/a/images", params=query)).json()["detail"] == words


@pytest.mark.parametrize("source", ["nope", "~/x.zip", "ftp://host/a.zip"])
async def test_an_address_that_is_none(yard: Yard, source: str) -> None:
    answer = await yard.api.post("/datasets/import", json={"source": source})
    assert answer.json()["detail"].startswith(
        "The source must be an address that begins with one of file:, http:, https:."
    )
    assert answer.json()["detail"].endswith("absolute path.")
