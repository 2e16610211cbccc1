"""What an import is asked for: the one address of its archive, and the name when none is given."""

import pytest
from pydantic import ValidationError

from shared.features.imports.models import ImportRequest
from shared.features.imports.service import _name_of

ARCHIVE = "https://host/a.zip"


@pytest.mark.parametrize("source", [ARCHIVE, {"archive": ARCHIVE}])
def test_the_archive_is_the_source(source: object) -> None:
    assert ImportRequest.model_validate({"source": source}).archive_uri == ARCHIVE


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
        ("https://host/" + "x" * 500 + ".zip", "x" * 200),
    ],
)
def test_without_a_name_it_is_the_files(source: str, name: str) -> None:
    assert _name_of(ImportRequest(source=source)) == name


def test_a_given_name_wins() -> None:
    assert _name_of(ImportRequest(source=ARCHIVE, name="  Raccoons ")) == "Raccoons"
