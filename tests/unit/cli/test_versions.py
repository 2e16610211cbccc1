"""`datayard fix`, `versions` and `undo` against an API of paper: what is asked, printed and returned."""

import json

import httpx2
import pytest

from services.cli.client import Client
from services.cli.failures import CliError, Exit
from services.cli.fixes import fixes_of
from services.cli.importing import ImportRequest, run_import
from services.cli.versions import run_fixes, run_undo, show_preview, show_versions

JOB = {"job_id": "j" * 24, "dataset_id": "d" * 24, "kind": "version", "state": "succeeded"}
FIRST = {"version": 1, "kind": "import", "parent": None, "created_at": "2026-11-21T09:00:00Z", "job_id": "i"}
SECOND = {
    "version": 2,
    "kind": "fixes",
    "parent": 1,
    "created_at": "2026-11-21T09:05:00Z",
    "job_id": "j" * 24,
    "note": "for training",
    "fixes": {"ROW_CORNER_OUTSIDE": "clip"},
    "counts": {
        "images_changed": 4,
        "annotations_changed": 5,
        "mended": {"ROW_CORNER_OUTSIDE": 5},
        "remaining": {"ROW_CORNER_OUTSIDE": 1},
    },
}


class Paper:
    """An API that remembers what it was sent."""

    def __init__(self, job: dict[str, object] | None = None) -> None:
        self.sent: list[tuple[str, object]] = []
        self.job = job or JOB

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path, query = request.url.path, request.url.query.decode()
        if request.method == "POST":
            self.sent.append((f"{path}?{query}" if query else path, json.loads(request.content)))
            if "dry_run" in query:
                counts = SECOND["counts"]
                return httpx2.Response(
                    200, json={"images_looked_at": 2000, "images": 5000, "complete": False, "counts": counts}
                )
            return httpx2.Response(202, json={"job_id": "j" * 24, "dataset_id": "d" * 24, "state": "queued"})
        if path.endswith("/status"):
            return httpx2.Response(200, json=self.job)
        if path.endswith("/versions"):
            return httpx2.Response(200, json={"items": [SECOND, FIRST], "next_cursor": None, "total": 2})
        if path == f"/datasets/{'d' * 24}":
            pending = {"number": 2, "job_id": "f" * 24}
            dataset = {"id": "d" * 24, "slug": "shapes", "name": "shapes", "pending_version": pending}
            return httpx2.Response(200, json=dataset)
        return httpx2.Response(404, json={"title": "Gone"})

    @property
    def client(self) -> Client:
        return Client("http://yard", transport=httpx2.MockTransport(self))


def test_fixes_are_written_as_pairs() -> None:
    assert fixes_of(["row_corner_outside=clip", "ROW_PIXEL_COORDS=divide-by-size"], ["7=2"], suggested=False) == {
        "fixes": {"ROW_CORNER_OUTSIDE": "clip", "ROW_PIXEL_COORDS": "divide_by_size"},
        "category_map": {"7": 2},
    }
    assert fixes_of([], [], suggested=True) == {"fixes": "suggested"}
    assert fixes_of(["suggested"], [], suggested=False) == {"fixes": "suggested"}


@pytest.mark.parametrize(
    ("fixes", "category_map", "suggested"),
    [([], [], False), (["a=b"], [], True), (["clip"], [], False), (["a=b"], ["7"], False), (["a=b"], ["x=1"], False)],
)
def test_what_is_no_pair_is_refused(fixes: list[str], category_map: list[str], *, suggested: bool) -> None:
    with pytest.raises(CliError) as refused:
        fixes_of(fixes, category_map, suggested=suggested)
    assert refused.value.exit_code is Exit.USAGE


def test_a_version_is_made_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    paper = Paper()
    body = fixes_of(["ROW_CORNER_OUTSIDE=clip"], [], suggested=False)
    assert run_fixes(paper.client, "shapes", body, wait=True, as_json=False) is Exit.OK

    assert paper.sent == [("/datasets/shapes/versions", {"fixes": {"ROW_CORNER_OUTSIDE": "clip"}})]
    out = capsys.readouterr().out
    assert "shapes is at version 2: ROW_CORNER_OUTSIDE=clip, 5 changed (for training)." in out
    assert "5 mended" in out
    assert "5 mended, 1 left" in out


def test_a_version_that_fails_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    paper = Paper(JOB | {"state": "failed", "error": {"title": "The fixes do not fit", "detail": "Ids begin at 0."}})
    assert run_fixes(paper.client, "shapes", {"fixes": "suggested"}, wait=True, as_json=False) is Exit.FAILED
    assert "no version was made (failed). The fixes do not fit: Ids begin at 0." in capsys.readouterr().err


def test_a_preview_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    paper = Paper()
    show_preview(paper.client, "shapes", {"fixes": "suggested"}, as_json=False)

    assert paper.sent == [("/datasets/shapes/versions?dry_run=true", {"fixes": "suggested"})]
    assert "Of 2,000 images, the first of 5,000, 4 would change:" in capsys.readouterr().out


@pytest.mark.parametrize(("to", "sent"), [(None, 1), (5, 5)])
def test_undoing_goes_back_to_where_the_newest_came_from(
    to: int | None, sent: int, capsys: pytest.CaptureFixture[str]
) -> None:
    paper = Paper()
    assert run_undo(paper.client, "shapes", to, note="", wait=False, as_json=False) is Exit.OK
    assert paper.sent == [("/datasets/shapes/rollback", {"version": sent})]
    assert "status --follow" in capsys.readouterr().out


def test_the_history_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    show_versions(Paper().client, "shapes", limit=50, cursor=None, as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][:3] == ["2", "fixes", "1"]
    assert lines[2][:3] == ["1", "import", "-"]
    assert " ".join(lines[2]).endswith("as it was imported")


def test_an_import_with_fixes_waits_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    paper = Paper()
    request = ImportRequest(source="https://host/shapes.zip", fixes={"fixes": "suggested"})
    assert run_import(paper.client, request, wait=True, as_json=True) is Exit.OK
    assert paper.sent[0][1] == request.body()
    assert request.body()["fixes"] == "suggested"

    paper = Paper(JOB | {"state": "failed"})
    assert run_import(paper.client, request, wait=True, as_json=True) is Exit.FAILED
    capsys.readouterr()
