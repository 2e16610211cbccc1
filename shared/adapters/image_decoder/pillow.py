"""Images decoded by Pillow in processes of their own: one that hangs, or takes a decoder down, is killed with it."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from shared.foundation.settings import PillowDecoder
from shared.ports.image_decoder import Decoded, Flaw, FlawKind

_PROGRAM = Path(__file__).with_name("inspection.py")
_MEMORY_BYTES = 2 << 30
_IMAGES_OF_ONE_PROCESS = 5_000
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class _Lost(Exception):
    """The process ended without an answer."""


@dataclass(slots=True)
class _Process:
    """A decoder that is started when it is needed, and again after it was killed."""

    most_pixels: int
    running: asyncio.subprocess.Process | None = None
    images: int = 0

    async def ask(self, data: bytes) -> Decoded:
        """The decoder's answer. Raises _Lost."""
        child = self.running or await self._start()
        if child.stdin is None or child.stdout is None:
            raise _Lost
        self.images += 1
        try:
            child.stdin.write(len(data).to_bytes(8, "big"))
            child.stdin.write(data)
            await child.stdin.drain()
        except ConnectionError:
            raise _Lost from None
        if not (line := await child.stdout.readline()):
            raise _Lost
        seen = json.loads(line)
        flaw = Flaw(FlawKind(seen["kind"]), seen["reason"]) if seen["kind"] else None
        return Decoded(flaw, seen["likeness"])

    async def end(self) -> None:
        """Kill it."""
        child, self.running, self.images = self.running, None, 0
        if child is not None and child.returncode is None:
            child.kill()
        if child is not None:
            await child.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        self.running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_PROGRAM), str(self.most_pixels), str(_MEMORY_BYTES)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
        )
        return self.running


@dataclass(slots=True)
class PillowImageDecoder:
    """An ImageDecoder with a few processes, of which each decodes one image at a time."""

    settings: PillowDecoder
    _idle: "asyncio.Queue[_Process]" = field(init=False)
    _all: list[_Process] = field(init=False)

    def __post_init__(self) -> None:
        self._all = [_Process(self.settings.max_pixels) for _ in range(self.settings.processes)]
        self._idle = asyncio.Queue()
        for process in self._all:
            self._idle.put_nowait(process)

    @property
    def most_bytes(self) -> int:
        """The largest file that is decoded."""
        return self.settings.max_bytes

    @property
    def at_once(self) -> int:
        """One image for each process."""
        return self.settings.processes

    async def decode(self, data: bytes) -> Decoded:
        """What the image shows, as far as a process can tell before its deadline."""
        if len(data) > self.most_bytes:
            reason = f"it has {len(data)} bytes, and up to {self.most_bytes} are decoded"
            return Decoded(Flaw(FlawKind.NOT_DECODED, reason))
        process = await self._idle.get()
        try:
            return await self._ask(process, data)
        finally:
            self._idle.put_nowait(process)

    async def close(self) -> None:
        """Kill the processes."""
        for process in self._all:
            await process.end()

    async def _ask(self, process: _Process, data: bytes) -> Decoded:
        whole = False
        try:
            async with asyncio.timeout(self.settings.seconds):
                decoded = await process.ask(data)
            whole = process.images < _IMAGES_OF_ONE_PROCESS
        except TimeoutError:
            return Decoded(Flaw(FlawKind.NOT_DECODED, f"it took longer than {self.settings.seconds:g} seconds"))
        except _Lost:
            return Decoded(Flaw(FlawKind.NOT_DECODED, "the decoder did not survive it"))
        finally:
            if not whole:
                await process.end()
        return decoded
