"""What `datayard up` was asked for, checked."""

import ipaddress
import shutil
from dataclasses import dataclass
from pathlib import Path

from services.cli.failures import CliError, Exit

_LEAST_FREE_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `datayard up` was asked for; `data` is absolute, `port` 0 takes a free one."""

    host: str
    port: int
    data: Path
    workers: int
    demo: bool
    allow_private_sources: bool


def check_host(host: str) -> None:
    """Raises CliError for an address that other machines could reach."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise CliError(
            f"--host {host} is refused: without sign-in, whoever reaches the yard owns it, so it listens on loopback"
            " only (127.0.0.1). To use it from elsewhere, forward the port: ssh -L 8000:127.0.0.1:8000 THIS_MACHINE",
            exit_code=Exit.USAGE,
        )


def check_space(data: Path) -> None:
    """Raises CliError when the disk of `data` is nearly full: MongoDB stops hard when it runs out."""
    free = shutil.disk_usage(data).free
    if free < _LEAST_FREE_BYTES:
        raise CliError(
            f"The disk of {data} is nearly full: {free / 2**20:.0f} MiB are free, a yard needs at least 1 GiB."
            " Free some space, or name a folder on another disk with --data DIR."
        )
