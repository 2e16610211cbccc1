"""The user's settings win over the supervisor's."""

from pathlib import Path

import pytest

from services.cli.up.environment import fill_in, process_environment, user_settings, yard_settings

DATA = Path("/data")
ADDRESSES = {"DATAYARD_MONGO__URL": "mongodb://ours", "DATAYARD_QUEUE__BROKER_URL": "redis://ours"}


def settings(user: dict[str, str], *, allow_private_sources: bool = False) -> dict[str, str]:
    return yard_settings(user, data=DATA, workers=3, allow_private_sources=allow_private_sources, addresses=ADDRESSES)


def test_without_a_user_a_laptop_works() -> None:
    assert settings({}) == {
        **ADDRESSES,
        "DATAYARD_OBJECT_STORE__BACKEND": "local",
        "DATAYARD_OBJECT_STORE__ROOT": "/data/objects",
        "DATAYARD_QUEUE__BACKEND": "celery",
        "DATAYARD_LAUNCHER__BACKEND": "celery",
        "DATAYARD_SOURCES__ALLOW_FILES": "true",
        "DATAYARD_SOURCES__ALLOW_PRIVATE": "false",
        "DATAYARD_ENGINE__CLAIMERS": "3",
        "DATAYARD_API__HOSTS": '["127.0.0.1", "localhost", "::1", "[::1]"]',
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATAYARD_MONGO__URL", "mongodb://theirs"),
        ("DATAYARD_QUEUE__BROKER_URL", "redis://theirs"),
        ("DATAYARD_ENGINE__CLAIMERS", "9"),
        ("DATAYARD_SOURCES__ALLOW_FILES", "false"),
        ("DATAYARD_SOURCES__ALLOW_PRIVATE", "true"),
        ("DATAYARD_OBJECT_STORE__ROOT", "/elsewhere"),
        ("DATAYARD_LOG__LEVEL", "DEBUG"),
    ],
)
def test_what_the_user_set_wins(name: str, value: str) -> None:
    assert settings({name: value}) == {**settings({}), name: value}


def test_members_of_our_backend_are_not_given_to_another_one() -> None:
    decided = settings({"DATAYARD_OBJECT_STORE__BACKEND": "gcs", "DATAYARD_OBJECT_STORE__BUCKET": "b"})
    assert "DATAYARD_OBJECT_STORE__ROOT" not in decided
    assert decided["DATAYARD_OBJECT_STORE__BACKEND"] == "gcs"


def test_naming_our_own_backend_changes_nothing() -> None:
    assert settings({"DATAYARD_OBJECT_STORE__BACKEND": "local"}) == settings({})


def test_a_group_given_as_json_is_the_users_as_a_whole() -> None:
    user = {"DATAYARD_MONGO": '{"url": "mongodb://theirs"}'}
    assert "DATAYARD_MONGO__URL" not in settings(user)
    assert fill_in(user, {"DATAYARD_MONGO__URL": "mongodb://ours"}) == {}


def test_the_flag_for_private_sources_wins_over_the_setting() -> None:
    decided = settings({"DATAYARD_SOURCES__ALLOW_PRIVATE": "false"}, allow_private_sources=True)
    assert decided["DATAYARD_SOURCES__ALLOW_PRIVATE"] == "true"


def test_the_environment_wins_over_the_file_and_names_are_in_capitals(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATAYARD_LOG__LEVEL=DEBUG\nDATAYARD_MONGO__URL=mongodb://file\nOTHER=1\n")
    found = user_settings({"datayard_mongo__url": "mongodb://env", "PATH": "/bin"}, folder=tmp_path)
    assert found == {"DATAYARD_LOG__LEVEL": "DEBUG", "DATAYARD_MONGO__URL": "mongodb://env"}


def test_a_process_inherits_everything_else() -> None:
    env = process_environment({"DATAYARD_MONGO__URL": "b"}, environ={"PATH": "/bin", "datayard_mongo__url": "a"})
    assert env["PATH"] == "/bin"
    assert env["DATAYARD_MONGO__URL"] == "b"
    assert "datayard_mongo__url" not in env
