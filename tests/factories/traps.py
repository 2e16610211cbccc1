"""Stops a coroutine at a chosen call, so that a test can kill its task there or let it go on late."""

import asyncio
from dataclasses import dataclass, field

import pytest


@dataclass
class Trap:
    """Springs once. `reached` is set when somebody is caught; `open` lets them go on."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0


def trap(
    patch: pytest.MonkeyPatch, owner: object, method: str, *, call: int = 1, after: bool = False, containing: str = ""
) -> Trap:
    """Catch the `call`-th call of a coroutine method, before or after it does its work.

    With `containing`, only calls with this in their first argument count.
    """
    caught, real = Trap(), getattr(owner, method)

    async def wrapper(*args: object, **options: object) -> object:
        caught.calls += containing in str(args[0]) if args else 1
        if caught.calls != call or caught.reached.is_set():
            return await real(*args, **options)
        result = await real(*args, **options) if after else None
        caught.reached.set()
        await caught.open.wait()
        return result if after else await real(*args, **options)

    patch.setattr(owner, method, wrapper)
    return caught


async def kill(task: "asyncio.Task[None]") -> None:
    """End a task as a killed process ends: it is cancelled again while it tries to tidy up."""
    for _ in range(4):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([task])
