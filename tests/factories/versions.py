"""Datasets with something to fix, and versions made of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.yard import Yard

NAMES = "names: [circle, square, triangle]\n"
GOOD = "0 0.5 0.5 0.2 0.4\n"


def labelled(
    folder: Path, labels: Mapping[str, str], *, names: str = NAMES, images: Mapping[str, bytes] | None = None
) -> Path:
    """An archive with an image of 64 x 48 pixels for each label, by stem; `images` are those that are others."""
    members = {"data.yaml": f"train: images\n{names}".encode()}
    for number, (stem, text) in enumerate(labels.items()):
        members[f"images/{stem}.jpg"] = (images or {}).get(stem) or jpeg_bytes(64, 48, seed=number)
        members[f"labels/{stem}.txt"] = text.encode()
    return zip_of(folder / "shapes.zip", members)


async def versioned(yard: Yard, dataset: str, body: Mapping[str, object], *, route: str = "versions") -> dict[str, Any]:
    """The newest entry of the history, once the job that was asked for has succeeded."""
    answer = await yard.api.post(f"/datasets/{dataset}/{route}", json=dict(body))
    assert answer.status_code == 202, answer.text
    status = await yard.ended(answer.json()["job_id"])
    assert status["state"] == "succeeded", status
    return (await history(yard, dataset))[0]


async def history(yard: Yard, dataset: str) -> list[dict[str, Any]]:
    """The versions of a dataset, newest first."""
    return list((await yard.api.get(f"/datasets/{dataset}/versions")).json()["items"])


async def rows(yard: Yard, dataset: str, **query: object) -> dict[str, list[tuple[int, list[float]]]]:
    """Category and box of every annotation, by the stem of its image."""
    images = await yard.all_images(dataset, **query)
    return {
        Path(image["path"]).stem: [(one["category_id"], one["bbox"]) for one in image["annotations"]]
        for image in images
    }


async def everything(yard: Yard, dataset: str, **query: object) -> dict[str, Any]:
    """All that readers see of a version but addresses and ids."""
    base = f"/datasets/{dataset}"
    images = await yard.all_images(dataset, **query)
    return {
        "images": [{name: value for name, value in one.items() if name not in {"id", "urls"}} for one in images],
        "statistics": (await yard.api.get(f"{base}/statistics", params=query)).json() | {"version": None},
        "categories": (await yard.api.get(f"{base}/categories", params=query)).json(),
    }


async def found(yard: Yard, dataset: str, **query: object) -> dict[str, int]:
    """How often each rule was met that is not about the dataset as a whole."""
    statistics = (await yard.api.get(f"/datasets/{dataset}/statistics", params=query)).json()
    return {rule: count for rule, count in statistics["findings"].items() if not rule.startswith("SET_")}
