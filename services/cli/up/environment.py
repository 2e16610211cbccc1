"""The environment of a yard's processes: what the user has set wins, the supervisor fills in the rest."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

MONGO_URL = "DATAYARD_MONGO__URL"
BROKER_URL = "DATAYARD_QUEUE__BROKER_URL"
CALLBACK_URL = "DATAYARD_CALLBACK__URL"
CALLBACK_TOKEN = "DATAYARD_CALLBACK__TOKEN"  # noqa: S105 - the name of a setting
INGEST_PORT = "DATAYARD_INGEST__PORT"
QUEUE, LAUNCHER, CALLERS = "DATAYARD_QUEUE", "DATAYARD_LAUNCHER", "DATAYARD_CALLERS"
_PREFIX = "DATAYARD_"
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1", "[::1]")
# Groups whose members depend on their backend: ours fit only the backend that is named here.
_BACKENDS = {"DATAYARD_OBJECT_STORE": "local", QUEUE: "celery", LAUNCHER: "celery", CALLERS: "token"}


def user_settings(environ: Mapping[str, str] | None = None, *, folder: Path | None = None) -> dict[str, str]:
    """What the user has set by the environment or by `.env` (the environment wins), names in capitals."""
    file = {k: v for k, v in dotenv_values((folder or Path.cwd()) / ".env").items() if v is not None}
    every = {**file, **(os.environ if environ is None else environ)}
    return {k.upper(): v for k, v in every.items() if k.upper().startswith(_PREFIX)}


def is_ours(group: str, user: Mapping[str, str]) -> bool:
    """Whether a group of settings names the backend that a laptop has, or none."""
    return user.get(f"{group}__BACKEND", _BACKENDS[group]).lower() == _BACKENDS[group]


def _backend_is_theirs(name: str, user: Mapping[str, str]) -> bool:
    group = name.split("__", maxsplit=1)[0]
    return group in _BACKENDS and not is_ours(group, user)


def fill_in(user: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """`ours` without what the user has decided: the setting itself, its whole group as JSON, or another backend."""
    return {
        name: value
        for name, value in ours.items()
        if name not in user and name.split("__", maxsplit=1)[0] not in user and not _backend_is_theirs(name, user)
    }


def yard_settings(
    user: Mapping[str, str],
    *,
    data: Path,
    workers: int,
    allow_private_sources: bool,
    addresses: Mapping[str, str],
) -> dict[str, str]:
    """The settings of every process of a yard: the user's, and for the rest what makes a laptop work.

    `addresses` are settings that depend on chosen ports; a flag that allows private sources wins over a setting.
    """
    ours = {
        "DATAYARD_OBJECT_STORE__BACKEND": "local",
        "DATAYARD_OBJECT_STORE__ROOT": str(data / "objects"),
        "DATAYARD_QUEUE__BACKEND": "celery",
        "DATAYARD_LAUNCHER__BACKEND": "celery",
        "DATAYARD_SOURCES__ALLOW_FILES": "true",
        "DATAYARD_SOURCES__ALLOW_PRIVATE": "false",
        "DATAYARD_ENGINE__CLAIMERS": str(workers),
        "DATAYARD_API__HOSTS": json.dumps(_LOOPBACK_NAMES),
        **addresses,
    }
    decided = {**user, **fill_in(user, ours)}
    return decided | ({"DATAYARD_SOURCES__ALLOW_PRIVATE": "true"} if allow_private_sources else {})


def process_environment(settings: Mapping[str, str], *, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: everything of this process, with `settings` in place of its DATAYARD_ names."""
    inherited = os.environ if environ is None else environ
    rest = {k: v for k, v in inherited.items() if not k.upper().startswith(_PREFIX)}
    root = {"C_FORCE_ROOT": "1"} if os.geteuid() == 0 else {}  # Celery refuses to run as root without
    return {**rest, "PYTHONUNBUFFERED": "1", **root, **settings}
