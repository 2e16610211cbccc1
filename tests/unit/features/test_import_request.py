"""What an import is asked for: the addresses of its source, and the name when none is given."""

import pytest
from pydantic import ValidationError

from shared.features.imports.models import ImportRequest
from shared.features.imports.service import _name_of

ARCHIVE = "https://host/a.zip"


@pytest.mark.parametrize("source", [ARCHIVE, {"archive": ARCHIVE}])
def test_the_archive_is_the_source(source: object) -> None:
    request = ImportRequest.model_validate({"source": source})
    assert request.addresses == {"archive": ARCHIVE}
    assert request.shown_source == ARCHIVE


def test_parts_come_in_the_order_of_their_precedence() -> None:
    parts = {"labels": "https://me:secret@host/l.zip?token=1", "images": "/data/i", "config": "https://host/c.yaml"}
    request = ImportRequest.model_validate({"source": parts})
    assert list(request.addresses) == ["config", "images", "labels"]
    assert request.addresses["images"] == "file:///data/i"
    assert request.shown_source == "config: https://host/c.yaml, images: file:///data/i, labels: https://host/l.zip"
    assert ImportRequest.model_validate_json(request.model_dump_json()) == request
    assert list(ImportRequest.model_validate({"source": {"images": ARCHIVE}}).addresses) == ["images"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"source": ""},
        {"source": "x" * 4097},
        {"source": ARCHIVE, "sauce": 1},
        {"source": {}},
        {"source": {"archive": None}},
        {"source": {"archive": ARCHIVE, "labels": ARCHIVE}},
        {"source": {"archive": ARCHIVE, "config": ARCHIVE}},
        {"source": {"archive": ARCHIVE, "images": ARCHIVE}},
        {"source": {"labels": ARCHIVE, "config": ARCHIVE}},
        {"source": {"images": ARCHIVE, "masks": ARCHIVE}},
        {"source": {"images": ""}},
        {"source": {"images": ARCHIVE}, "storage": "packed", "in_place": True},
        {"source": {"images": ARCHIVE}, "checksum": "sha256:" + "a" * 64},
        {"source": ARCHIVE, "name": "   "},
        {"source": ARCHIVE, "name": "x" * 201},
        {"source": ARCHIVE, "format": "parquet"},
        {"source": ARCHIVE, "storage": "elsewhere"},
        {"source": ARCHIVE, "checksum": "sha256:abc"},
        {"source": ARCHIVE, "checksum": "sha256:" + "A" * 64},
        {"source": ARCHIVE, "on_finding": "ignore"},
    ],
)
def test_what_does_not_fit_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ImportRequest.model_validate(body)


def test_the_defaults_are_those_of_the_documentation() -> None:
    request = ImportRequest(source=ARCHIVE)
    assert (request.format, request.task, request.storage, request.on_finding) == ("auto", "auto", "objects", "skip")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("https://host/raccoons.zip", "raccoons"),
        ("https://host/a/b/raccoons.tar.gz?token=1#x", "raccoons"),
        ("https://host/raccoons.TGZ", "raccoons"),
        ("https://host/raccoons.tar.bz2", "raccoons"),
        ("https://host/raccoons.tar", "raccoons"),
        ("https://host/raccoons.v2.zip", "raccoons.v2"),
        ("https://host/raccoons.zip.zip", "raccoons.zip"),
        ("https://host/raccoons", "raccoons"),
        ("https://host/two%20words.zip", "two words"),
        ("https://host/folder/", "folder"),
        ("https://host/folder%2Fraccoons.zip", "raccoons"),
        ("https://host/", "dataset"),
        ("https://host", "dataset"),
        ("https://host/.zip", "dataset"),
        ("https://host/%20.zip", "dataset"),
        ("file:///home/me/raccoons.zip", "raccoons"),
        ("/home/me/raccoons.zip", "raccoons"),
        ("/home/me/raccoons/", "raccoons"),
        ("https://host/raccoons.tar.xz", "raccoons"),
        ("https://host/raccoons.TZST", "raccoons"),
        ({"images": "https://host/train2017.zip", "labels": "https://host/labels.zip"}, "train2017"),
        ({"images": "https://host/raccoons/Images.zip"}, "raccoons"),
        ({"images": "https://host/images.zip"}, "dataset"),
        ("https://host/" + "x" * 500 + ".zip", "x" * 200),
    ],
)
def test_without_a_name_it_is_the_files(source: object, name: str) -> None:
    assert _name_of(ImportRequest.model_validate({"source": source})) == name


def test_a_given_name_wins() -> None:
    assert _name_of(ImportRequest(source=ARCHIVE, name="  Raccoons ")) == "Raccoons"
