"""What product.md section 2 promises of every path: problems, correlation ids, ETags, gzip, cursors, idempotency."""

from pathlib import Path

import httpx2
import pytest

from services.api.main import build_app
from tests.factories.archives import yolo_zip
from tests.factories.yard import Yard


@pytest.fixture
async def shapes(yard: Yard, tmp_path: Path) -> str:
    """The slug of a dataset of 60 images."""
    yolo_zip(tmp_path / "shapes.zip", images=60)
    assert (await yard.imported(tmp_path / "shapes.zip"))["state"] == "succeeded"
    return "shapes"


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/datasets/nothing", 404, "dataset-not-found"),
        ("DELETE", "/datasets/nothing", 404, "dataset-not-found"),
        ("GET", "/datasets/nothing/images", 404, "dataset-not-found"),
        ("GET", "/datasets/import/nothing/status", 404, "job-not-found"),
        ("POST", "/datasets/import/nothing/cancel", 404, "job-not-found"),
        ("GET", "/no/such/path", 404, "http-404"),
        ("PUT", "/datasets", 405, "http-405"),
        ("GET", "/datasets?limit=0", 422, "invalid-request"),
        ("GET", "/datasets?cursor=abc", 422, "bad-cursor"),
        ("GET", "/datasets?cursor=%00", 422, "invalid-request"),
        ("POST", "/datasets/import", 422, "invalid-request"),
    ],
)
async def test_failures_are_problem_documents(yard: Yard, method: str, path: str, status: int, slug: str) -> None:
    answer = await yard.api.request(method, path, headers={"X-Correlation-Id": "abc-1"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"/problems/{slug}"
    assert body["status"] == status
    assert body["correlation_id"] == answer.headers["x-correlation-id"] == "abc-1"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == path.partition("?")[0]


async def test_invalid_requests_name_the_part(yard: Yard) -> None:
    answer = await yard.api.post("/datasets/import", json={"source": "x", "storage": "tape"})

    assert [one["pointer"] for one in answer.json()["errors"]] == ["#/body/storage"]


async def test_the_same_paths_answer_under_api(yard: Yard, shapes: str) -> None:
    assert (await yard.api.get(f"/api/datasets/{shapes}")).json() == (await yard.api.get(f"/datasets/{shapes}")).json()


async def test_reads_are_conditional(yard: Yard, shapes: str) -> None:
    first = await yard.api.get(f"/datasets/{shapes}")
    again = await yard.api.get(f"/datasets/{shapes}", headers={"If-None-Match": first.headers["etag"]})
    other = await yard.api.get(f"/datasets/{shapes}", headers={"If-None-Match": 'W/"else"'})

    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200


async def test_large_json_is_compressed_and_files_are_not(yard: Yard, shapes: str) -> None:
    page = await yard.api.get(f"/datasets/{shapes}/images", headers={"Accept-Encoding": "gzip"})
    file = await yard.api.get(page.json()["items"][0]["urls"]["file"], headers={"Accept-Encoding": "gzip"})

    assert page.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in file.headers


async def test_cursors_walk_every_image_once(yard: Yard, shapes: str) -> None:
    seen: list[str] = []
    params: dict[str, str | int] = {"limit": 7}
    while True:
        page = (await yard.api.get(f"/datasets/{shapes}/images", params=params)).json()
        seen += [image["path"] for image in page["items"]]
        assert page["total"] == 60
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]

    assert seen == sorted(set(seen))
    assert len(seen) == 60


async def test_offset_jumps(yard: Yard, shapes: str) -> None:
    everything = (await yard.api.get(f"/datasets/{shapes}/images", params={"limit": 60})).json()["items"]
    jumped = (await yard.api.get(f"/datasets/{shapes}/images", params={"limit": 5, "offset": 50})).json()["items"]

    assert jumped == everything[50:55]


async def test_a_walk_survives_documents_added_meanwhile(yard: Yard, shapes: str) -> None:
    """A cursor says where the reader stopped: what is written before that place shifts nothing."""
    first = (await yard.api.get(f"/datasets/{shapes}/images", params={"limit": 20})).json()
    document = await yard.database["images"].find_one({"path": first["items"][0]["path"]})
    assert document is not None
    await yard.database["images"].insert_one({**document, "_id": "early", "path": "0/early.jpg"})

    params = {"limit": 500, "cursor": first["next_cursor"]}
    rest = (await yard.api.get(f"/datasets/{shapes}/images", params=params)).json()["items"]

    paths = [image["path"] for image in first["items"] + rest]
    assert len(paths) == len(set(paths)) == 60


async def test_filters_and_their_totals(yard: Yard, shapes: str) -> None:
    everything = await yard.all_images(shapes)
    for split in {image["split"] for image in everything}:
        for category in ("person", "car"):
            page = (
                await yard.api.get(f"/datasets/{shapes}/images", params={"split": split, "category": category})
            ).json()
            expected = [
                image["path"]
                for image in everything
                if image["split"] == split and category in {one["category"] for one in image["annotations"]}
            ]
            assert [image["path"] for image in page["items"]] == expected
            assert page["total"] == len(expected)


async def test_unknown_category_is_a_problem(yard: Yard, shapes: str) -> None:
    answer = await yard.api.get(f"/datasets/{shapes}/images", params={"category": "unicorn"})

    assert answer.json()["type"] == "/problems/category-not-found"


@pytest.mark.parametrize(
    ("header", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=5-999999999", 206, slice(5, None)),
        ("bytes=999999999-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
        ("bytes=9-3", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
async def test_files_are_served_by_range(yard: Yard, shapes: str, header: str, status: int, part: slice) -> None:
    image = (await yard.api.get(f"/datasets/{shapes}/images", params={"limit": 1})).json()["items"][0]
    whole = await yard.api.get(image["urls"]["file"])
    answer = await yard.api.get(image["urls"]["file"], headers={"Range": header})

    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(whole.content)}"
        assert answer.json()["type"] == "/problems/http-416"
    else:
        assert answer.content == whole.content[part]
    assert whole.headers["etag"] == f'"{image["sha256"]}"'
    assert whole.headers["accept-ranges"] == "bytes"


async def test_files_are_conditional(yard: Yard, shapes: str) -> None:
    image = (await yard.api.get(f"/datasets/{shapes}/images", params={"limit": 1})).json()["items"][0]
    url, etag = image["urls"]["file"], f'"{image["sha256"]}"'

    assert (await yard.api.get(url, headers={"If-None-Match": etag})).status_code == 304
    stale = {"Range": "bytes=0-1", "If-Range": '"old"'}
    assert (await yard.api.get(url, headers=stale)).status_code == 200
    assert (await yard.api.get(url, headers={**stale, "If-Range": etag})).status_code == 206
    head = await yard.api.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(image["size_bytes"]), b"")


async def test_one_idempotency_key_is_one_job(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=4)
    body, headers = {"source": str(tmp_path / "a.zip")}, {"Idempotency-Key": "k-1"}

    first = await yard.api.post("/datasets/import", json=body, headers=headers)
    again = await yard.api.post("/datasets/import", json=body, headers=headers)
    other = await yard.api.post("/datasets/import", json={**body, "name": "b"}, headers=headers)

    assert first.status_code == again.status_code == 202
    assert first.json()["job_id"] == again.json()["job_id"]
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-conflict")
    await yard.ended(first.json()["job_id"])
    assert (await yard.api.get("/jobs")).json()["total"] == 1


async def test_the_same_archive_twice_is_two_equal_datasets(yard: Yard, tmp_path: Path) -> None:
    yolo_zip(tmp_path / "a.zip", images=10)
    for _ in range(2):
        await yard.imported(tmp_path / "a.zip")

    one, two = [await yard.all_images(slug) for slug in ("a", "a-2")]
    differing = {"id", "urls"}
    assert [{k: v for k, v in image.items() if k not in differing} for image in one] == [
        {k: v for k, v in image.items() if k not in differing} for image in two
    ]
    statistics = [(await yard.api.get(f"/datasets/{slug}/statistics")).json() for slug in ("a", "a-2")]
    assert statistics[0] == statistics[1]


async def test_datasets_are_changed_and_trashed(yard: Yard, shapes: str) -> None:
    changed = (await yard.api.patch(f"/datasets/{shapes}", json={"name": "Forms", "tags": ["x"]})).json()
    assert (changed["name"], changed["tags"], changed["slug"]) == ("Forms", ["x"], shapes)
    assert (await yard.api.get("/datasets", params={"q": "FORM"})).json()["total"] == 1
    assert (await yard.api.get("/datasets", params={"q": ".*"})).json()["total"] == 0

    assert (await yard.api.delete(f"/datasets/{shapes}")).status_code == 204
    assert (await yard.api.get(f"/datasets/{shapes}")).status_code == 404
    assert (await yard.api.get("/datasets")).json()["total"] == 0


async def test_ready_names_each_dependency(yard: Yard) -> None:
    answer = await yard.api.get("/health/ready")

    assert answer.json() == {
        "status": "ready",
        "dependencies": {"database": "ok", "migrations": "ok", "object_store": "ok", "queue": "ok"},
    }
    assert (await yard.api.get("/health/live")).json() == {"status": "live"}


async def test_metrics_count_requests_by_route(yard: Yard) -> None:
    transport = httpx2.ASGITransport(build_app(yard.container, yard.checks))
    async with httpx2.AsyncClient(transport=transport, base_url="http://fresh") as client:
        await client.get("/datasets/nothing")
        text = (await client.get("/metrics")).text

    assert 'datayard_http_requests_total{method="GET",route="/datasets/{dataset}",status="404"} 1.0' in text


async def test_a_request_addressed_to_a_strangers_name_is_refused(yard: Yard) -> None:
    """Otherwise a page whose host name was made to point to this machine could import and read its files."""
    transport = httpx2.ASGITransport(build_app(yard.container, yard.checks, hosts=("127.0.0.1", "localhost")))
    async with httpx2.AsyncClient(transport=transport) as client:
        answers = [await client.get(f"http://{host}/health/live") for host in ("localhost:8000", "evil.example:8000")]

    assert [answer.status_code for answer in answers] == [200, 400]
