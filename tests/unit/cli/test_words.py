"""What a person reads: pauses, names of datasets, options instead of parts of a request, and how to follow a job."""

from collections.abc import Callable

import httpx2
import pytest
from typer.testing import CliRunner

from services.cli.client import Client
from services.cli.documents import JobStatus
from services.cli.failures import CliError, Exit
from services.cli.importing import ImportRequest, run_import, run_verification
from services.cli.listings import JobQuery, show_jobs, show_status
from services.cli.main import app
from services.cli.progress import describe

JOB = {
    "job_id": "j",
    "dataset_id": "d",
    "state": "queued",
    "phase": "transfer",
    "paused": True,
    "progress": {"fraction": 0.5, "eta_seconds": 3},
}
DATASET = {"id": "d", "slug": "raccoons", "name": "Raccoons", "source": "file:///a.zip"}


def client(handler: Callable[[httpx2.Request], httpx2.Response]) -> Client:
    return Client("http://yard", transport=httpx2.MockTransport(handler))


def yard(request: httpx2.Request) -> httpx2.Response:
    """One paused job and its dataset."""
    path = request.url.path
    if path == "/jobs":
        return httpx2.Response(200, json={"items": [JOB], "total": 1})
    return httpx2.Response(200, json=DATASET if path == "/datasets/d" else JOB)


def refusing(*errors: tuple[str, str]) -> Client:
    """An API to which requests do not fit."""
    found = [{"pointer": pointer, "detail": detail} for pointer, detail in errors]
    document = {"title": "Invalid request", "detail": "`errors` names the parts.", "errors": found}
    return client(lambda _request: httpx2.Response(422, json=document))


def test_a_paused_job_is_shown_as_such_and_nothing_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(client(yard), "j", as_json=False)
    shown = capsys.readouterr().out
    assert "state:       queued (paused)\n" in shown
    assert "left" not in shown
    show_jobs(client(yard), JobQuery(state=None, kind=None, limit=50, cursor=None), as_json=False)
    assert "queued (paused)" in capsys.readouterr().out
    assert describe(JobStatus.model_validate(JOB)) == "queued (paused) 50% · 0 images"


def test_a_status_names_the_dataset_and_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(client(yard), "j", as_json=False)
    shown = capsys.readouterr().out
    assert "dataset:     raccoons (d)\n" in shown
    assert "source:      file:///a.zip\n" in shown


def test_what_does_not_fit_is_said_of_options() -> None:
    api = refusing(
        ("#/body/checksum", "too short"), ("#/body/source/images", "no address"), ("#/body/on_finding", "no"),
        ("#/body/source", "no"), ("#/body", "in_place needs storage packed"), ("#/body/generation", "no"),
    )  # fmt: skip
    with pytest.raises(CliError) as caught:
        run_import(api, ImportRequest(source="https://h/a.zip"), wait=False, as_json=False)
    assert str(caught.value).splitlines()[1:] == [
        "  --checksum: too short",
        "  --images: no address",
        "  --on-finding: no",
        "  SOURCE: no",
        "  --in-place needs --storage packed",
        "  #/body/generation: no",
    ]
    assert caught.value.exit_code == Exit.USAGE


def test_a_parameter_of_a_list_is_an_option() -> None:
    query = JobQuery(state="foo", kind=None, limit=50, cursor=None)
    with pytest.raises(CliError, match="  --state: no"):
        show_jobs(refusing(("#/query/state", "no")), query, as_json=False)


def test_one_image_is_no_images() -> None:
    job = JobStatus.model_validate({**JOB, "paused": False, "progress": {"images_total": 1}})
    assert describe(job) == "queued · 0/1 image"


def test_a_wrong_value_is_told_in_plain_words() -> None:
    found = CliRunner().invoke(app, ["import", "https://h/a.zip", "--storage", "foo"])
    assert found.exit_code == Exit.USAGE
    assert "Invalid value for '--storage': 'foo' is not one of 'objects', 'packed'." in found.stderr


def test_what_is_started_says_how_to_follow_it(capsys: pytest.CaptureFixture[str]) -> None:
    run_import(client(yard), ImportRequest(source="https://h/a.zip"), wait=False, as_json=False)
    assert "--url http://yard status --follow j\n" in capsys.readouterr().out
    assert run_verification(client(yard), "raccoons", wait=False, as_json=False) == Exit.OK
    shown = capsys.readouterr().out
    assert shown.startswith("Verification j is queued.\n")
    assert shown.endswith("--url http://yard status --follow j\n")


def test_a_verification_is_waited_for_like_an_import(capsys: pytest.CaptureFixture[str]) -> None:
    states = iter(["running", "failed"])

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/status"):
            return httpx2.Response(200, json={**JOB, "paused": False, "state": next(states, "failed")})
        return yard(request)

    assert run_verification(client(handle), "raccoons", wait=True, as_json=False) == Exit.FAILED
    assert "state:       failed\n" in capsys.readouterr().out
