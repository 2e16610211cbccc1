"""What every ImageDecoder promises."""

import asyncio
import io
import os
import random
import time
from pathlib import Path

import pytest
from PIL import Image

from shared.adapters.image_decoder.memory import MemoryImageDecoder
from shared.adapters.image_decoder.pillow import PillowImageDecoder
from shared.foundation.settings import MemoryDecoder, PillowDecoder
from shared.ports.image_decoder import Flaw, FlawKind, ImageDecoder
from tests.factories.broken import huge_png, noise
from tests.factories.odd_images import odd_images, saved, wrong_crc, zeroed

ODD = odd_images()
SOUND = ("jpeg", "png", "webp", "bmp", "tiff", "gif", "avif", "jp2", "png 16 gray", "png 16 rgb", "tiff float",
         "png palette", "jpeg cmyk", "jpeg and 5000 bytes", "png and 5000 bytes", "jpeg orientation 6", "9 x 9",
         "mpo", "png without its last byte")  # fmt: skip
FLAWED = {
    "jpeg half": FlawKind.TRUNCATED, "jpeg without its last byte": FlawKind.TRUNCATED, "jpeg zeroed": FlawKind.DAMAGED,
    "png half": FlawKind.TRUNCATED, "png wrong crc": FlawKind.CHECKSUM, "webp half": FlawKind.UNDECODABLE,
    "bmp half": FlawKind.DAMAGED, "tiff half": FlawKind.DAMAGED, "html": FlawKind.UNDECODABLE,
    "empty": FlawKind.UNDECODABLE, "196 megapixels": FlawKind.NOT_DECODED, "400 megapixels": FlawKind.NOT_DECODED,
}  # fmt: skip


class ImageDecoderContract:
    @pytest.fixture
    def decoder(self) -> ImageDecoder:
        raise NotImplementedError

    @pytest.fixture
    def impatient(self) -> ImageDecoder:
        """One that gives up after a hundredth of a second."""
        raise NotImplementedError

    @pytest.mark.parametrize("case", SOUND)
    async def test_a_sound_image(self, decoder: ImageDecoder, case: str):
        assert (await decoder.decode(ODD[case][1])).flaw is None

    @pytest.mark.parametrize(("case", "kind"), FLAWED.items())
    async def test_what_is_wrong(self, decoder: ImageDecoder, case: str, kind: FlawKind):
        flaw = (await decoder.decode(ODD[case][1])).flaw
        assert flaw is not None
        assert flaw.kind is kind
        assert 0 < len(flaw.reason) <= 300

    async def test_a_bad_image_costs_its_neighbours_nothing(self, decoder: ImageDecoder):
        good, bad = ODD["jpeg"][1], ODD["jpeg zeroed"][1]
        found = await asyncio.gather(*(decoder.decode(data) for data in (good, bad, b"", good, huge_png(9, 9), good)))
        assert [one.flaw is None for one in found] == [True, False, False, True, False, True]

    async def test_a_bomb_is_refused_before_it_is_decoded(self, decoder: ImageDecoder):
        started = time.monotonic()
        flaw = (await decoder.decode(ODD["400 megapixels"][1])).flaw
        assert flaw is not None
        assert flaw.kind is FlawKind.NOT_DECODED
        assert time.monotonic() - started < 5

    async def test_a_file_that_is_too_large(self, decoder: ImageDecoder):
        flaw = (await decoder.decode(bytes(decoder.most_bytes + 1))).flaw
        assert flaw == Flaw(FlawKind.NOT_DECODED, flaw.reason if flaw else "")

    async def test_a_deadline(self, impatient: ImageDecoder):
        data = saved("PNG", "RGB", size=(3000, 3000), compress_level=0)
        flaw = (await impatient.decode(data)).flaw
        assert flaw is not None
        assert flaw.kind is FlawKind.NOT_DECODED
        assert "longer than" in flaw.reason

    async def test_bytes_of_all_kinds(self, decoder: ImageDecoder):
        dice = random.Random(5)
        for name in ("jpeg", "png", "webp", "tiff", "avif", "jp2", "ico"):
            data = bytearray(ODD[name][1])
            for _ in range(6):
                data[dice.randrange(len(data))] = dice.randrange(256)
                decoded = await decoder.decode(bytes(data))
                assert decoded.flaw is None or decoded.likeness is None
        assert (await decoder.decode(noise(5000))).flaw is not None

    async def test_it_may_be_used_after_it_was_closed(self, decoder: ImageDecoder):
        await decoder.close()
        assert (await decoder.decode(ODD["png"][1])).flaw is None


class TestMemoryImageDecoder(ImageDecoderContract):
    @pytest.fixture
    def decoder(self):
        return MemoryImageDecoder(MemoryDecoder())

    @pytest.fixture
    def impatient(self):
        return MemoryImageDecoder(MemoryDecoder(seconds=0.01))


class TestPillowImageDecoder(ImageDecoderContract):
    @pytest.fixture
    async def decoder(self):
        decoder = PillowImageDecoder(PillowDecoder(processes=2))
        yield decoder
        await decoder.close()

    @pytest.fixture
    async def impatient(self):
        decoder = PillowImageDecoder(PillowDecoder(seconds=0.01))
        yield decoder
        await decoder.close()

    async def test_after_a_deadline_another_process_takes_over(self, impatient: PillowImageDecoder):
        large = saved("PNG", "RGB", size=(3000, 3000), compress_level=0)
        assert (await impatient.decode(large)).flaw is not None
        patient = PillowImageDecoder(PillowDecoder(seconds=20))
        try:
            assert (await patient.decode(large)).flaw is None
        finally:
            await patient.close()

    async def test_a_process_that_is_killed_is_replaced(self, decoder: PillowImageDecoder):
        assert (await decoder.decode(ODD["png"][1])).flaw is None
        for process in decoder._all:
            if process.running:
                os.kill(process.running.pid, 9)
        found = [(await decoder.decode(ODD["png"][1])).flaw for _ in range(4)]
        assert found[-1] is None
        assert all(flaw is None or flaw.kind is FlawKind.NOT_DECODED for flaw in found)

    async def test_a_call_that_is_given_up_does_not_answer_the_next(self, decoder: PillowImageDecoder):
        await decoder.decode(ODD["png"][1])
        asking = [asyncio.create_task(decoder.decode(ODD["html"][1])) for _ in range(2)]
        await asyncio.sleep(0)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert [(await decoder.decode(ODD["png"][1])).flaw for _ in range(3)] == [None] * 3

    async def test_its_memory_stays_bounded(self, decoder: PillowImageDecoder):
        out = io.BytesIO()
        Image.new("RGB", (6000, 6000)).save(out, "JPEG", progressive=True)
        assert (await decoder.decode(out.getvalue())).flaw is None
        pids = [process.running.pid for process in decoder._all if process.running]
        peaks = [_peak_kib(pid) for pid in pids]
        assert max(peaks) < 300 << 10

    def test_factories_make_what_they_say(self):
        assert wrong_crc(ODD["png"][1]) != ODD["png"][1] != zeroed(ODD["jpeg"][1])


def _peak_kib(pid: int) -> int:
    with Path(f"/proc/{pid}/status").open() as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])
