"""The simulation of 1 to 100 cloud tasks."""

from itertools import pairwise

import pytest

from tests.bench.ramp import TASKS, Bucket, Rates, chart, curve, forecast, seconds_to_write

BUCKET = Bucket()
RATES = Rates(objects_per_second=500, packed_per_second=5000, database_per_second=20_000, plan_seconds=10)


@pytest.mark.parametrize(
    ("objects", "offered", "seconds"),
    [
        (100_000, 100, 1000),  # the tasks are the limit
        (1_000_000, 50_000, 1000),  # the bucket is, at its first rate
        (1_200_000, 50_000, 1200),  # exactly until it doubles
        (1_400_000, 50_000, 1300),
        (10_000_000, 100_000, 3800),  # 1.2, 2.4 and 4.8 million in the first three steps, then 8 000 each second
        (10_000_000, 3000, 1200 + 1200 + 6_400_000 / 3000),  # the tasks are the limit from the third step on
    ],
)
def test_objects_are_written_as_fast_as_tasks_and_bucket_allow(objects: int, offered: float, seconds: float) -> None:
    assert seconds_to_write(objects, offered, BUCKET) == pytest.approx(seconds)


def test_more_tasks_never_take_longer() -> None:
    for before, after in pairwise(curve(10_000_000, RATES, BUCKET)):
        assert after.objects <= before.objects
        assert after.objects_in_sequence <= before.objects_in_sequence
        assert after.packed <= before.packed


def test_names_in_sequence_stay_with_the_first_rate() -> None:
    many = forecast(10_000_000, 100, RATES, BUCKET)
    assert many.objects_in_sequence == pytest.approx(10 + 10_000)
    assert many.objects < many.objects_in_sequence / 2


def test_packed_is_bound_by_tasks_then_by_the_database() -> None:
    assert forecast(1_000_000, 1, RATES, BUCKET).packed == pytest.approx(10 + 200)
    assert forecast(1_000_000, 100, RATES, BUCKET).packed == pytest.approx(10 + 50)


def test_the_chart_has_a_point_for_each_number_of_tasks() -> None:
    lines = chart("a title", curve(1_000_000, RATES, BUCKET)).splitlines()
    assert (lines[0], lines[-1]) == ("```mermaid", "```")
    drawn = [line for line in lines if line.strip().startswith(("x-axis", "line"))]
    assert [line.count(",") + 1 for line in drawn] == [len(TASKS)] * 3
