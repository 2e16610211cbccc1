"""Images decoded by Pillow in this process; for tests, and for few images that are known to be harmless."""

import asyncio
from dataclasses import dataclass

from shared.adapters.image_decoder.inspection import inspect
from shared.foundation.settings import MemoryDecoder
from shared.ports.image_decoder import Decoded, Flaw, FlawKind


@dataclass(frozen=True, slots=True)
class MemoryImageDecoder:
    """An ImageDecoder in a thread. One that hangs is given up at its deadline, but hangs on."""

    settings: MemoryDecoder

    @property
    def most_bytes(self) -> int:
        """The largest file that is decoded."""
        return self.settings.max_bytes

    @property
    def at_once(self) -> int:
        """One: threads would only wait for each other."""
        return 1

    async def decode(self, data: bytes) -> Decoded:
        """What the image shows."""
        if len(data) > self.most_bytes:
            reason = f"it has {len(data)} bytes, and up to {self.most_bytes} are decoded"
            return Decoded(Flaw(FlawKind.NOT_DECODED, reason))
        looking = asyncio.to_thread(inspect, data, most_pixels=self.settings.max_pixels)
        try:
            seen = await asyncio.wait_for(looking, self.settings.seconds)
        except TimeoutError:
            return Decoded(Flaw(FlawKind.NOT_DECODED, f"it took longer than {self.settings.seconds:g} seconds"))
        flaw = Flaw(FlawKind(seen.kind), seen.reason) if seen.kind else None
        return Decoded(flaw, seen.likeness)

    async def close(self) -> None:
        """Nothing was started."""
