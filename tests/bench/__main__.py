"""`make bench`: run the benches, print their tables; fails when a target is missed."""

import argparse
import datetime as dt
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench import (
    bench_check,
    bench_export,
    bench_exports_million,
    bench_fairness,
    bench_fiftyone,
    bench_huge,
    bench_import,
    bench_latency,
    bench_pages,
    bench_ramp,
    bench_upload,
)
from tests.bench.options import Options
from tests.bench.results import Outcome, machine, put_section

BENCHES: Mapping[str, Callable[[Options], Outcome]] = {
    "import": bench_import.run_deflated,
    "check": bench_check.run,
    "fiftyone": bench_fiftyone.run,
    "stored": bench_import.run_stored,
    "huge": bench_huge.run,
    "pages": bench_pages.run,
    "latency": bench_latency.run,
    "fairness": bench_fairness.run,
    "ramp": bench_ramp.run,
    "export": bench_export.run,
    "exports": bench_exports_million.run,
    "upload": bench_upload.run,
}


def main() -> int:
    """0 when every target of the benches asked for is met."""
    arguments = _parse()
    temporary = Path(tempfile.mkdtemp(prefix="datayard-bench-", dir=None if arguments.folder else _roomy()))
    options = Options(
        folder=arguments.folder or temporary,
        rounds=arguments.rounds,
        images=arguments.images,
        gigabytes=arguments.gigabytes,
        storage=arguments.storage,
        interleaved=arguments.interleaved,
        keep=arguments.keep,
    )
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        missed = [name for name in arguments.only or BENCHES if not _bench(name, options, arguments.write)]
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return 1 if missed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Rates and memory, as ratios measured in one run.")
    parser.add_argument("--only", action="append", choices=BENCHES, help="this bench, and others named so")
    parser.add_argument("--rounds", type=int, default=3, help="rounds per measurement")
    parser.add_argument("--folder", type=Path, help="where to work, and to find what an earlier run has kept")
    parser.add_argument("--keep", action="store_true", help="leave large archives and databases in the folder")
    parser.add_argument("--images", type=int, help="images of the archive or dataset, instead of the target's number")
    parser.add_argument(
        "--gigabytes", type=float, help="size of the huge archive, instead of 100, or of the upload, instead of 5"
    )
    parser.add_argument("--storage", choices=("packed", "objects"), default="packed", help="of the huge archive")
    parser.add_argument("--interleaved", action="store_true", help="labels between the images of the huge archive")
    parser.add_argument("--write", type=Path, help="a Markdown page whose sections take the results")
    return parser.parse_args()


def _roomy() -> str | None:
    """A folder for large files that is no memory disk, if there is one."""
    return "/var/tmp" if Path("/var/tmp").is_dir() else None


def _bench(name: str, options: Options, page: Path | None) -> bool:
    print(f"\n## {name}\n", flush=True)
    outcome = BENCHES[name](options)
    print(outcome.markdown(), flush=True)
    if page:
        page.write_text(put_section(page.read_text(), name, f"{_heading(name)}\n\n{outcome.markdown()}"))
    return outcome.met


def _heading(name: str) -> str:
    """The command, the machine and the day."""
    rest = [word for word in sys.argv[1:] if word != "--only" and word not in BENCHES]
    today = dt.datetime.now(tz=dt.UTC).date()
    return f'`make bench ARGS="{shlex.join(["--only", name, *_without_places(rest)])}"`; {machine()}; {today}:'


def _without_places(words: list[str]) -> list[str]:
    """The arguments without those that name folders and pages of this machine."""
    kept, skip = [], False
    for word in words:
        if not skip and word not in ("--folder", "--write"):
            kept.append(word)
        skip = word in ("--folder", "--write")
    return kept


if __name__ == "__main__":
    sys.exit(main())
