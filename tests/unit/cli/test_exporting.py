"""`datayard export` against an API of paper: what is asked for, what is fetched, and what goes on after a break."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from services.cli.client import Client, Refused
from services.cli.exporting import ExportOrder, File, fetch, run_export
from services.cli.failures import CliError, Exit

DATA = bytes(range(256)) * 40
ETAG = '"abc-1"'
FILE = File(name="shapes-yolo.zip", size_bytes=len(DATA), etag=ETAG, url="/file")
EXPORT = {
    "id": "e", "job_id": "j", "state": "running", "progress": {"fraction": 0.5, "images_done": 1, "images_total": 2},
    "images": None, "files": [], "findings": [], "error": None,
}  # fmt: skip
LOST = {"severity": "info", "message": "Renamed.", "count": 2, "examples": ["a/1.jpg"]}
DONE = {**EXPORT, "state": "succeeded", "images": 2, "files": [FILE.model_dump()], "findings": [LOST]}
Handler = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.exporting.time.sleep", lambda _seconds: None)


def client(handler: Handler) -> Client:
    return Client("http://yard", transport=httpx2.MockTransport(handler))


def served(request: httpx2.Request) -> httpx2.Response:
    """The file, or the rest of it."""
    start = int(request.headers.get("range", "bytes=0-")[6:-1])
    assert not start or request.headers["if-range"] == ETAG
    return httpx2.Response(206 if start else 200, content=DATA[start:], headers={"ETag": ETAG})


class Breaking(httpx2.SyncByteStream):
    """Some bytes, and then the connection breaks."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data
        raise httpx2.ReadError("gone")


def order(output: Path | None, **options: object) -> ExportOrder:
    values: dict[str, object] = {
        "dataset": "shapes", "format": "yolo", "tree": None, "task": None, "version": None, "splits": [],
        "categories": [],
    }  # fmt: skip
    return ExportOrder(output=output, **{**values, **options})  # type: ignore[arg-type]


def test_a_download_goes_on_where_it_broke(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("range"))
        if len(asked) < 4:
            start = int((asked[-1] or "bytes=0-")[6:-1])
            stream = Breaking(DATA[start : start + 1000])
            return httpx2.Response(206 if start else 200, stream=stream, headers={"ETag": ETAG})
        return served(request)

    assert fetch(client(handle), FILE, tmp_path / "a.zip").read_bytes() == DATA
    assert asked == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_what_an_earlier_call_has_fetched_is_kept(tmp_path: Path) -> None:
    broken = client(lambda _request: httpx2.Response(200, stream=Breaking(DATA[:500]), headers={"ETag": '"other"'}))
    with pytest.raises(CliError, match="changed"):
        fetch(broken, FILE, tmp_path / "a.zip")
    (tmp_path / ".a.zip.abc1.partial").write_bytes(DATA[:700])
    asked: list[str | None] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("range"))
        return served(request)

    assert fetch(client(handle), FILE, tmp_path / "a.zip").read_bytes() == DATA
    assert asked == ["bytes=700-"]


def test_what_is_another_file_by_now_is_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / ".a.zip.abc1.partial").write_bytes(DATA[:700])
    other = client(lambda _request: httpx2.Response(200, content=b"x" * len(DATA), headers={"ETag": '"new"'}))
    with pytest.raises(CliError, match="changed"):
        fetch(other, FILE, tmp_path / "a.zip")
    gone = client(lambda _request: httpx2.Response(404, json={"title": "Export not found"}))
    with pytest.raises(Refused, match="not found"):
        fetch(gone, FILE, tmp_path / "a.zip")


def answering(*documents: dict[str, object], bodies: list[object] | None = None) -> Handler:
    """An API whose export is as told, one look after the other."""
    left = list(documents)

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            if bodies is not None:
                bodies.append(json.loads(request.content))
            return httpx2.Response(202, json=EXPORT)
        if request.url.path == "/file":
            return served(request)
        return httpx2.Response(200, json=left.pop(0) if len(left) > 1 else left[0])

    return handle


def test_an_export_is_waited_for_and_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bodies: list[object] = []
    wanted = order(tmp_path / "a.zip", tree="darknet", splits=["train"], categories=["car"], version=1)
    assert run_export(client(answering(EXPORT, DONE, bodies=bodies)), wanted, as_json=False) is Exit.OK
    assert bodies == [{"format": "yolo", "tree": "darknet", "version": 1, "splits": ["train"], "categories": ["car"]}]
    assert (tmp_path / "a.zip").read_bytes() == DATA
    shown = capsys.readouterr().out
    assert f"Exported 2 images to {tmp_path / 'a.zip'}, 10.2 kB." in shown
    assert "info     Renamed. (a/1.jpg and 1 more)" in shown


def test_a_folder_takes_files_under_their_own_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_export(client(answering(DONE)), order(tmp_path), as_json=True) is Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert document["saved"] == [str(tmp_path / FILE.name)]
    shards = [FILE.model_copy(update={"name": f"train-{number}.tar"}).model_dump() for number in range(2)]
    several = client(answering({**DONE, "files": shards}))
    assert run_export(several, order(tmp_path / "new"), as_json=False) is Exit.OK
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["train-0.tar", "train-1.tar"]
    with pytest.raises(CliError, match="folder"):
        run_export(several, order(tmp_path / FILE.name), as_json=False)


def test_an_export_that_fails_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = {**EXPORT, "state": "failed", "error": {"title": "There is no image to export", "detail": "None."}}
    assert run_export(client(answering(failed)), order(tmp_path / "a.zip"), as_json=False) is Exit.FAILED
    assert "There is no image to export: None." in capsys.readouterr().err
    assert not (tmp_path / "a.zip").exists()
