"""`datayard check` on what is no dataset, or a nasty one: an exit code, a sentence, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.failures import CliError, Exit
from services.cli.main import app
from tests.factories.archives import jpeg_bytes, mark_encrypted, truncate, yolo_zip, zip_of
from tests.factories.broken import messy_members
from tests.factories.http_servers import SourceServer, source_server

BOX = b"0 .5 .5 .2 .2\n"
YAML = b"train: images\nval: images\nnames: [a]\n"


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go; none is left behind by any of these."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def server() -> Iterator[SourceServer]:
    with source_server() as serving:
        yield serving


def check(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def said(result: Any) -> dict:
    return json.loads(result.stdout)


def small(path: Path, label: bytes = BOX) -> Path:
    return zip_of(path, {"data.yaml": YAML, "images/a.jpg": jpeg_bytes(20, 20), "labels/a.txt": label})


def no_archive(folder: Path) -> Path:
    (folder / "a.zip").write_bytes(b"<html>Not found</html>")
    return folder / "a.zip"


def truncated(folder: Path) -> Path:
    yolo_zip(folder / "a.zip", images=5)
    return truncate(folder / "a.zip")


def empty_file(folder: Path) -> Path:
    (folder / "a.zip").touch()
    return folder / "a.zip"


def empty_folder(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


def broken_yaml(folder: Path) -> Path:
    return zip_of(folder / "a.zip", {"data.yaml": b"train: [", "images/a.jpg": jpeg_bytes(20, 20)})


def poses_without_shape(folder: Path) -> Path:
    return small(folder / "a.zip")


@pytest.mark.parametrize(
    ("make", "slug"),
    [
        (no_archive, "unreadable-archive"),
        (truncated, "unreadable-archive"),
        (empty_file, "unreadable-archive"),
        (lambda folder: zip_of(folder / "a.zip", {}), "dataset-not-recognised"),
        (empty_folder, "dataset-not-recognised"),
        (broken_yaml, "bad-configuration"),
    ],
)
def test_what_is_no_dataset(tmp_path: Path, make: Callable[[Path], Path], slug: str) -> None:
    result = check(make(tmp_path), "--json")
    assert result.exit_code == Exit.NOT_CHECKED
    assert said(result)["type"] == f"/problems/{slug}"
    assert said(result)["detail"] in result.stderr


def test_poses_need_to_be_told_how_many_keypoints(tmp_path: Path) -> None:
    path = small(tmp_path / "a.zip", b"0 .5 .5 .2 .2 .4 .4 2 .6 .6 1\n")
    refused = check(path, "--task", "pose", "--json")
    assert (refused.exit_code, said(refused)["type"]) == (Exit.NOT_CHECKED, "/problems/bad-configuration")
    told = said(check(path, "--task", "pose", "--kpt-shape", "2,3", "--json"))
    assert (told["task"], told["annotations"], told["findings"]["errors"]) == ("pose", 1, 0)


@pytest.mark.parametrize("arguments", [["--nc", "0"], ["--nc", "x"], ["--kpt-shape", "17"], ["--kpt-shape", "17,4"],
                                       ["--seconds", "-1"], ["--json", "--csv"], ["--format", "no"],
                                       ["--nonsense"], ["--task", "no"], ["--images", "/nothing"]])  # fmt: skip
def test_options_that_do_not_fit(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "services.cli", "check", str(small(tmp_path / "a.zip")), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == Exit.NOT_CHECKED
    assert done.stderr
    assert b"Traceback" not in done.stderr


def test_one_of_several_datasets_is_chosen(tmp_path: Path) -> None:
    files = {"data.yaml": YAML, "images/a.jpg": jpeg_bytes(20, 20), "labels/a.txt": BOX}
    several = {f"{root}/{name}": data for root in ("one", "two") for name, data in files.items()}
    path = zip_of(tmp_path / "a.zip", several | {"two/labels/a.txt": BOX * 3})
    offered = said(check(path, "--json"))
    chosen = said(check(path, "--root", "two", "--json"))
    assert [one["root"] for one in offered["choices"]] == ["one", "two"]
    assert (offered["root"], offered["rows_read"], chosen["root"], chosen["rows_read"]) == ("one", 1, "two", 3)
    assert "--root two: yolo" in check(path).stdout
    assert check(path, "--root", "three").exit_code == Exit.NOT_CHECKED


def test_an_encrypted_member(tmp_path: Path) -> None:
    result = check(mark_encrypted(small(tmp_path / "a.zip"), "labels/a.txt"), "--json")
    assert (result.exit_code, said(result)["images"], said(result)["annotations"]) == (2, 1, 0)
    assert said(result)["findings"]["by_rule"]["ARCHIVE_ENCRYPTED"]["count"] == 1


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    real = os.scandir

    def refused(path: Any) -> Any:  # also where root runs the tests, who may read everything
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)
    result = check(tmp_path / "closed", "--json")
    assert (result.exit_code, said(result)["type"]) == (Exit.NOT_CHECKED, "/problems/source-denied")


def test_a_missing_path() -> None:
    result = check("/nothing/here")
    assert isinstance(result.exception, CliError)
    assert result.exception.exit_code == Exit.NOT_CHECKED


def test_every_kind_of_mess(tmp_path: Path) -> None:
    result = check(zip_of(tmp_path / "messy.zip", messy_members()), "--json")
    assert result.exit_code == 2
    counts = {rule: one["count"] for rule, one in said(result)["findings"]["by_rule"].items()}
    items = said(result)["findings"]["items"]
    assert {rule: sum(one["rule"] == rule for one in items) for rule in counts} == counts
    severities = [one["severity"] for one in items]
    assert severities == sorted(severities, key=("error", "warning", "info").index)


def test_many_findings_are_counted_and_the_first_shown(tmp_path: Path) -> None:
    result = check(small(tmp_path / "a.zip", b"7 .5 .5 .2 .2\n" * 5_000), "--json")
    found = said(result)["findings"]
    assert found["by_rule"]["ROW_CLASS_RANGE"]["count"] == 5_000
    lines = [one["line"] for one in found["items"] if one["rule"] == "ROW_CLASS_RANGE"]
    assert lines == list(range(1, 101))


def test_no_time_at_all(tmp_path: Path) -> None:
    result = check(small(tmp_path / "a.zip"), "--seconds", 0, "--json")
    assert (result.exit_code, said(result)["complete"], said(result)["labels_read"]) == (1, False, 0)
    assert said(result)["splits"][0]["images"] == 1
    assert "Time was up after 0 of 1 images" in check(tmp_path / "a.zip", "--seconds", 0).stdout


# -- over the network


def test_a_distant_zip_is_not_read_whole(tmp_path: Path, server: SourceServer) -> None:
    image = jpeg_bytes(400, 400) + bytes(400_000)
    files = {"data.yaml": YAML, **{f"images/{n}.jpg": image for n in range(20)}}
    path = zip_of(tmp_path / "a.zip", {**files, **{f"labels/{n}.txt": BOX for n in range(20)}}, compression=0)
    server.data = path.read_bytes()
    result = check(f"http://127.0.0.1:{server.port}/a.zip", "--json")
    assert (said(result)["annotations"], said(result)["images"], said(result)["complete"]) == (20, 20, True)
    ranges = [one.headers.get("Range", one.headers.get("range")) for one in server.requests]
    asked = [tuple(map(int, one.removeprefix("bytes=").split("-"))) for one in ranges if one]
    assert asked
    assert sum(end - start for start, end in asked) < len(server.data) / 10


@pytest.mark.parametrize(("status", "code"), [(404, Exit.NOT_CHECKED), (403, Exit.NOT_CHECKED)])
def test_a_server_that_refuses(server: SourceServer, status: int, code: Exit) -> None:
    server.statuses = [status] * 50
    result = check(f"http://127.0.0.1:{server.port}/a.zip")
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("datayard: ")


def test_nobody_listens() -> None:
    assert check("http://127.0.0.1:1/a.zip").exit_code == Exit.UNREACHABLE


# -- interrupted


@pytest.mark.usefixtures("hears_interrupts")
@pytest.mark.parametrize(("kill", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_check_leaves_nothing_behind(
    tmp_path: Path, scratch: Path, server: SourceServer, kill: signal.Signals, code: int
) -> None:
    yolo_zip(tmp_path / "a.zip", images=5)
    server.data, server.stall_after, server.ranges = (tmp_path / "a.zip").read_bytes(), 100, False
    command = [sys.executable, "-m", "services.cli", "check", f"http://127.0.0.1:{server.port}/a.zip"]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while not list(scratch.rglob("*.*")) and not server.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(kill)
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, b"")
    assert b"Traceback" not in errors


# -- on a terminal

_COMMANDS = "\x1b[2J\x1b]0;owned\x07"


@pytest.mark.parametrize("ends_well", [True, False])
def test_names_do_not_command_the_terminal(tmp_path: Path, *, ends_well: bool) -> None:
    yaml = YAML if ends_well else b"train: ["
    files = {
        f"{_COMMANDS}.yaml": yaml,
        f"images/{_COMMANDS}a.jpg": jpeg_bytes(20, 20),
        "images/\u202eb.jpg": b"no image",
    }
    path = zip_of(tmp_path / "a.zip", {**files, f"labels/{_COMMANDS}a.txt": f"9 .5 .5 {_COMMANDS} .2\n".encode()})
    command = [sys.executable, "-m", "services.cli", "check", str(path)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode in (1, 2)) == ends_well
    for shown in (done.stdout.decode(), done.stderr.decode()):
        assert all(character.isprintable() or character == "\n" for character in shown)
    assert "?[2J" in done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("shape", [[], ["--json"], ["--csv"], ["--sarif"]])
def test_a_terminal_without_these_letters(tmp_path: Path, shape: list[str]) -> None:
    files = {"data.yaml": YAML.replace(b"[a]", "[кот]".encode()), "images/é.jpg": jpeg_bytes(20, 20)}
    path = zip_of(tmp_path / "a.zip", {**files, "labels/é.txt": b"9 .5 .5 .2 .2\n"})
    command = [sys.executable, "-m", "services.cli", "check", str(path), *shape]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, b"")
    assert b"\\u043a" in done.stdout or shape in (["--csv"], ["--sarif"])
    if shape in (["--json"], ["--sarif"]):
        assert json.loads(done.stdout)
