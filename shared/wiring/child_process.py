"""Processes of our own that answer one question after the other, and can be killed at any moment."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

_CONTEXT = multiprocessing.get_context("spawn")  # a fork would take threads' locks and open connections along
_PATIENCE_SECONDS = 5.0


class ChildLost(Exception):
    """The process ended without an answer."""


class ChildProcess:
    """A process that runs `serve(connection, *given)`, which should answer all that `questions` gives.

    It ends with this process, even if that is killed, and in the middle of its work.
    """

    def __init__(self, serve: Callable[..., None], *given: object) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=serve, args=(theirs, *given), daemon=True)
        self._process.start()
        theirs.close()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="child")

    async def ask(self, question: object) -> object:
        """The answer. Raises ChildLost. Once this was cancelled, the process is of no use any more: kill it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._exchange, question)

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join(_PATIENCE_SECONDS)
        self._thread.shutdown(wait=True)  # its thread has met the end of the connection
        self._connection.close()

    def _exchange(self, question: object) -> object:
        try:
            self._connection.send(question)
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise ChildLost from error


def _nothing() -> None:
    return


def questions(connection: Connection, *, orphaned: Callable[[], None] = _nothing) -> Iterator[object]:
    """What the process is asked, until nobody is there to ask. Ctrl-C is for whoever started it.

    When that process is killed, `orphaned` is called, in a thread, and this one ends in the middle of its work.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(orphaned,), daemon=True).start()
    while True:
        with contextlib.suppress(EOFError, OSError):
            yield connection.recv()
            continue
        return


def _end_with_parent(orphaned: Callable[[], None]) -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    try:
        orphaned()
    finally:
        os._exit(1)  # nobody waits for what this process does
