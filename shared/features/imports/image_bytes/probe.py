"""What the first bytes of an image tell: whether it is one, its size in pixels, and what is odd about it."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.features.images.models import MemberPlace
from shared.formats.annotations.trainers.images import SMALLEST_SIDE
from shared.formats.archives.directory import Member
from shared.formats.findings import Finding
from shared.formats.images.ending import WHOLE, Ending, EndKind, end_mark, ending_by_head, ending_of
from shared.formats.images.exif import directory_offset
from shared.formats.images.header import ImageHeader, NeedMoreBytes, UnreadableImage
from shared.formats.images.odd import content_kind
from shared.formats.images.probe import probe_image

LONGEST_HEAD_BYTES = 16 << 20
"""How much of an image is read to measure it; one that says its size beyond that is kept unmeasured."""
_TELLS_GRAY = ("jpeg", "png")
DIRECTORY_BYTES = 64 << 10
"""How much is read of the directory of a TIFF that describes itself last: room for thousands of entries."""

_FORMAT_OF_ENDING = {
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "png": "png",
    "webp": "webp",
    "bmp": "bmp",
    "tif": "tiff",
    "tiff": "tiff",
    "mpo": "jpeg",
    "dng": "tiff",
    "heic": "heif",
}
_NOT_TRAINED_ON = {"gif": "GIF", "ppm": "PPM", "ico": "ICO", "tga": "TGA", "svg": "SVG"}
_USUAL_BITS = 8
# formats whose headers may reach beyond what is read of them
_LONG_HEADS = (
    (b"\xff\xd8", "jpeg"),
    (b"II", "tiff"),
    (b"MM", "tiff"),
    (b"RIFF", "webp"),
)


class LeftOut(Exception):
    """The image is not taken; a finding says why."""


# a tuple, like what else there is one of for every image
class ImageFacts(NamedTuple):
    """What is known of an image: where its bytes are, what they are, and what is `pending`.

    `content` is the kind of its content, None while nobody has looked. `is_damaged`: so that who verifies it notices.
    """

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
    content: str | None = None
    ending: EndKind = EndKind.WHOLE
    is_damaged: bool = False
    is_gray: bool | None = None
    """None for formats of which nobody looks."""
    fingerprint: int | None = None
    """A number that tells images with other first bytes, or of another size, from this one."""
    likeness: int | None = None
    """What it looks like, as `Decoded` has it; None where nobody has looked."""


class KeptBytes(NamedTuple):
    """Where the bytes of an image are, and what was learnt by reading them all."""

    size_bytes: int
    object_key: str | None = None
    member: MemberPlace | None = None
    sha256: str | None = None


class Measured(NamedTuple):
    """What was learnt of an image's content: its kind, how it ends, and its header where that can be read."""

    content: str
    header: ImageHeader | None = None
    ending: Ending = WHOLE


def facts_of(kept: KeptBytes, measured: Measured, findings: Sequence[Finding]) -> ImageFacts:
    """The facts of an image that `measure` has looked at; a hash that nobody has made yet is pending."""
    header = measured.header
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
        content=measured.content,
        ending=measured.ending.kind,
        is_gray=header.is_gray if header and header.format in _TELLS_GRAY else None,
    )


def measure(
    item: Member, head: bytes, findings: list[Finding], *, most_pixels: int, more_to_come: bool = False
) -> Measured:
    """What the head of an image says; it has no header where it is kept unmeasured.

    Raises LeftOut for what is no image, and NeedMoreBytes if the head is too short and there is `more_to_come`.
    """
    try:
        header = probe_image(head, complete=len(head) == item.size_bytes)
    except (UnreadableImage, NeedMoreBytes) as error:
        if more_to_come and isinstance(error, NeedMoreBytes):
            raise
        return _unmeasured(item, head, findings, error)
    measured = Measured(header.format, header, ending_by_head(header, head, item.size_bytes))
    findings.extend(_remarks(item.name, header, most_pixels))
    findings.extend(_on_content(item.name, header.format))
    findings.extend(_on_ending(item.name, measured.ending))
    return measured


def _unmeasured(item: Member, head: bytes, findings: list[Finding], error: Exception) -> Measured:
    """An image that is kept though its header is not read. Raises LeftOut for what is none."""
    kind = content_kind(head)
    if kind is None and isinstance(error, NeedMoreBytes) and error.at_least <= item.size_bytes:
        kind = next((name for magic, name in _LONG_HEADS if head.startswith(magic)), "")
    if kind is None:
        findings.append(Finding("IMG_UNREADABLE", item.name, f"Not taken: {_sentence(error)}."))
        raise LeftOut from error
    findings.extend(_on_content(item.name, kind))
    if kind not in _NOT_TRAINED_ON:
        findings.append(Finding("IMG_NOT_MEASURED", item.name, "It is kept; its width and height are not known."))
    return Measured(kind)


def with_end(
    item: Member, measured: Measured, head: bytes, findings: list[Finding], *, mark_at: int | None
) -> Measured:
    """The same, when it is known where in the file the last `end_mark` of its format is; None: nowhere."""
    header = measured.header
    if header is None or end_mark(header.format) is None:
        return measured
    ending = ending_of(header, head, item.size_bytes, mark_at=mark_at)
    if ending is WHOLE:
        return measured
    findings.extend(_on_ending(item.name, ending))
    return measured._replace(ending=ending)


def last_mark(measured: Measured, data: bytes) -> int | None:
    """Where the last end mark is in a whole file."""
    mark = end_mark(measured.header.format if measured.header else None)
    found = data.rfind(mark) if mark else -1
    return found if found >= 0 else None


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
    if header.orientation != 1:
        remarks.append(Finding("IMG_EXIF_ROTATED", name, f"Its EXIF orientation is {header.orientation}."))
    if header.bits > _USUAL_BITS or header.is_float:
        kind = "floating-point numbers" if header.is_float else "whole numbers"
        remarks.append(Finding("IMG_BITDEPTH", name, f"Its samples are {kind} of {header.bits} bits."))
    return remarks


def _on_content(name: str, kind: str) -> list[Finding]:
    """What to say of content of this kind under this name."""
    remarks: list[Finding] = []
    if kind in _NOT_TRAINED_ON:
        remarks.append(Finding("IMG_FORMAT", name, f"Its content is {_NOT_TRAINED_ON[kind]}."))
    ending = name.rpartition(".")[2].lower()
    if kind and _FORMAT_OF_ENDING.get(ending, ending) != kind:
        remarks.append(Finding("IMG_EXT_MISMATCH", name, f"Its content is {kind}."))
    return remarks


def _on_ending(name: str, ending: Ending) -> list[Finding]:
    """What to say of how a file ends."""
    count = "1 byte" if ending.count == 1 else f"{ending.count} bytes" if ending.count else "some bytes"
    if ending.kind is EndKind.CUT:
        return [Finding("IMG_TRUNCATED", name, f"The file ends before the image does: {count} missing.")]
    if ending.kind is EndKind.SHORT:
        return [Finding("IMG_DAMAGED", name, f"Of its pixels {count} are missing; trainers do not notice.")]
    if ending.kind is EndKind.FOLLOWED:
        return [Finding("IMG_TRAILING_BYTES", name, f"Behind the end of the image: {count} more.")]
    return []


def _sentence(error: Exception) -> str:
    """The reason as a sentence about the file."""
    reason = str(error)
    return f"it {reason}" if reason.startswith(("is ", "starts ")) else reason
