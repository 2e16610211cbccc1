"""How files of images end, piece by piece, and what releases of ultralytics make of them: as was observed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.trainers.images import SeenImage, refusal, refusing
from shared.formats.annotations.trainers.ultralytics import RELEASES
from shared.formats.images.ending import Ending, EndKind, EndWatch, ending_of
from shared.formats.images.odd import content_kind
from shared.formats.images.probe import NeedMoreBytes, UnreadableImage, probe_image
from tests.factories.observed_images import ObservedImage, observed_images
from tests.factories.odd_images import odd_images, saved, turned

ENDS = {
    "jpeg": Ending(), "png": Ending(), "webp": Ending(), "bmp": Ending(), "tiff": Ending(), "mpo": Ending(),
    "jpeg half": Ending(EndKind.CUT), "jpeg without its last byte": Ending(EndKind.CUT),
    "jpeg and a byte": Ending(EndKind.FOLLOWED, 1), "jpeg and 5000 bytes": Ending(EndKind.FOLLOWED, 5000),
    "png half": Ending(EndKind.CUT), "png without its last byte": Ending(), "png and 5000 bytes": Ending(),
    "png without its last 12 bytes": Ending(EndKind.CUT), "webp without its last byte": Ending(EndKind.CUT, 1),
    "webp and a byte": Ending(), "bmp without its last 2 bytes": Ending(EndKind.SHORT, 2), "bmp and a byte": Ending(),
    "tiff half": Ending(), "jpeg zeroed": Ending(),
}  # fmt: skip


def ended(data: bytes, piece_bytes: int, head_bytes: int | None = None) -> Ending:
    watch = EndWatch()
    for at in range(0, len(data), piece_bytes):
        watch.feed(data[at : at + piece_bytes])
    head = data[:head_bytes]
    return ending_of(probe_image(head, complete=True), head, len(data), mark_at=watch.last)


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(("case", "expected"), ENDS.items())
def test_how_a_file_ends(case: str, expected: Ending, piece_bytes: int) -> None:
    assert ended(odd_images()[case][1], piece_bytes) == expected


def test_the_end_of_a_preview_is_not_the_end_of_the_image() -> None:
    preview = saved("JPEG", size=(16, 16))
    exif = turned(1)
    exif[0x010E] = "x" * 10
    data = saved("JPEG", exif=exif, size=(64, 48), comment=preview)
    assert data.count(b"\xff\xd9") >= 2
    assert ended(data[: len(data) // 2 + len(preview)], 11) in (Ending(EndKind.CUT), Ending())
    assert ended(data[:-2], 5) == Ending(EndKind.CUT)
    assert ended(data + b"\0", 5) == Ending(EndKind.FOLLOWED, 1)


@given(st.binary(max_size=200), st.sampled_from(sorted(ENDS)), st.integers(0, 400), st.integers(1, 50))
def test_any_bytes_have_some_end(noise: bytes, case: str, cut: int, piece_bytes: int) -> None:
    data = odd_images()[case][1]
    data = data[: len(data) - cut] + noise
    try:
        found = ended(data, piece_bytes)
    except (UnreadableImage, NeedMoreBytes):
        return
    assert found.count >= 0
    assert ended(data, len(data)) == found
    content_kind(data)


@pytest.mark.parametrize("observed", observed_images(), ids=lambda one: one.name)
def test_the_model_agrees_with_what_was_observed(observed: ObservedImage) -> None:
    name, data = odd_images()[observed.name]
    seen = _seen(name, data, damaged=observed.name == "png wrong crc")
    for release in RELEASES:
        said = observed.said_by(release)
        assert (refusal(seen, release) is not None) == (said == "dropped"), release
        assert (release in refusing(seen)) == (said == "dropped"), release
        assert said == "dropped" or seen.has_trailing_bytes == (said == "rewritten"), release


def _seen(name: str, data: bytes, *, damaged: bool) -> SeenImage:
    ending = name.rpartition(".")[2]
    try:
        header = probe_image(data, complete=True)
    except UnreadableImage:
        return SeenImage(ending, content_kind(data))
    watch = EndWatch()
    watch.feed(data)
    end = ending_of(header, data, len(data), mark_at=watch.last)
    return SeenImage(
        ending, header.format, header.width, header.height, end.kind is EndKind.CUT or damaged,
        end.kind is EndKind.FOLLOWED,
    )  # fmt: skip


def test_endings_that_came_later() -> None:
    assert refusal(SeenImage("heic", "jpeg", 20, 20), "8.3.0") == "IMG_FORMAT"
    assert refusal(SeenImage("heic", "jpeg", 20, 20), "8.3.60") is None
    assert refusal(SeenImage("heic", "heif"), "8.4.0") == "IMG_FORMAT"
    assert refusal(SeenImage("heic", "heif"), "8.4.60") is None
    assert refusal(SeenImage("gif", "gif", 20, 20), "8.4.190") == "IMG_FORMAT"
