"""The state file of a running yard, DIR/run.json: where it listens and which processes are its own."""

import os
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

STATE_FILE = "run.json"
_CLOCK_SLACK_SECONDS = 2.0


class ProcessRecord(BaseModel):
    """A process, and when it was created, so that a later process with the same number is not taken for it."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float

    def process(self) -> psutil.Process | None:
        """The process itself, or None when it is gone."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _CLOCK_SLACK_SECONDS
            alive = same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if alive else None


def record(pid: int) -> ProcessRecord | None:
    """What to note of the process `pid`, or None when it is gone already."""
    try:
        return ProcessRecord(pid=pid, created=psutil.Process(pid).create_time())
    except psutil.Error:
        return None


class YardState(BaseModel):
    """What a running yard says about itself."""

    url: str
    supervisor: ProcessRecord
    processes: dict[str, ProcessRecord] = {}
    ports: dict[str, int] = {}
    metrics: dict[str, str] = {}

    def save(self, data: Path) -> None:
        """Replace the state file of the yard in `data` in one step."""
        fresh = data / f"{STATE_FILE}.new"
        fresh.write_text(self.model_dump_json(indent=2) + "\n")
        fresh.replace(data / STATE_FILE)


def load(data: Path) -> YardState | None:
    """The state file of the yard in `data`; None when there is none that can be read."""
    try:
        return YardState.model_validate_json((data / STATE_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def remove(data: Path) -> None:
    """The yard in `data` has ended cleanly."""
    (data / STATE_FILE).unlink(missing_ok=True)


def own_record() -> ProcessRecord:
    """This process."""
    return ProcessRecord(pid=os.getpid(), created=psutil.Process().create_time())


def running_url(data: Path) -> str | None:
    """Where the yard in `data` listens, or None when it does not run."""
    state = load(data)
    return state.url if state and state.supervisor.process() else None
