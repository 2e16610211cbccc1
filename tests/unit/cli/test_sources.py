"""What a person types as a source."""

from pathlib import Path

import pytest

from services.cli.failures import CliError, Exit
from services.cli.sources import Source, name_of, source_of, source_uri


@pytest.mark.parametrize(
    "uri", ["https://host/a.zip", "http://127.0.0.1:1/x?y=1", "file:///tmp/a.zip", "gs://b/a.zip", "kaggle://o/d"]
)
def test_addresses_are_left_alone(uri: str) -> None:
    assert source_uri(uri) == uri


def test_a_relative_path_becomes_an_absolute_percent_encoded_address(tmp_path: Path) -> None:
    (tmp_path / "my set #1 ü.zip").touch()
    assert source_uri("my set #1 ü.zip", here=tmp_path) == f"{tmp_path.as_uri()}/my%20set%20%231%20%C3%BC.zip"


def test_an_absolute_path_does_not_depend_on_where_we_are(tmp_path: Path) -> None:
    (tmp_path / "a.zip").touch()
    assert source_uri(str(tmp_path / "a.zip"), here=Path("/")) == (tmp_path / "a.zip").as_uri()


def test_a_tilde_is_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / "a.zip").touch()
    assert source_uri("~/a.zip", home=tmp_path) == (tmp_path / "a.zip").as_uri()


def test_dots_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.zip").touch()
    assert source_uri("../a.zip", here=tmp_path / "below") == (tmp_path / "a.zip").as_uri()


def test_a_directory_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "raccoons").mkdir()
    assert source_of(f"{tmp_path}/raccoons/", {}) == Source((tmp_path / "raccoons").as_uri(), "raccoons")


def test_parts_become_addresses_and_are_named_for_the_images(tmp_path: Path) -> None:
    (tmp_path / "images.zip").touch()
    config = "https://host/data.yaml"
    found = source_of(None, {"images": f"{tmp_path}/images.zip", "config": config})
    assert found == Source({"images": (tmp_path / "images.zip").as_uri(), "config": config}, tmp_path.name)
    assert source_of(None, {"images": "https://host/train2017.zip"}).name == "train2017"


@pytest.mark.parametrize(
    ("whole", "parts"),
    [(None, {}), ("https://h/a.zip", {"images": "https://h/b.zip"}), (None, {"labels": "https://h/b.zip"})],
)
def test_a_source_is_whole_or_in_parts(whole: str | None, parts: dict[str, str]) -> None:
    with pytest.raises(CliError, match="--images") as caught:
        source_of(whole, parts)
    assert caught.value.exit_code == Exit.USAGE


def test_a_path_to_nothing_is_a_mistake_of_use(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"no file or folder 'gone\.zip'") as caught:
        source_uri("gone.zip", here=tmp_path)
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("slip", ["https:/me:secret@host/a.zip", "HTTP:me:secret@host/a.zip"])
def test_a_mistyped_address_is_not_repeated(slip: str) -> None:
    with pytest.raises(CliError, match="lacks a slash") as caught:
        source_uri(slip)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://host/data/racoons.tar.gz?token=1", "racoons"),
        ("file:///tmp/my.set.zip", "my.set"),
        ("file:///data/folder/", "folder"),
        ("file:///data/two%20words%20%C3%BC.tgz", "two words ü"),
        ("https://host/", "host"),
        ("https://me:secret@host:8080/?key=secret", "host"),
        ("https://me:secret@[::1/a.zip", "dataset"),
        ("file:///tmp/.zip", ".zip"),
    ],
)
def test_names_come_from_the_last_segment(uri: str, name: str) -> None:
    assert name_of(uri) == name
