"""Uploads over real connections: cut in mid-piece, by several senders, to an API that is killed, by the command."""

import asyncio
import filecmp
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.factories.api_process import api_process
from tests.factories.archives import zip_of
from tests.factories.broken import messy_members
from tests.factories.claimers import ROOT
from tests.factories.door import open_door
from tests.factories.tcp_proxy import tcp_proxy
from tests.factories.uploads import UNIT, Sender, announce, crc32c, data_of, opened, received
from tests.factories.yard import Yard


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of 24 MiB: two pieces of the command's, many of ours."""
    filler = {f"notes/{number}.bin": os.urandom(2**20) for number in range(24)}
    return zip_of(tmp_path / "messy.zip", {**messy_members(), **filler})


async def broken_off(url: str, data: bytes, *, start: int, end: int, total: int) -> None:
    """Send less than was said, and go."""
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    head += [f"Content-Range: bytes {start}-{end - 1}/{total}", f"Content-Length: {end - start}", "", ""]
    writer.write("\r\n".join(head).encode() + data)
    await writer.drain()
    writer.transport.abort() if start % 2 else writer.close()


async def until(sender: Sender, there: int) -> None:
    """Ask until so many bytes are there: what was sent on a broken connection takes a moment to be read."""
    async with asyncio.timeout(10):
        while received(await sender.ask()) < there:  # noqa: ASYNC110 - a file tells no one
            await asyncio.sleep(0.02)


async def test_what_came_of_a_broken_piece_is_kept(quiet_yard: Yard) -> None:
    data = data_of(6 * UNIT + 77)
    async with open_door(quiet_yard) as door:
        _, sender = await opened(door.http, len(data))
        await broken_off(sender.url, data[: 2 * UNIT + 99], start=0, end=5 * UNIT, total=len(data))
        await until(sender, 2 * UNIT)
        await broken_off(sender.url, data[2 * UNIT : 3 * UNIT + 1], start=2 * UNIT, end=len(data), total=len(data))
        await until(sender, 3 * UNIT)
        answer = await sender.send_rest(data, start=3 * UNIT, piece=2 * UNIT)
    assert answer.json()["crc32c"] == crc32c(data)
    [name] = [name for name in quiet_yard.stored() if name.startswith("incoming/")]
    assert (quiet_yard.objects / name).read_bytes() == data


async def test_two_clients_on_one_session(quiet_yard: Yard) -> None:
    """Both send everything, piece by piece, at once: there is one object, and one import."""
    data = data_of(12 * UNIT + 5)
    async with open_door(quiet_yard) as door:
        made = await announce(door.http, "a.zip", len(data))

        async def client(piece: int) -> int:
            sender, start = Sender(door.http, made["session_url"], len(data)), 0
            while True:
                answer = await sender.send(data[start : start + piece], start, min(start + piece, len(data)))
                if answer.status_code == 200:
                    return 200
                if answer.status_code == 308:
                    start = received(answer)
                else:
                    assert answer.status_code == 503, answer.text

        async with asyncio.timeout(60):
            assert await asyncio.gather(client(UNIT), client(3 * UNIT), client(len(data))) == [200] * 3
    assert await quiet_yard.database["import_jobs"].count_documents({}) == 1
    [name] = [name for name in quiet_yard.stored() if name.startswith("incoming/")]
    assert (quiet_yard.objects / name).read_bytes() == data


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("bytes 0-9/11", 422),
        ("bytes 0-9/9", 400),
        ("bytes */11", 422),
        ("bytes 5-4/10", 400),
        ("bytes -1-4/10", 400),
        ("bytes 0-99999999999999999999/*", 400),
        ("items 0-9/10", 400),
        ("bytes 0-8/10", 422),
        ("bytes 0-9/10", 200),
        ("bytes 0-9/*", 200),
        ("bytes 0-*/10", 200),
        ("bytes 0-*/*", 200),
        (None, 200),
        ("bytes 4-9/10", 308),
        ("bytes */10", 308),
        ("bytes */*", 308),
    ],
)
async def test_what_a_range_may_say(quiet_yard: Yard, said: str | None, status: int) -> None:
    _, sender = await opened(quiet_yard.api, 10)
    body = data_of(10) if said is None or "*/" not in said or "-" in said else b""
    answer = await sender.put(body, said)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert received(await sender.ask()) == 0
        assert (await sender.send(data_of(10), 0, 10)).status_code == 200
    assert (await sender.ask()).status_code == 200
    assert (await sender.send(data_of(10), 0, 10)).status_code == 200, "sending again what is there is no error"


# -- the command


async def command(url: str, archive: Path, *options: str) -> Process:
    """`datayard import --upload`."""
    words = ["-m", "services.cli", "--url", url, "import", str(archive), "--upload", "--json", *options]
    return await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=PIPE, stderr=PIPE)


async def done(process: Process) -> dict:
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert b"token=" not in out + err
    return json.loads(out)


async def until_sent(yard: Yard, count: int) -> None:
    """Until so many bytes of the one upload are on the disk."""
    folder = yard.objects / ".partial/uploads"
    async with asyncio.timeout(60):
        while sum(file.stat().st_size for file in folder.glob("*")) < count:  # noqa: ASYNC110 - a file tells no one
            await asyncio.sleep(0.005)


async def imported(yard: Yard, job_id: str) -> dict:
    """The job's end, where its callback has got lost."""
    while (await yard.job(job_id))["state"] not in {"succeeded", "failed"}:
        await yard.database["import_jobs"].update_one({"_id": job_id, "state": "queued"}, {"$set": {"due_at": 0}})
        await yard.container.dispatcher.dispatch(job_id)
        await asyncio.sleep(0.1)
    return await yard.ended(job_id)


async def test_the_command_uploads_and_waits(yard: Yard, archive: Path) -> None:
    async with open_door(yard) as door:
        final = await done(await command(door.url, archive, "--name", "Messy one", "--wait"))
    assert (final["state"], final["dataset"]["name"]) == ("succeeded", "Messy one")


async def test_the_command_goes_on_after_connections_were_cut(yard: Yard, archive: Path) -> None:
    async with open_door(yard) as door, tcp_proxy("127.0.0.1", int(door.url.rpartition(":")[2])) as proxy:
        running = await command(f"http://127.0.0.1:{proxy.port}", archive)
        for part in range(1, 4):
            await until_sent(yard, part * 5 * 2**20)
            proxy.cut()
        started = await done(running)
        assert proxy.cuts >= 3
    assert (await yard.ended(started["job_id"]))["state"] == "succeeded"
    assert await yard.database["uploads"].count_documents({}) == 1


async def test_an_api_that_is_killed_in_the_middle(yard: Yard, archive: Path) -> None:
    async with api_process(yard) as api:
        running = await command(api.url, archive)
        await until_sent(yard, 6 * 2**20)
        await api.kill()
        await api.start_again()
        started = await done(running)
    assert (await imported(yard, started["job_id"]))["state"] == "succeeded"
    [name] = [name for name in yard.stored() if name.startswith("incoming/")]
    assert filecmp.cmp(yard.objects / name, archive, shallow=False)


async def test_the_same_command_goes_on_where_a_killed_one_was(yard: Yard, archive: Path) -> None:
    async with open_door(yard) as door, tcp_proxy("127.0.0.1", int(door.url.rpartition(":")[2])) as proxy:
        running = await command(f"http://127.0.0.1:{proxy.port}", archive)
        await until_sent(yard, 5 * 2**20)
        running.kill()
        await running.wait()
        started = await done(await command(f"http://127.0.0.1:{proxy.port}", archive))
        again = await done(await command(f"http://127.0.0.1:{proxy.port}", archive))
    assert await yard.database["uploads"].count_documents({}) == 2
    assert started["job_id"] != again["job_id"]


@pytest.mark.usefixtures("hears_interrupts")
async def test_the_command_can_be_interrupted(yard: Yard, archive: Path) -> None:
    async with open_door(yard) as door, tcp_proxy("127.0.0.1", int(door.url.rpartition(":")[2])) as proxy:
        running = await command(f"http://127.0.0.1:{proxy.port}", archive)
        await until_sent(yard, 2**20)
        running.send_signal(signal.SIGINT)
        out, err = await running.communicate()
    assert (running.returncode, out) == (130, b"")
    assert b"goes on with it" in err


async def test_the_command_says_what_does_not_fit(yard: Yard, tmp_path: Path, archive: Path) -> None:
    (tmp_path / "empty.zip").touch()
    async with open_door(yard) as door:
        for words, said in (
            ((tmp_path,), b"--upload is for one archive"),
            ((tmp_path / "empty.zip",), b"is empty"),
            ((archive, "--in-place"), b"--in-place needs --storage packed"),
        ):
            process = await command(door.url, *words)
            _, err = await process.communicate()
            assert (process.returncode, said in err) == (2, True), err


@pytest.mark.slow
async def test_memory_is_flat_while_three_hundred_megabytes_come(quiet_yard: Yard) -> None:
    size, block = 300 * 2**20, data_of(2**20)
    async with api_process(quiet_yard) as api, httpx2.AsyncClient(trust_env=False, timeout=120) as http:
        body = {"name": "a.zip", "size_bytes": size, "import": None}
        made = (await http.post(f"{api.url}/uploads/archive", json=body)).json()
        before = most = api.anonymous_mib

        async def chunks():
            nonlocal most
            for _ in range(size // len(block)):
                yield block
                most = max(most, api.anonymous_mib)

        headers = {"Content-Range": f"bytes 0-{size - 1}/{size}", "Content-Length": str(size)}
        answer = await http.put(made["session_url"], content=chunks(), headers=headers)
        assert answer.status_code == 200, answer.text
    assert most - before < 32
