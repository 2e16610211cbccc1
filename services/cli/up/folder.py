"""The data folder of a yard: made, locked by one supervisor, and freed of what a killed one left running."""

import shlex
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from services.cli import state
from services.cli.failures import CliError

_PATIENCE_SECONDS = 15.0


def hold(data: Path) -> FileLock:
    """Make the folder and lock it until this process ends, however it ends (the kernel keeps the lock).

    Raises CliError that names the other instance when there is one.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / "logs").mkdir(exist_ok=True)
        lock = FileLock(data / "lock")
        lock.acquire(blocking=False)
    except Timeout as error:
        raise CliError(_in_use(data)) from error
    except OSError as error:
        raise CliError(f"The data folder {data} cannot be used: {error}.") from error
    return lock


def _in_use(data: Path) -> str:
    other = state.load(data)
    who = f" (pid {other.supervisor.pid}, {other.url})" if other else ""
    return (
        f"The data folder {data} is in use by another `datayard up`{who}. Use that one, stop it,"
        f" or start a second yard beside it: datayard up --data {shlex.quote(str(data))}-2 --port 8001"
    )


def end_leftovers(data: Path) -> list[str]:
    """End what a supervisor that was killed has left running; the names of what was found.

    Call with the folder locked. Only processes of the state file whose creation time agrees are touched.
    """
    left = state.load(data)
    found = {name: process for name, entry in (left.processes if left else {}).items() if (process := entry.process())}
    for process in found.values():
        _signal(process)
    _gone, alive = psutil.wait_procs(list(found.values()), timeout=_PATIENCE_SECONDS)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=_PATIENCE_SECONDS)
    state.remove(data)
    return list(found)


def _signal(process: psutil.Process, *, kill: bool = False) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return
