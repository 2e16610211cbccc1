"""Walks a dataset's image documents in the order of paths and does nothing with them: the floor of an export."""

import sys
from typing import Any

from pymongo import MongoClient


def walk(address: str, database: str, dataset: str) -> int:
    """How many documents there are."""
    with MongoClient[dict[str, Any]](address) as client:
        found = (
            client[database]["images"].find({"dataset_id": dataset, "valid_to": None}).sort([("path", 1), ("_id", 1)])
        )
        return sum(1 for _ in found)


if __name__ == "__main__":
    walk(*sys.argv[1:])
