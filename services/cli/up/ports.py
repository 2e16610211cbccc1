"""Ports of the parts of a yard: kept from start to start while they are free, all on loopback."""

import json
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from services.cli.failures import CliError

_FILE = "ports.json"
# Below the range from which Linux takes the ports of outgoing connections, so that they stay free while we are away.
_FIRST, _LAST = 20_000, 32_000
_TRIES = 200


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def candidates() -> Iterator[int]:
    """Ports to try, in random order."""
    for _ in range(_TRIES):
        yield random.randint(_FIRST, _LAST)  # noqa: S311 - spreads, keeps no secret


def choose(preferred: int | None, *, taken: set[int], free: Callable[[int], bool] = is_free) -> int:
    """`preferred` if it can be had, else another port that is free and not in `taken`."""
    options = candidates() if preferred is None else (preferred, *candidates())
    for port in options:
        if port not in taken and free(port):
            return port
    raise CliError("No free port found on 127.0.0.1 between 20000 and 32000.")


class PortBook:
    """The ports of one yard by the name of its parts; `close` writes them down for the next start."""

    def __init__(self, data: Path) -> None:
        self._file = data / _FILE
        self._remembered = _read(self._file)
        self.chosen: dict[str, int] = {}

    def take(self, name: str) -> int:
        """The port of the part `name`: last time's if it is free."""
        port = choose(self._remembered.get(name), taken=set(self.chosen.values()))
        self.chosen[name] = port
        return port

    def note(self, name: str, port: int) -> None:
        """The part `name` uses a port that was chosen elsewhere."""
        self.chosen[name] = port

    def close(self) -> None:
        """Remember the choices; a part that did not run this time keeps its place."""
        self._file.write_text(json.dumps({**self._remembered, **self.chosen}, indent=2) + "\n")


def _read(file: Path) -> dict[str, int]:
    try:
        found: object = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {str(k): v for k, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}


def check_free(host: str, port: int) -> None:
    """Raises CliError that names the port, who has it as far as can be seen, and what to do."""
    if is_free(port, host):
        return
    raise CliError(
        f"Port {port} on {host} is in use{_holder(port)}. Stop that program, or take another port:"
        f' datayard up --port {port + 1 if port < 65535 else 8000}  (make run ARGS="--port …").'
    )


def _holder(port: int) -> str:
    try:
        holder = next(
            (c.pid for c in psutil.net_connections("tcp") if c.pid and _listens(c.status, c.laddr, port)), None
        )
        return f" by {psutil.Process(holder).name()} (pid {holder})" if holder else ""
    except psutil.Error:  # macOS shows connections of others to root only
        return ""


def _listens(status: str, address: tuple[object, ...], port: int) -> bool:
    return status == psutil.CONN_LISTEN and address[1:2] == (port,)
