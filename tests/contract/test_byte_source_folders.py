"""Trees on a disk: links, devices, names, rights, and what is put there after the listing."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from shared.adapters.byte_source import folder_walk
from shared.adapters.byte_source.beneath import Beneath, LeadsOutside
from shared.ports.byte_source import (
    SourceChanged,
    SourceDenied,
    TreeFile,
    UnreadableEntry,
    UnreadableReason,
)
from tests.contract.test_byte_source_trees import FolderPlace, listed, opened
from tests.factories.source_reads import content


@pytest.fixture
def folder(tmp_path) -> FolderPlace:
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "tree" / "a" / "1").write_bytes(b"first")
    (tmp_path / "outside").write_bytes(b"secret")
    return FolderPlace(tmp_path / "tree")


async def entries(place: FolderPlace) -> dict[str, object]:
    """Size of what can be read, reason of what cannot."""
    found = [entry async for entry in place.sources.list_tree(place.uri)]
    return {entry.name: entry.size_bytes if isinstance(entry, TreeFile) else entry.reason for entry in found}


async def test_links_inside_are_followed(folder):
    (folder.root / "b").symlink_to("a")
    (folder.root / "c").symlink_to(folder.root / "a" / "1")
    assert await entries(folder) == {"a/1": 5, "b/1": 5, "c": 5}
    source = opened(folder, await listed(folder))
    assert await content(source) == b"first" * 3
    assert await source.read_spans([(3, 12)]) == [b"stfirstfi"]


async def test_a_root_may_be_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder.root)
    place = FolderPlace(tmp_path / "link")
    assert await content(opened(place, await listed(place))) == b"first"


async def test_loops_of_links_are_cut(folder):
    (folder.root / "a" / "up").symlink_to("..")
    (folder.root / "a" / "here").symlink_to(".")
    (folder.root / "self").symlink_to("self")
    assert await entries(folder) == {
        "a/1": 5,
        "a/here/": UnreadableReason.LINK_LOOP,
        "a/up/": UnreadableReason.LINK_LOOP,
        "self": UnreadableReason.LINK_LOOP,
    }


async def test_folders_that_all_link_to_each_other_end_in_time(folder, monkeypatch):
    monkeypatch.setattr(folder_walk, "MOST_FOLDER_LINKS", 100)
    for number in range(12):
        (folder.root / str(number)).mkdir()
        for other in range(12):
            (folder.root / str(number) / f"to{other}").symlink_to(f"../{other}")
    reasons = list((await entries(folder)).values())
    assert reasons.count(5) == 1
    assert {UnreadableReason.LINK_LOOP, UnreadableReason.TOO_MANY_LINKS} == set(reasons) - {5}


async def test_links_that_leave_or_lead_nowhere_are_reported(folder):
    (folder.root / "out").symlink_to("../outside")
    (folder.root / "out-folder").symlink_to("..")
    (folder.root / "root").symlink_to("/")
    (folder.root / "gone").symlink_to("nothing")
    assert await entries(folder) == {
        "a/1": 5,
        "gone": UnreadableReason.LINK_BROKEN,
        "out": UnreadableReason.LINK_OUTSIDE,
        "out-folder/": UnreadableReason.LINK_OUTSIDE,
        "root/": UnreadableReason.LINK_OUTSIDE,
    }


async def test_pipes_sockets_and_devices_are_reported_and_not_waited_for(folder):
    os.mkfifo(folder.root / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder.root / "socket"))
        found = await entries(folder)
    assert found == {"a/1": 5, "pipe": UnreadableReason.DEVICE, "socket": UnreadableReason.DEVICE}


async def test_names_that_are_not_text_are_reported(folder):
    (folder.root / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    found = [entry async for entry in folder.sources.list_tree(folder.uri)]
    assert UnreadableEntry("caf\\xe9.jpg", UnreadableReason.NAME) in found


async def test_a_file_that_may_not_be_read_is_reported(folder, monkeypatch):
    (folder.root / "mine").write_bytes(b"1")
    (folder.root / "mine").chmod(0)
    if os.geteuid() == 0:  # who may read everything
        monkeypatch.setattr(os, "access", lambda path, _mode: not path.endswith("mine"))
    assert await entries(folder) == {"a/1": 5, "mine": UnreadableReason.DENIED}


async def test_a_folder_that_cannot_be_listed_is_reported(folder, monkeypatch):
    def refuse(path):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", refuse)
    (folder.root / "b").write_bytes(b"1")
    assert await entries(folder) == {"a/": UnreadableReason.DENIED, "b": 1}
    monkeypatch.setattr(os, "scandir", lambda path: refuse("/a"))
    with pytest.raises(SourceDenied):
        await entries(folder)


async def test_a_link_put_in_place_of_a_listed_file_leads_nowhere(folder):
    files = await listed(folder)
    (folder.root / "a" / "1").unlink()
    (folder.root / "a" / "1").symlink_to("../../outside")
    source = opened(folder, files)
    with pytest.raises(SourceDenied, match="leaves the directory"):
        await content(source)
    with pytest.raises(SourceDenied, match="leaves the directory"):
        await source.read_spans([(0, 5)])


async def test_a_link_put_in_place_of_a_listed_folder_leads_nowhere(folder, tmp_path):
    files = await listed(folder)
    (folder.root / "a").rename(tmp_path / "moved")
    (folder.root / "a").symlink_to("../moved")
    source = opened(folder, files)
    with pytest.raises(SourceDenied, match="leaves the directory"):
        await content(source)
    with pytest.raises(SourceDenied, match="leaves the directory"):
        await source.read_spans([(0, 5)])


async def test_a_pipe_put_in_place_of_a_listed_file_is_not_waited_for(folder):
    files = await listed(folder)
    (folder.root / "a" / "1").unlink()
    os.mkfifo(folder.root / "a" / "1")
    with pytest.raises(SourceChanged):
        await opened(folder, files).read_spans([(0, 5)])


def test_a_link_swapped_in_after_the_check_is_not_followed(folder, tmp_path, monkeypatch):
    root = str(folder.root.resolve())
    with Beneath(root) as beneath:
        os.close(beneath.open("a/1"))
        with pytest.raises(LeadsOutside):
            beneath._enter("..")
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "1").write_bytes(b"secret")

    def swap_and_open(path, flags, **options):
        if path == "a":
            (folder.root / "a").rename(folder.root / "was-a")
            (folder.root / "a").symlink_to(tmp_path / "moved")
        return open_(path, flags, **options)

    open_ = os.open
    monkeypatch.setattr(os, "open", swap_and_open)
    with Beneath(root) as beneath, pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        beneath.open("a/1")


async def test_a_large_folder_is_listed_in_passes(folder, monkeypatch):
    names = [f"{number:03d}" for number in range(500)]
    for name in names:
        (folder.root / name).write_bytes(b"")
    scans = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: scans.append(path) or scandir(path))
    assert list(folder_walk.sorted_parts(str(folder.root), at_once=100)) == [*names, "a/"]
    assert len(scans) == 5
    assert list(folder_walk.sorted_parts(str(folder.root), at_once=251)) == [*names, "a/"]
    assert len(scans) == 6


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
async def test_few_files_are_open_at_once_and_none_afterwards(folder):
    for number in range(300):
        (folder.root / "a" / f"{number:03d}").write_bytes(bytes(10))
    (folder.root / "a" / "large").write_bytes(bytes(3 * 2**20))
    before, most = _open_files(), []
    source = opened(folder, await listed(folder))
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            most.append(_open_files())
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    await content(source)
    await source.read_spans([(at, at + 15) for at in range(0, 2900, 5)])
    stop.set()
    watcher.join()
    assert before < max(most) <= before + 8
    chunks = source.read(3010, None)
    await anext(chunks)
    await chunks.aclose()
    await source.close()
    assert _open_files() == before


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
