"""One image on its way from the archive to the store: hashed, measured, and kept under its content's hash."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from shared.features.images.service import dataset_prefix
from shared.features.imports.manifest import temp_prefix
from shared.features.imports.members import OpenMember
from shared.features.imports.models import ShardLease
from shared.features.jobs.models import Job
from shared.formats.findings import Finding
from shared.formats.images.header import ImageHeader, NeedMoreBytes, UnreadableImage
from shared.formats.images.probe import probe_image
from shared.foundation.settings import LimitSettings
from shared.foundation.streams import HashingStream
from shared.ports.object_store import ObjectStore

Report = Callable[[Finding], None]

_IN_MEMORY_BYTES = 8 << 20
_HEAD_BYTES = 256 << 10
_LONGEST_HEAD_BYTES = 64 << 20
_SMALLEST_SIDE = 10
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
    """What is known of an image once its bytes have passed."""

    object_key: str
    size_bytes: int
    sha256: str
    width: int | None
    height: int | None
    format: str | None
    orientation: int
    findings: int


class ImageWriter:
    """Writes the images of one shard, as long as a claimer has it."""

    def __init__(self, store: ObjectStore, job: Job, lease: ShardLease, limits: LimitSettings) -> None:
        self._store = store
        self._prefix = f"{dataset_prefix(job.dataset_id)}images/"
        self._temp = f"{temp_prefix(job.id)}large/{lease.index}-{lease.token}-"
        self._limits = limits

    async def write(self, member: OpenMember, report: Report) -> ImageFacts:
        """Store the image. Raises BrokenMember, and LeftOut for what is no image; then nothing is stored."""
        findings: list[Finding] = []
        try:
            if member.item.size_bytes <= _IN_MEMORY_BYTES:
                return await self._write_small(member, findings)
            return await self._write_large(member, findings)
        finally:
            for finding in findings:
                report(finding)

    async def _write_small(self, member: OpenMember, findings: list[Finding]) -> ImageFacts:
        data = await member.whole()
        header = self._measured(member, data, findings)
        sha256 = hashlib.sha256(data).hexdigest()
        key = self._key(sha256, header)
        await self._store.put(key, data)
        return _facts(key, len(data), sha256, header, findings)

    async def _write_large(self, member: OpenMember, findings: list[Finding]) -> ImageFacts:
        """Its hash, and so its key, is known only when it has passed: it takes a temporary key meanwhile."""
        temporary = f"{self._temp}{member.item.header_offset:x}"
        head = bytearray()
        stream = HashingStream(_with_head(member.pieces(), head))
        await self._store.write(temporary, aiter(stream))
        try:
            header = self._measured(member, await self._enough(temporary, bytes(head)), findings)
        except LeftOut:
            await self._store.delete(temporary)
            raise
        key = self._key(stream.hexdigest(), header)
        await self._store.move(temporary, key)
        return _facts(key, stream.size_bytes, stream.hexdigest(), header, findings)

    async def _enough(self, key: str, head: bytes) -> bytes:
        """So much of a large image that it can be measured, up to a limit: TIFFs may describe themselves last."""
        stored = (await self._store.stat(key)).size_bytes
        while wanted := _wanted_bytes(head):
            if wanted > min(stored, _LONGEST_HEAD_BYTES):
                break
            end = min(stored, max(wanted, 2 * len(head)))
            head = b"".join([chunk async for chunk in self._store.read(key, end=end)])
        return head

    def _key(self, sha256: str, header: ImageHeader | None) -> str:
        return f"{self._prefix}{sha256[:2]}/{sha256}{'.' + header.format if header else ''}"

    def _measured(self, member: OpenMember, head: bytes, findings: list[Finding]) -> ImageHeader | None:
        name, size_bytes = member.item.name, member.item.size_bytes
        try:
            header = probe_image(head, complete=len(head) == size_bytes)
        except (UnreadableImage, NeedMoreBytes) as error:
            beyond = isinstance(error, NeedMoreBytes) and error.at_least <= size_bytes
            if beyond or _is_unmeasured(name, head):
                findings.append(Finding("IMG_NOT_MEASURED", name, "It is kept; its width and height are not known."))
                return None
            findings.append(Finding("IMG_UNREADABLE", name, f"Not taken: {_sentence(error)}."))
            raise LeftOut from error
        findings.extend(self._remarks(name, header))
        return header

    def _remarks(self, name: str, header: ImageHeader) -> list[Finding]:
        remarks: list[Finding] = []
        size = f"{header.width} x {header.height} pixels"
        if min(header.width, header.height) < _SMALLEST_SIDE:
            remarks.append(Finding("IMG_TOO_SMALL", name, f"It has {size}."))
        if header.width * header.height > self._limits.max_image_pixels:
            remarks.append(Finding("IMG_TOO_LARGE", name, f"It claims {size}."))
        if header.format == "gif":
            remarks.append(Finding("IMG_FORMAT", name, "Its content is GIF."))
        ending = name.rpartition(".")[2].lower()
        if _FORMAT_OF_ENDING.get(ending, ending) != header.format:
            remarks.append(Finding("IMG_EXT_MISMATCH", name, f"Its content is {header.format}."))
        if header.orientation != 1:
            remarks.append(Finding("IMG_EXIF_ROTATED", name, f"Its EXIF orientation is {header.orientation}."))
        return remarks


def _wanted_bytes(head: bytes) -> int:
    """How long the head must be to be measured; 0 when it is long enough, or no image."""
    try:
        probe_image(head)
    except NeedMoreBytes as more:
        return more.at_least
    except UnreadableImage:
        return 0
    return 0


async def _with_head(pieces: AsyncIterator[bytes], head: bytearray) -> AsyncIterator[bytes]:
    async for piece in pieces:
        if len(head) < _HEAD_BYTES:
            head += piece[: _HEAD_BYTES - len(head)]
        yield piece


def _sentence(error: Exception) -> str:
    """The reason as a sentence about the file."""
    reason = str(error)
    return f"it {reason}" if reason.startswith(("is ", "starts ")) else reason


def _is_unmeasured(name: str, head: bytes) -> bool:
    at, mark = _UNMEASURED.get(name.rpartition(".")[2].lower(), (0, b"\0never"))
    return head[at : at + len(mark)] == mark


def _facts(key: str, size_bytes: int, sha256: str, header: ImageHeader | None, findings: list[Finding]) -> ImageFacts:
    return ImageFacts(
        object_key=key,
        size_bytes=size_bytes,
        sha256=sha256,
        width=header.width if header else None,
        height=header.height if header else None,
        format=header.format if header else None,
        orientation=header.orientation if header else 1,
        findings=len(findings),
    )
