"""The commands against an API of paper: what is asked, printed and returned."""

import json
from collections.abc import Callable

import httpx2
import pytest
from typer.testing import CliRunner

from services.cli.client import Client, Refused, Unreachable
from services.cli.failures import CliError, Exit
from services.cli.importing import ImportRequest, run_import
from services.cli.listings import (
    ImageQuery,
    JobQuery,
    show_datasets,
    show_images,
    show_jobs,
    show_order,
    show_status,
    stream_images,
)
from services.cli.main import app

Handler = Callable[[httpx2.Request], httpx2.Response]
JOB = {
    "job_id": "j" * 24,
    "dataset_id": "d" * 24,
    "state": "succeeded",
    "phase": "finish",
    "progress": {"fraction": 1.0, "images_done": 200, "images_total": 200, "bytes_done": 5, "findings": 2},
    "error": None,
}
DATASET = {
    "id": "d" * 24,
    "slug": "raccoons",
    "name": "raccoons",
    "state": "ready",
    "task": "detect",
    "categories": [{"id": 0, "name": "raccoon"}],
    "statistics": {"images": 200, "annotations": 217, "bytes": 13_700_000},
}
IMAGE = {"id": "e" * 24, "path": "images/a.jpg", "split": "train", "annotations": [{"category": "raccoon"}] * 2}


def client(handler: Handler) -> Client:
    return Client("http://yard", transport=httpx2.MockTransport(handler))


def answers(**routes: object) -> Handler:
    """An API that knows these paths (`_` for `/`) and nothing else."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        key = request.url.path.strip("/").replace("/", "_")
        return httpx2.Response(200, json=routes[key]) if key in routes else httpx2.Response(404, json={"title": "Gone"})

    return handle


def importing(final: dict[str, object]) -> Handler:
    job = f"datasets_import_{'j' * 24}_status"
    return answers(
        datasets_import={"job_id": "j" * 24, "dataset_id": "d" * 24, "state": "queued"},
        **{job: final, f"datasets_{'d' * 24}": DATASET},
    )


REQUEST = ImportRequest(source="https://host/raccoons.zip")


def test_without_waiting_the_job_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_import(client(importing(JOB)), REQUEST, wait=False, as_json=True) == Exit.OK
    assert json.loads(capsys.readouterr().out)["state"] == "queued"


def test_waiting_prints_one_document_with_the_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_import(client(importing(JOB)), REQUEST, wait=True, as_json=True) == Exit.OK
    assert json.loads(capsys.readouterr().out) == {**JOB, "dataset": DATASET}


def test_waiting_tells_a_person_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_import(client(importing(JOB)), REQUEST, wait=True, as_json=False) == Exit.OK
    out = capsys.readouterr().out
    assert "Imported 'raccoons': 200 images, 217 annotations, 13.7 MB" in out
    assert "http://yard/datasets/raccoons" in out
    assert f"http://yard/datasets/import/{'j' * 24}/report" in out


@pytest.mark.parametrize("state", ["failed", "cancelled", "dead"])
def test_an_import_that_did_not_succeed_fails_the_command(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    final = {**JOB, "state": state, "error": {"title": "No archive", "detail": "It is a web page."}}
    assert run_import(client(importing(final)), REQUEST, wait=True, as_json=False) == Exit.FAILED
    assert f"({state}). No archive: It is a web page." in capsys.readouterr().err


def test_the_request_carries_what_was_asked_and_a_key() -> None:
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(202, json={"job_id": "j", "state": "queued"})

    asked = ImportRequest(
        source="https://host/a.zip", format="yolo", root="a/b", task="pose", checksum="sha256:00", on_finding="fail"
    )
    run_import(client(handle), asked, wait=False, as_json=True)
    assert json.loads(seen[0].content) == {
        "name": "a",
        "source": "https://host/a.zip",
        "format": "yolo",
        "root": "a/b",
        "task": "pose",
        "storage": "objects",
        "on_finding": "fail",
        "checksum": "sha256:00",
    }
    assert len(seen[0].headers["Idempotency-Key"]) == 32


def test_parts_are_sent_as_the_source() -> None:
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(202, json={"job_id": "j", "state": "queued"})

    parts = {"images": "https://host/images.zip", "labels": "https://host/labels.zip"}
    run_import(client(handle), ImportRequest(parts=parts), wait=False, as_json=True)
    assert json.loads(seen[0].content)["source"] == parts


def test_the_command_takes_a_source_or_its_parts() -> None:
    runner = CliRunner()
    for arguments in ([], ["https://h/a.zip", "--images", "https://h/b.zip"], ["--labels", "https://h/b.zip"]):
        found = runner.invoke(app, ["import", *arguments])
        assert isinstance(found.exception, CliError)
        assert found.exception.exit_code == Exit.USAGE


def test_a_broken_connection_is_tried_again_with_the_same_key() -> None:
    keys: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx2.ReadError("gone", request=request)
        return httpx2.Response(202, json={"job_id": "j", "state": "queued"})

    assert run_import(client(handle), REQUEST, wait=False, as_json=True) == Exit.OK
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_an_api_that_is_away_for_a_moment_is_waited_for() -> None:
    states = iter([httpx2.Response(503, json={"title": "Try again later"}), httpx2.Response(200, json=JOB)])

    def handle(request: httpx2.Request) -> httpx2.Response:
        return next(states) if request.url.path.endswith("/status") else importing(JOB)(request)

    assert run_import(client(handle), REQUEST, wait=True, as_json=True) == Exit.OK


def test_nobody_there_is_said_with_what_to_do() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    with pytest.raises(Unreachable, match=r"No Datayard answers at http://yard.*make run") as caught:
        show_datasets(client(handle), limit=50, cursor=None, as_json=False)
    assert caught.value.exit_code == Exit.UNREACHABLE


def test_a_problem_is_shown_with_its_parts() -> None:
    problem = {"title": "Invalid input", "detail": "x", "errors": [{"pointer": "/name", "detail": "too long"}]}
    with pytest.raises(Refused) as caught:
        show_status(client(lambda _request: httpx2.Response(422, json=problem)), "j", as_json=False)
    assert str(caught.value) == "Invalid input:\n  /name: too long"
    assert caught.value.exit_code == Exit.FAILED


def test_something_else_that_listens_there_is_no_stack_trace() -> None:
    with pytest.raises(CliError, match="no Datayard"):
        show_status(client(lambda _request: httpx2.Response(200, text="<html>")), "j", as_json=False)
    with pytest.raises(Refused, match="HTTP 502"):
        show_status(client(lambda _request: httpx2.Response(502, text="<html>")), "j", as_json=False)


def test_nothing_is_cut_where_a_program_reads(capsys: pytest.CaptureFixture[str]) -> None:
    page = {"items": [{**DATASET, "slug": "s" * 100}], "next_cursor": None, "total": 1}
    show_datasets(client(answers(datasets=page)), limit=50, cursor=None, as_json=False)
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split() == ["s" * 100, "ready", "detect", "200", "217", "1", "13.7", "MB"]


def test_images_are_a_table_with_the_way_on(capsys: pytest.CaptureFixture[str]) -> None:
    query = ImageQuery(dataset="raccoons", split=None, category=None, limit=1, cursor=None)
    page = {"items": [IMAGE], "next_cursor": "abc=", "total": 2}
    show_images(client(answers(datasets_raccoons_images=page)), query, as_json=False)
    out = capsys.readouterr().out
    assert "2 raccoon" in out
    assert "1 of 2 images shown; go on with --cursor abc=" in out


def test_every_image_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[dict[str, str]] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(dict(request.url.params))
        following = "two" if len(seen) == 1 else None
        return httpx2.Response(200, json={"items": [IMAGE, IMAGE], "next_cursor": following, "total": 4})

    stream_images(client(handle), ImageQuery(dataset="a b", split="train", category=None, limit=50, cursor=None))
    assert seen == [{"split": "train", "limit": "500"}, {"split": "train", "limit": "500", "cursor": "two"}]
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [IMAGE] * 4


def test_jobs_and_status_show_what_a_person_needs(capsys: pytest.CaptureFixture[str]) -> None:
    api = client(answers(jobs={"items": [JOB], "total": 1}, **{f"datasets_import_{'j' * 24}_status": JOB}))
    show_jobs(api, JobQuery(state=None, kind=None, limit=50, cursor=None), as_json=False)
    assert "succeeded  100%     200" in capsys.readouterr().out
    show_status(api, "j" * 24, as_json=False)
    assert "images:      200 of 200" in capsys.readouterr().out


def test_orders_say_how_the_job_stands_then(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.method, request.url.path))
        return httpx2.Response(200, json={"job_id": "j", "state": "queued", "paused": True})

    show_order(client(answer), ("datasets", "import", "j", "pause"), as_json=False)
    assert asked == [("POST", "/datasets/import/j/pause")]
    assert capsys.readouterr().out == "Job j is queued (paused).\n"
    show_order(client(answer), ("datasets", "night shots", "verify"), as_json=True)
    assert asked[1] == ("POST", "/datasets/night shots/verify")
    assert json.loads(capsys.readouterr().out)["paused"] is True


def test_json_is_the_document_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    page = {"items": [DATASET], "next_cursor": None, "total": 1, "more": {"a": [1.0, None]}}
    show_datasets(client(answers(datasets=page)), limit=50, cursor=None, as_json=True)
    assert json.loads(capsys.readouterr().out) == page
