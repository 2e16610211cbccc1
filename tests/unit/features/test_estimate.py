"""The estimate of an import: figures worked out by hand from the formula of docs/check.md."""

import pytest

from shared.features.imports.checks.estimate import Amounts, estimated
from shared.features.imports.models import ImportRequest, SourceRef

AMOUNTS = Amounts(images=1_000_000, shards=500, image_bytes=100 * 10**9, label_bytes=10**8, unpacked_bytes=101 * 10**9)
DISTANT = SourceRef(uri="https://host/a.zip", size_bytes=100_200_000_000, etag=None, raw=False)
NEAR = DISTANT.model_copy(update={"uri": "file:///a.zip", "cheap_ranges": True})


def request(**options: object) -> ImportRequest:
    return ImportRequest.model_validate({"source": "file:///a.zip", **options})


def test_objects_from_afar() -> None:
    found = estimated(AMOUNTS, request(), DISTANT, workers=2)
    # reading 100.1 GB at 40 MB/s is slower than a million images at 750/s or 101 GB at 100 MB/s
    assert found.seconds == pytest.approx(1 + 100_100_000_000 / 40e6 / 2, abs=0.1)
    assert (found.objects, found.storage_bytes) == (1_000_500, 101 * 10**9)
    assert found.cost.operations_usd == pytest.approx(1_000.5 * 0.005)
    assert found.cost.storage_month_usd == pytest.approx(101 * 0.02)
    assert found.cost.compute_usd == pytest.approx(found.seconds * 2 * (0.000018 + 0.5 * 0.000002), rel=1e-3)


def test_in_place_hardly_anything_is_read() -> None:
    in_place = request(storage="packed", in_place=True)
    found = estimated(AMOUNTS, in_place, NEAR, workers=2)
    assert AMOUNTS.to_read(in_place, NEAR) == 10**8 + 4096 * 1_000_000
    assert found.seconds == pytest.approx(1 + 1_000_000 / 4_000 / 2)
    assert (found.objects, found.storage_bytes) == (500, 0)


def test_packed_keeps_the_archive() -> None:
    found = estimated(AMOUNTS, request(storage="packed"), NEAR, workers=1)
    assert (found.objects, found.storage_bytes) == (500, 100_200_000_000)
    assert AMOUNTS.to_read(request(storage="packed"), NEAR) == 100_200_000_000
    assert found.cost_usd == pytest.approx(sum(found.cost.model_dump().values()), abs=1e-5)
