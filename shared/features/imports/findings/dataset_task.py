"""What a dataset is good for, by the annotations it has."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.features.datasets.models import Task

_TASKS: Mapping[str, Task] = MappingProxyType(
    {"pose": "pose", "obb": "obb", "polygon": "segment", "box": "detect", "label": "classify"}
)


def task_of(types: Mapping[str, int], format_name: str) -> Task | None:
    """The task of a dataset with so many annotations of each type: one that is more than a box decides.

    Images that came without labels have none; a dataset whose labels are all empty is one of boxes.
    """
    found = next((task for kind, task in _TASKS.items() if types.get(kind)), None)
    return found if found or format_name == "images" else "detect"
