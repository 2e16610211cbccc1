"""Python's cyclic garbage collector, set for a process that builds millions of documents and hardly a cycle.

A shard makes tens of thousands of lists and dicts that all die by reference count. With its usual settings the
collector looks through them again and again, and through every module that was ever loaded: 40 % of an import in place.
"""

import gc

_YOUNG_OBJECTS = 200_000  # a few shards' worth, some tens of MB at most until cycles among them are found


def settle_collector() -> None:
    """Leave alone what is loaded by now, and look for cycles rarely. Idempotent."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 10, 10)
