"""Claimers in processes of their own, as a Cloud Run Job task runs them; to be killed."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tests.factories.yard import Yard

ROOT = Path(__file__).parents[2]


def claimer_process(yard: Yard, job_id: str, **settings: object) -> "subprocess.Popen[bytes]":
    """Start `python -m services.worker JOB_ID` on the yard's database and objects; `settings` are environment names."""
    yard.disturbed = True
    yard.objects.mkdir(parents=True, exist_ok=True)
    with claimers_log(yard).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "services.worker", job_id],
            cwd=ROOT,
            env={**os.environ, **claimer_environment(yard), **{name: str(value) for name, value in settings.items()}},
            stdout=log,
            stderr=log,
        )


def claimers_log(yard: Yard) -> Path:
    """What the claimers have written."""
    return yard.objects.parent / "claimers.log"


def claimer_environment(yard: Yard) -> dict[str, str]:
    """The settings of a worker that shares the yard."""
    engine = yard.runner.engine.model_dump()
    return {
        "DATAYARD_MONGO__URL": yard.mongo.url.get_secret_value(),
        "DATAYARD_MONGO__DATABASE": yard.mongo.database,
        "DATAYARD_OBJECT_STORE__BACKEND": "local",
        "DATAYARD_OBJECT_STORE__ROOT": str(yard.objects),
        "DATAYARD_SOURCES__ALLOW_FILES": "true",
        "DATAYARD_SOURCES__ALLOW_PRIVATE": "true",
        **{f"DATAYARD_ENGINE__{name.upper()}": str(value) for name, value in engine.items()},
    }


def kill(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL, if it still runs."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait(10)


# -- claimers by the hundred


@dataclass(slots=True)
class ForkedClaimer:
    """A claimer that a nursery has forked; its handle names this process and never a later one of the same number."""

    handle: int | None

    @property
    def lives(self) -> bool:
        """Whether the process has not ended yet."""
        return self.handle is not None and not select.select([self.handle], [], [], 0)[0]

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone. The claimer may be asked no more."""
        if self.handle is None:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        select.select([self.handle], [], [], 10)
        os.close(self.handle)
        self.handle = None


class Nursery:
    """Forks claimers off a process that has loaded their code already: each costs milliseconds instead of seconds."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def claimer(self, yard: Yard, job_id: str) -> ForkedClaimer:
        """A process that does what `python -m services.worker JOB_ID` does."""
        yard.disturbed = True
        yard.objects.mkdir(parents=True, exist_ok=True)
        order = {"job_id": job_id, "environment": claimer_environment(yard), "log": str(claimers_log(yard))}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        with contextlib.suppress(ProcessLookupError):
            return ForkedClaimer(os.pidfd_open(pid))
        return ForkedClaimer(None)


@contextlib.contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery; the claimers it has forked outlive it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.factories.claimers"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        yield Nursery(process)


def _serve() -> None:
    """Read orders, one a line; fork a claimer for each and say its number."""
    from services.worker import __main__ as worker  # noqa: PLC0415 - only a nursery needs it

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a claimer ended
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line), worker.main)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(order: dict[str, Any], main: Callable[[], object]) -> NoReturn:
    """Run the claimer in this process, and end it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
        os.dup2(target, stream)
    os.environ.update(order["environment"])
    sys.argv = ["services.worker", order["job_id"]]
    try:
        main()
    except BaseException:  # noqa: BLE001 - whatever it was, the log has it, and the nursery's code is not for us
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    _serve()
