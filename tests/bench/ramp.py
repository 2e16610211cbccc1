"""How long an import takes on 1 to 100 cloud tasks: a simulation, without clock or chance.

A bucket of Google Cloud Storage takes about 1 000 object writes per second at first, and twice as many after every 20
minutes under load (Cloud Storage documentation, "Request rate and access distribution guidelines"). It can only spread
the load if names do: names in sequence stay with one server, so the simulation leaves them at the first rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TASKS = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many object writes per second a bucket takes: at first, and how long until it takes twice as many."""

    first_per_second: float = 1000.0
    doubling_seconds: float = 1200.0


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured: images per second of one task, of the database for all tasks, and the plan, in one task."""

    objects_per_second: float
    packed_per_second: float
    database_per_second: float
    plan_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds that an import takes with so many tasks, for each way of storing."""

    tasks: int
    objects: float
    objects_in_sequence: float
    packed: float


def seconds_to_write(objects: float, offered_per_second: float, bucket: Bucket) -> float:
    """Seconds until `objects` are written by tasks that would write `offered_per_second` if the bucket took them all.

    Tasks keep to what the bucket takes, so none of their requests is refused.
    """
    seconds, taken = 0.0, bucket.first_per_second
    while taken < offered_per_second and objects > taken * bucket.doubling_seconds:
        objects -= taken * bucket.doubling_seconds
        seconds += bucket.doubling_seconds
        taken *= 2
    return seconds + objects / min(taken, offered_per_second)


def forecast(images: int, tasks: int, rates: Rates, bucket: Bucket) -> Forecast:
    """How long `tasks` tasks take for `images` images, one object each or none."""
    offered = min(tasks * rates.objects_per_second, rates.database_per_second)
    packed = min(tasks * rates.packed_per_second, rates.database_per_second)
    return Forecast(
        tasks=tasks,
        objects=rates.plan_seconds + seconds_to_write(images, offered, bucket),
        objects_in_sequence=rates.plan_seconds + images / min(offered, bucket.first_per_second),
        packed=rates.plan_seconds + images / packed,
    )


def curve(images: int, rates: Rates, bucket: Bucket, tasks: Sequence[int] = TASKS) -> list[Forecast]:
    """A forecast for each number of tasks."""
    return [forecast(images, count, rates, bucket) for count in tasks]


def chart(title: str, forecasts: Sequence[Forecast]) -> str:
    """The forecasts as a Mermaid chart: minutes by tasks; the first line is objects, the second packed."""
    tasks = ", ".join(f'"{one.tasks}"' for one in forecasts)
    objects = ", ".join(f"{one.objects / 60:.1f}" for one in forecasts)
    packed = ", ".join(f"{one.packed / 60:.1f}" for one in forecasts)
    top = max(max(one.objects, one.packed) for one in forecasts) / 60
    return "\n".join([
        "```mermaid",
        "xychart-beta",
        f'    title "{title}"',
        f'    x-axis "tasks" [{tasks}]',
        f'    y-axis "minutes" 0 --> {top:.0f}' if top >= 1 else '    y-axis "minutes" 0 --> 1',
        f"    line [{objects}]",
        f"    line [{packed}]",
        "```",
    ])  # fmt: skip
