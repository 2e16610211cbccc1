"""What the first bytes of an image tell: whether it is one, its size in pixels, and what is odd about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.features.images.models import MemberPlace
from shared.formats.archives.directory import Member
from shared.formats.findings import Finding
from shared.formats.images.exif import directory_offset
from shared.formats.images.header import ImageHeader, NeedMoreBytes, UnreadableImage
from shared.formats.images.probe import probe_image

LONGEST_HEAD_BYTES = 16 << 20
"""How much of an image is read to measure it; one that says its size beyond that is kept unmeasured."""
DIRECTORY_BYTES = 64 << 10
"""How much is read of the directory of a TIFF that describes itself last: room for thousands of entries."""

SMALLEST_SIDE = 10
"""Pixels below which trainers refuse an image."""
_FORMAT_OF_ENDING = {
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "png": "png",
    "webp": "webp",
    "bmp": "bmp",
    "tif": "tiff",
    "tiff": "tiff",
}
# kept as they are, though their headers are not read: AVIF and HEIF (ISO 14496-12 `ftyp`), JPEG 2000 (15444-1 I.5.1)
_UNMEASURED = {"avif": (4, b"ftyp"), "heic": (4, b"ftyp"), "heif": (4, b"ftyp"), "jp2": (4, b"jP  \r\n\x87\n")}


class LeftOut(Exception):
    """The image is not taken; a finding says why."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of an image: where its bytes are, what they are, and what is `pending`."""

    size_bytes: int
    object_key: str | None = None
    member: MemberPlace | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    orientation: int = 1
    findings: int = 0
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """Where the bytes of an image are, and what was learnt by reading them all."""

    size_bytes: int
    object_key: str | None = None
    member: MemberPlace | None = None
    sha256: str | None = None


def facts_of(kept: KeptBytes, header: ImageHeader | None, findings: Sequence[Finding]) -> ImageFacts:
    """The facts of an image that `measure` has looked at; a hash that nobody has made yet is pending."""
    return ImageFacts(
        size_bytes=kept.size_bytes,
        object_key=kept.object_key,
        member=kept.member,
        sha256=kept.sha256,
        width=header.width if header else None,
        height=header.height if header else None,
        format=header.format if header else None,
        orientation=header.orientation if header else 1,
        findings=len(findings),
        pending=() if kept.sha256 else ("sha256",),
    )


def measure(
    item: Member, head: bytes, findings: list[Finding], *, most_pixels: int, more_to_come: bool = False
) -> ImageHeader | None:
    """The header of an image; None for one that is kept unmeasured.

    Raises LeftOut for what is no image, and NeedMoreBytes if the head is too short and there is `more_to_come`.
    """
    try:
        header = probe_image(head, complete=len(head) == item.size_bytes)
    except (UnreadableImage, NeedMoreBytes) as error:
        if more_to_come and isinstance(error, NeedMoreBytes):
            raise
        beyond = isinstance(error, NeedMoreBytes) and error.at_least <= item.size_bytes
        if beyond or _is_unmeasured(item.name, head):
            findings.append(Finding("IMG_NOT_MEASURED", item.name, "It is kept; its width and height are not known."))
            return None
        findings.append(Finding("IMG_UNREADABLE", item.name, f"Not taken: {_sentence(error)}."))
        raise LeftOut from error
    findings.extend(_remarks(item.name, header, most_pixels))
    return header


def wanted_bytes(head: bytes) -> int:
    """How long the head must be to be measured; 0 when it is long enough, or no image."""
    try:
        probe_image(head)
    except NeedMoreBytes as more:
        return more.at_least
    except UnreadableImage:
        return 0
    return 0


def far_directory(head: bytes, size_bytes: int) -> int | None:
    """Where in a file of that size a TIFF describes itself, if that is behind `head`; None for any other image."""
    offset = directory_offset(head)
    return offset if offset is not None and len(head) < offset + DIRECTORY_BYTES and offset < size_bytes else None


def _remarks(name: str, header: ImageHeader, most_pixels: int) -> list[Finding]:
    remarks: list[Finding] = []
    size = f"{header.width} x {header.height} pixels"
    if min(header.width, header.height) < SMALLEST_SIDE:
        remarks.append(Finding("IMG_TOO_SMALL", name, f"It has {size}."))
    if header.width * header.height > most_pixels:
        remarks.append(Finding("IMG_TOO_LARGE", name, f"It claims {size}."))
    if header.format == "gif":
        remarks.append(Finding("IMG_FORMAT", name, "Its content is GIF."))
    ending = name.rpartition(".")[2].lower()
    if _FORMAT_OF_ENDING.get(ending, ending) != header.format:
        remarks.append(Finding("IMG_EXT_MISMATCH", name, f"Its content is {header.format}."))
    if header.orientation != 1:
        remarks.append(Finding("IMG_EXIF_ROTATED", name, f"Its EXIF orientation is {header.orientation}."))
    return remarks


def _sentence(error: Exception) -> str:
    """The reason as a sentence about the file."""
    reason = str(error)
    return f"it {reason}" if reason.startswith(("is ", "starts ")) else reason


def _is_unmeasured(name: str, head: bytes) -> bool:
    at, mark = _UNMEASURED.get(name.rpartition(".")[2].lower(), (0, b"\0never"))
    return head[at : at + len(mark)] == mark
