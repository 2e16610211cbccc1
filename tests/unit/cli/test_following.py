"""Following an import against an API of paper: by its events, and without them."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import httpx2
import pytest

from services.cli import following
from services.cli.client import Client, Unreachable
from services.cli.documents import JobStatus
from services.cli.failures import Exit
from services.cli.following import wait_for_import
from services.cli.importing import ImportRequest, follow_import, run_import
from services.cli.progress import Lines, describe

JOB = {"job_id": "j", "dataset_id": "d", "state": "running", "phase": "transfer", "progress": {"fraction": 0.1}}
DONE = {**JOB, "state": "succeeded", "phase": "finish", "progress": {"fraction": 1.0, "images_done": 9}}
FINDING = {"rule": "R", "severity": "error", "file": "a.txt", "line": 3, "message": "bad"}
BREAK = "break"


class Shown:
    """A view that remembers."""

    def __init__(self) -> None:
        self.jobs: list[JobStatus] = []
        self.notes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_rest: object) -> None: ...

    def show(self, job: JobStatus) -> None:
        self.jobs.append(job)

    def note(self, text: str) -> None:
        self.notes.append(text)


class Wire(httpx2.SyncByteStream):
    """The bytes of a stream, cut off where it says BREAK."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if part == BREAK:
                raise httpx2.RemoteProtocolError("gone")
            yield part.encode()


def event(name: str, data: object, number: int) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\nid: {number}\n\n"


class Api:
    """Answers requests for events with one story after the other, and the status with JOB, then DONE."""

    def __init__(self, *stories: Sequence[str] | httpx2.Response | Exception) -> None:
        self.stories = list(stories)
        self.seen: list[tuple[str, str | None]] = []
        self.statuses = [JOB, DONE]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        last = request.url.path.rpartition("/")[2]
        self.seen.append((last, request.headers.get("last-event-id")))
        if request.url.path == "/datasets/d":
            return httpx2.Response(404, json={"title": "Gone"})
        if last != "events":
            return httpx2.Response(200, json=self.statuses.pop(0) if len(self.statuses) > 1 else DONE)
        story = self.stories.pop(0)
        if isinstance(story, Exception):
            raise story
        if isinstance(story, httpx2.Response):
            return story
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Wire(story))

    @property
    def client(self) -> Client:
        return Client("http://yard", transport=httpx2.MockTransport(self))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following.time, "sleep", lambda _seconds: None)


def test_events_are_shown_and_the_end_is_the_answer() -> None:
    progress = {"fraction": 0.5, "images_done": 5, "shards": {"total": 2, "states": {}}}
    story = [
        "retry: 1000\n\n", event("snapshot", JOB, 1), event("state", {"state": "running", "phase": "finish"}, 2),
        ": still here\n\n", event("something-new", {}, 3), event("progress", progress, 4), event("end", DONE, 5),
    ]  # fmt: skip
    api, shown = Api(story), Shown()
    assert wait_for_import(api.client, "j", view=shown) == DONE
    assert [(job.phase, job.progress.fraction) for job in shown.jobs] == [
        ("transfer", 0.1), ("finish", 0.1), ("finish", 0.5), ("finish", 1.0),
    ]  # fmt: skip
    assert api.seen == [("events", None)]


def test_a_stream_that_breaks_is_taken_up_where_it_broke() -> None:
    first, second = [event("snapshot", JOB, 1), event("finding", FINDING, 2), BREAK], [event("end", DONE, 3)]
    api, shown = Api(first, httpx2.ConnectError("restarting"), second), Shown()
    assert wait_for_import(api.client, "j", view=shown) == DONE
    assert api.seen == [("events", None), ("events", "2"), ("events", "2")]
    assert shown.notes == ["  error    a.txt:3  bad"]


@pytest.mark.parametrize(
    "refusal",
    [
        httpx2.Response(503, json={"title": "Too many"}),
        httpx2.Response(404, json={"title": "Gone"}),
        httpx2.Response(200, text="<html>"),
        httpx2.Response(200, headers={"content-type": "text/event-stream"}, text="event: end\ndata: [\n\n"),
        httpx2.ReadTimeout("a proxy keeps it"),
    ],
)
def test_without_events_the_status_is_asked_for(refusal: httpx2.Response | Exception) -> None:
    api, shown = Api(refusal), Shown()
    assert wait_for_import(api.client, "j", view=shown) == DONE
    assert [what for what, _ in api.seen] == ["events", "status", "status"]


def test_a_stream_that_breaks_again_and_again_is_given_up() -> None:
    api = Api([event("snapshot", JOB, 1), BREAK], *[[BREAK], [], httpx2.ConnectError("gone")] * 10)
    assert wait_for_import(api.client, "j", view=Shown()) == DONE
    assert [what for what, _ in api.seen] == ["events"] * 21 + ["status"] * 2


def test_who_stops_waiting_gets_the_newest_status() -> None:
    api, shown = Api([event("snapshot", JOB, 1), event("end", DONE, 2)]), Shown()
    assert wait_for_import(api.client, "j", view=shown, should_stop=lambda: bool(shown.jobs)) == JOB


def test_nobody_there_is_said_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_SILENCE_SECONDS", 0.0)

    def handle(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    with pytest.raises(Unreachable):
        wait_for_import(Client("http://yard", transport=httpx2.MockTransport(handle)), "j", view=Shown())


def test_only_the_first_findings_are_noted() -> None:
    story = [event("snapshot", JOB, 0), *(event("finding", FINDING, n) for n in range(1, 21)), event("end", DONE, 21)]
    shown = Shown()
    wait_for_import(Api(story).client, "j", view=shown)
    assert len(shown.notes) == 6
    assert "report" in shown.notes[-1]


@pytest.mark.parametrize("as_json", [True, False])
def test_findings_go_to_a_person_and_not_beside_json(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    story = [event("snapshot", JOB, 1), event("finding", FINDING, 2), event("end", DONE, 3)]
    api = Api(story)
    starting: Callable[[httpx2.Request], httpx2.Response] = api.__call__

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            return httpx2.Response(202, json={"job_id": "j", "dataset_id": "d", "state": "queued"})
        return httpx2.Response(404, json={}) if request.url.path == "/datasets/d" else starting(request)

    client = Client("http://yard", transport=httpx2.MockTransport(handle))
    assert run_import(client, ImportRequest(source="https://h/a.zip"), wait=True, as_json=as_json) == Exit.OK
    out, err = capsys.readouterr()
    assert ("a.txt:3" in err) is not as_json
    assert "a.txt" not in out
    if as_json:
        assert json.loads(out)["state"] == "succeeded"


def test_a_status_that_is_followed_ends_with_the_last_one(capsys: pytest.CaptureFixture[str]) -> None:
    failed = {**DONE, "state": "failed", "error": {"title": "No archive"}}
    api = Api([event("snapshot", JOB, 1), event("end", failed, 2)])
    assert follow_import(api.client, "j", as_json=False) == Exit.FAILED
    assert "No archive" in capsys.readouterr().out
    api = Api([event("end", DONE, 2)])
    assert follow_import(api.client, "j", as_json=True) == Exit.OK
    assert json.loads(capsys.readouterr().out) == DONE


def test_a_bar_says_the_phase_and_counts_what_the_phase_is_about() -> None:
    progress = {"fraction": 0.25, "images_indexed": 8, "images_done": 3, "images_total": 10, "bytes_per_second": 2000}
    index = JobStatus.model_validate({**JOB, "phase": "index", "progress": {**progress, "eta_seconds": 7}})
    assert describe(index) == "index 25% · 8/10 images · 2.0 kB/s · 0:07 left"
    later = JobStatus.model_validate({**JOB, "phase": "transfer", "progress": progress})
    assert describe(later).startswith("transfer 25% · 3/10 images")
    assert describe(JobStatus.model_validate({"job_id": "j", "state": "queued"})).startswith("queued")


def test_what_the_data_says_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Lines("a", notes=True).note("\x1b[2J" + "x" * 1000)
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert len(shown) < 400
