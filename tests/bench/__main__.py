"""`make bench`: run the benchmarks, print their tables; fails when a target is missed."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import bench_import


def main() -> int:
    """0 when every target is met."""
    parser = argparse.ArgumentParser(prog="bench", description="Rates and memory, as ratios measured in one run.")
    parser.add_argument("--images", type=int, default=5000, help="images of the archive")
    parser.add_argument("--rounds", type=int, default=3, help="rounds per measurement; medians are shown")
    parser.add_argument("--folder", type=Path, help="where to work, and to find the archive of an earlier run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="datayard-bench-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return 0 if bench_import.run(folder, images=arguments.images, rounds=arguments.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
