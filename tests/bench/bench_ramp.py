"""A forecast for 1 to 100 cloud tasks from the rates of one task here."""

import shutil
import time
from pathlib import Path

from tests.bench.archive import archive_at
from tests.bench.huge_archive import HugeRequest, truth_file, write_huge
from tests.bench.huge_floors import insert_documents
from tests.bench.options import Options
from tests.bench.ramp import Bucket, Forecast, Rates, chart, curve
from tests.bench.results import Outcome, table
from tests.bench.watching import Watched, start_import
from tests.bench.yard_access import KeptConnection, database_of
from tests.factories.running_yard import RunningYard, running_yard

OBJECT_IMAGES, PACKED_IMAGES = 5000, 100_000
IMAGE_BYTES = 100_000
SIZES = (1_000_000, 10_000_000)


def run(options: Options) -> Outcome:
    """Measure one task's rates with one worker, then say what many tasks would do."""
    data = options.folder / "ramp-yard"
    shutil.rmtree(data, ignore_errors=True)
    with running_yard(data, workers=1) as yard:
        rates = _measured(yard, options)
    shutil.rmtree(data)
    return _report(rates, Bucket())


def _measured(yard: RunningYard, options: Options) -> Rates:
    images = options.images or OBJECT_IMAGES
    objects = archive_at(options.folder, images=images)
    connection = KeptConnection(yard.url)
    objects_rate, _, _ = _rate(connection, objects, images)
    many = (options.images or PACKED_IMAGES // 20) * 20
    archive = options.folder / "ramp.zip"
    write_huge(archive, HugeRequest(many, many * IMAGE_BYTES))
    packed_rate, plan, dataset = _rate(connection, archive, many, storage="packed", in_place=True)
    with database_of(yard) as database:
        inserting = insert_documents(database, dataset, many)[-1]
    for path in (archive, truth_file(archive)):
        path.unlink()
    return Rates(objects_rate, packed_rate, many / inserting.seconds, plan)


def _rate(connection: KeptConnection, archive: Path, images: int, **options: object) -> tuple[float, float, str]:
    """Images per second after the plan, the seconds of the plan, and the dataset."""
    watched = start_import(connection, archive, **options)
    planned = 0.0
    while not watched.ended:
        time.sleep(0.02)
        watched.look(connection)
        planned = planned or _planned(watched)
    assert watched.state == "succeeded", watched.status
    return images / max(0.01, watched.reached["end"] - planned), planned, watched.dataset_id


def _planned(watched: Watched) -> float:
    return time.perf_counter() - watched.began if watched.status["phase"] != "plan" else 0.0


def _report(rates: Rates, bucket: Bucket) -> Outcome:
    measured = (
        f"Measured here with one worker: {rates.objects_per_second:.0f} images/s as objects,"
        f" {rates.packed_per_second:.0f} images/s packed in place, {rates.database_per_second:.0f} documents/s inserted"
        " by the bare driver with the product's indexes, which is taken as the limit of the database for all tasks."
    )
    parts = [measured]
    for images in SIZES:
        forecasts = curve(images, rates, bucket)
        title = f"{images // 1_000_000} million images: objects (first line) and packed"
        parts += [_table(images, forecasts), chart(title, forecasts)]
    return Outcome("\n\n".join(parts))


def _table(images: int, forecasts: list[Forecast]) -> str:
    heads = (
        f"tasks, {images // 1_000_000} million images",
        "objects, hashed names",
        "objects, names in sequence",
        "packed in place",
    )
    rows = [
        (str(one.tasks), *(f"{seconds / 60:.1f} min" for seconds in (one.objects, one.objects_in_sequence, one.packed)))
        for one in forecasts
    ]
    return table(heads, rows)
