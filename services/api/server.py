"""uvicorn, told to end live streams before it waits for the requests that are under way."""

import socket
import sys
from collections.abc import Callable

import uvicorn

_GRACE_SECONDS = 8
_START_FAILED = 3


class Server(uvicorn.Server):
    """Calls `before_shutdown` as soon as it is to stop; without it a stream would keep it waiting for ever."""

    def __init__(self, config: uvicorn.Config, *, before_shutdown: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open, then stop."""
        self._before_shutdown()
        await super().shutdown(sockets)


def serve(config: uvicorn.Config, *, before_shutdown: Callable[[], None]) -> None:
    """Serve until told to stop; what is under way then has a few seconds to end."""
    config.timeout_graceful_shutdown = _GRACE_SECONDS
    server = Server(config, before_shutdown=before_shutdown)
    server.run()
    if not server.started:
        sys.exit(_START_FAILED)
