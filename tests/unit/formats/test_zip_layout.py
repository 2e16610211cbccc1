"""Zips and tars that are laid out from names, sizes and checksums alone, against the readers of others."""

import io
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.archives.tar_layout import BLOCK_BYTES, END, tar_header, tar_padding
from shared.formats.archives.zip_layout import StoredMember, directory_end, directory_record, local_header

GIB = 2**30
names = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0/\\"), min_size=1, max_size=150)


def laid_out(files: dict[str, bytes]) -> bytes:
    """A zip of these files, in order."""
    out, members = bytearray(), []
    for name, data in files.items():
        members.append(StoredMember(name, len(data), zlib.crc32(data), len(out)))
        out += local_header(name, len(data), zlib.crc32(data)) + data
    at = len(out)
    for member in members:
        out += directory_record(member)
    return bytes(out + directory_end(len(members), offset=at, size_bytes=len(out) - at))


@given(st.dictionaries(names, st.binary(max_size=300), max_size=8))
def test_python_reads_what_is_laid_out(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(laid_out(files))) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == files
        for info in archive.infolist():
            assert (info.compress_type, info.date_time, info.flag_bits) == (0, (1980, 1, 1, 0, 0, 0), 0x800)
            assert info.external_attr == 0o100644 << 16


def test_exact_bytes_of_a_small_zip() -> None:
    expected = """
        504b0304 1400 0008 0000 0000 2100 85114a0d 0b000000 0b000000 0500 0000 612e747874 68656c6c6f20776f726c64
        504b0102 1403 1400 0008 0000 0000 2100 85114a0d 0b000000 0b000000 0500 0000 0000 0000 0000 0000a481 00000000
        612e747874
        504b0506 0000 0000 0100 0100 33000000 2e000000 0000
    """
    assert laid_out({"a.txt": b"hello world"}) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("sizes", "wide"),
    [
        ([2**32 - 100], False),
        ([2**32 - 2], True),
        ([2**32 - 1], True),
        ([5 * GIB, GIB], True),
        ([3 * GIB, 3 * GIB, 3 * GIB], True),
    ],
)
def test_python_reads_the_directory_of_what_is_larger_than_4_gib(tmp_path: Path, sizes: list[int], wide: bool) -> None:
    """The members are holes of a sparse file; their checksums are made up."""
    path, members = tmp_path / "large.zip", []
    with path.open("wb") as file:
        for number, size in enumerate(sizes):
            members.append(StoredMember(f"{number}.bin", size, 7 + number, file.tell()))
            file.write(local_header(f"{number}.bin", size, 7 + number))
            file.seek(size, 1)
        at = file.tell()
        for member in members:
            file.write(directory_record(member))
        file.write(directory_end(len(members), offset=at, size_bytes=file.tell() - at))
    with zipfile.ZipFile(path) as archive:
        found = [(info.filename, info.file_size, info.CRC, info.header_offset) for info in archive.infolist()]
        assert found == [tuple(member) for member in members]
        for info in archive.infolist():
            with archive.open(info) as opened:  # its local header is read, and compared with the directory
                assert opened.read(3) == b"\0\0\0"
    with path.open("rb") as file:
        file.seek(at)
        assert (b"PK\x06\x06" in file.read()) is wide


def test_python_reads_a_directory_of_more_members_than_16_bits_count() -> None:
    count = 65_600
    data = laid_out({f"{number}": b"" for number in range(count)})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.infolist()) == count
        assert archive.infolist()[-1].filename == str(count - 1)


@given(st.dictionaries(names, st.binary(max_size=1500), max_size=6))
def test_python_reads_a_tar_that_is_laid_out(files: dict[str, bytes]) -> None:
    out = b"".join(tar_header(name, len(data)) + data + tar_padding(len(data)) for name, data in files.items()) + END
    assert len(out) % BLOCK_BYTES == 0
    with tarfile.open(fileobj=io.BytesIO(out), mode="r:", errorlevel=2) as archive:
        found = {member.name: archive.extractfile(member) for member in archive}
        assert {name: file.read() for name, file in found.items() if file} == files
        assert all((m.mtime, m.mode, m.uid, m.uname) == (0, 0o644, 0, "") for m in archive.getmembers())


def test_a_tar_member_of_more_than_8_gib() -> None:
    header = tar_header("a.bin", 9 * GIB)
    info = tarfile.TarInfo.frombuf(header[-BLOCK_BYTES:], "utf-8", "strict")
    assert b"size=" + str(9 * GIB).encode() in header or info.size == 9 * GIB
