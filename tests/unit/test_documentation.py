"""What can be listed is documented, and what is documented exists: tables of docs/ against the code, both ways."""

import importlib
import json
import pkgutil
import re
import types
import typing
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx2
import pytest
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, SecretStr

import services
import services.api.routers
import services.ingest.routes
import shared
from services.api.main import create_app
from services.api.problems import status_of
from services.api.settings import ApiSettings
from services.ingest.settings import IngestSettings
from services.worker.settings import WorkerSettings
from shared.features.jobs.models import JobKind
from shared.formats.annotations.fixes.table import FIXES, MEANINGS
from shared.formats.annotations.registry import FORMATS
from shared.formats.annotations.writers.losses import LOSSES
from shared.formats.annotations.writers.registry import WRITE_FORMATS
from shared.formats.rules import RULES
from shared.foundation.errors import AppError, all_problem_types
from shared.foundation.mongo import connect
from shared.foundation.settings import CommonSettings, EngineSettings, MongoSettings
from shared.foundation.telemetry import EngineMetrics, HttpMetrics
from shared.wiring.container import make_repositories

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
SERVICES: dict[str, type[CommonSettings]] = {"api": ApiSettings, "ingest": IngestSettings, "worker": WorkerSettings}
# Made by the web framework or by services/api/problems.py, without a class of their own.
FRAMEWORK_PROBLEMS = {
    "invalid-request": "422",
    "http-400": "400",
    "http-404": "404",
    "http-405": "405",
    "http-416": "416",
}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

Rows = dict[str, tuple[str, ...]]


def table(page: str, heading: str) -> Rows:
    """The rows of the table below a heading, by their first cell; code marks are taken off."""
    text = (DOCS / page).read_text()
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/{page} has no section {heading!r}"
    lines = [line for line in section[1].splitlines() if line.startswith("|")][2:]
    cells = [tuple(cell.strip().replace("\\|", "|") for cell in _cells(line)) for line in lines]
    assert cells, f"the section {heading!r} of docs/{page} has no table"
    rows = {first.strip("`"): tuple(rest) for first, *rest in cells}
    assert len(rows) == len(cells), f"a row stands twice below {heading!r} of docs/{page}"
    return rows


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip())[1:-1]


def columns(rows: Rows, *indexes: int) -> Rows:
    return {key: tuple(row[index].strip("`") for index in indexes) for key, row in rows.items()}


# -- settings


def settings_rows() -> Rows:
    """Name in the environment -> default, services that read it, description."""
    readers: dict[str, list[str]] = defaultdict(list)
    facts: dict[str, tuple[str, str]] = {}
    for service, kind in SERVICES.items():
        for name, default, description in _settings(kind):
            readers[name] += [service] * (service not in readers[name])  # backends may have a setting in common
            assert facts.setdefault(name, (default, description)) == (default, description), name
    return {name: (default, ", ".join(readers[name]), text) for name, (default, text) in facts.items()}


def _settings(kind: type[CommonSettings]) -> Iterator[tuple[str, str, str]]:
    for group, info in kind.model_fields.items():
        variants = _variants(info.annotation)
        choices = {variant.model_fields["backend"].default: variant for variant in variants if len(variants) > 1}
        if choices:
            text = " ".join(f"`{name}`: {one.model_fields['backend'].description}" for name, one in choices.items())
            yield _env(group, "backend"), info.default.backend, text
        for variant in variants:
            values = info.default if isinstance(info.default, variant) else variant.model_construct()
            for name, field in variant.model_fields.items():
                if not (choices and name == "backend"):
                    default = "(required)" if field.is_required() else _shown(getattr(values, name))
                    yield _env(group, name), default, field.description or ""


def _variants(annotation: object) -> list[type[BaseModel]]:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return [variant for variant in typing.get_args(annotation) if issubclass(variant, BaseModel)]
    assert isinstance(annotation, type)
    assert issubclass(annotation, BaseModel), f"a setting outside a group: {annotation}"
    return [annotation]


def _env(group: str, name: str) -> str:
    return f"DATAYARD_{group}__{name}".upper()


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, bool | int | float | list) else str(value)


def test_every_setting_is_in_docs_settings_md() -> None:
    documented = columns(table("settings.md", "Settings of the services"), 0, 1)
    described = {name: row[2] for name, row in table("settings.md", "Settings of the services").items()}
    real = settings_rows()
    assert documented == {name: row[:2] for name, row in real.items()}
    assert described == {name: row[2] for name, row in real.items()}
    assert all(described.values()), "a setting without a description"


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    example = set(re.findall(r"^#?(DATAYARD_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example - {"DATAYARD_URL"} == set(settings_rows())


# -- problems


def problem_rows() -> Rows:
    """Slug -> status, of every failure that has a class, and of the framework's."""
    _import_everything()
    rows = {kind.slug: (str(status_of(kind.__new__(kind))),) for kind in _kinds()}
    return {**rows, **{slug: (status,) for slug, status in FRAMEWORK_PROBLEMS.items()}}


def _kinds() -> list[type[AppError]]:
    """Every class of failure of the project; tests may have made more."""
    return [kind for kind in all_problem_types() if kind.__module__.startswith(("services.", "shared."))]


def _import_everything() -> None:
    for package in (shared, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("__main__", "celery_app")):
                importlib.import_module(module.name)


def test_every_problem_type_is_in_docs_problems_md() -> None:
    documented = table("problems.md", "Problem types")
    assert columns(documented, 0) == problem_rows()
    assert all(all(row) for row in documented.values())


def test_a_slug_means_one_thing() -> None:
    _import_everything()
    kinds = [kind for kind in _kinds() if kind.__name__ not in {"AppError", "Internal"}]
    assert len({kind.slug for kind in kinds}) == len(kinds)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.slug) for kind in kinds)


@pytest.mark.parametrize(
    ("method", "path", "content", "slug"),
    [
        ("GET", "/nothing/here", b"", "http-404"),
        ("DELETE", "/jobs", b"", "http-405"),
        ("POST", "/datasets/import", b"{}", "invalid-request"),
        ("POST", "/datasets/import", b"{", "invalid-request"),
        ("POST", "/datasets/import", b'{"name": "\xff"}', "http-400"),
    ],
)
async def test_the_frameworks_refusals_are_the_documented_ones(
    method: str, path: str, content: bytes, slug: str
) -> None:
    app = create_app(ApiSettings())
    try:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://yard") as client:
            answer = await client.request(method, path, content=content, headers={"Content-Type": "application/json"})
    finally:
        await app.state.container.close()
    assert answer.json()["type"] == f"/problems/{slug}"
    assert (str(answer.status_code),) == columns(table("problems.md", "Problem types"), 0)[slug]


# -- exports


def test_every_loss_of_an_export_is_in_docs_exports_md() -> None:
    real = {loss.id: (str(loss.severity), loss.meaning, loss.suggestion) for loss in LOSSES.values()}
    assert table("exports.md", "What is lost") == real


def test_what_formats_carry_is_in_docs_exports_md() -> None:
    tasks = ("detect", "segment", "pose", "obb", "classify")
    real = {name: tuple(made.carries.get(task, "—") for task in tasks) for name, made in WRITE_FORMATS.items()}
    assert table("exports.md", "What formats carry") == real


# -- rules, kinds, routes, collections, metrics


def rule_rows() -> Rows:
    return {
        rule.id: (
            str(rule.severity),
            rule.meaning,
            rule.suggestion,
            ", ".join(f"{trainer}: {effect}" for trainer, effect in rule.effect.items()),
        )
        for rule in RULES.values()
    }


def test_every_rule_is_in_docs_rules_md() -> None:
    assert table("rules.md", "Rules") == rule_rows()


def test_every_fix_is_in_docs_fixes_md() -> None:
    said = {
        rule: (", ".join(f"`{fix}`" for fix in fixes.allowed), f"`{fixes.suggested}`" if fixes.suggested else "")
        for rule, fixes in FIXES.items()
    }
    assert table("fixes.md", "Fixes by rule") == said
    assert table("fixes.md", "What they do") == {fix: (meaning,) for fix, meaning in MEANINGS.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_page(name: str) -> None:
    page = (DOCS / "formats" / f"{name}.md").read_text()
    parts = [part.partition("\n")[::2] for part in page.split("\n## ")[1:]]
    said = {heading: text.strip() for heading, text in parts}
    assert all(said.get(heading) for heading in ("What is read", "What is written", "What is lost"))
    assert f"formats/{name}.md" in (DOCS / "layouts.md").read_text()


def test_pages_of_formats_are_of_formats() -> None:
    assert {page.stem for page in (DOCS / "formats").glob("*.md")} == set(FORMATS)


def test_every_kind_of_job_is_documented() -> None:
    assert set(table("architecture.md", "Kinds of jobs")) == set(typing.get_args(JobKind))


def route_rows() -> set[str]:
    """Every `METHOD /path` of both doors, those outside the API's description among them."""
    doors = (services.api.routers, services.ingest.routes)
    routes = [route for package in doors for route in _routes(package)]
    found = {f"{method} {route.path}" for route in routes for method in route.methods & METHODS}
    return found | {"GET /", "GET /docs", "GET /openapi.json"}


def _routes(package: ModuleType) -> Iterator[APIRoute]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield from (r for r in importlib.import_module(module.name).router.routes if isinstance(r, APIRoute))


def test_every_route_is_in_docs_http_md() -> None:
    documented = {**table("http.md", "Routes of the API"), **table("http.md", "Routes of ingest")}
    assert {route for route in documented if route != "GET /health/live"} == route_rows() - {"GET /health/live"}
    assert all(all(row) for row in documented.values())


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
def test_the_api_description_has_no_route_that_is_not_documented() -> None:
    paths = create_app(ApiSettings()).openapi()["paths"]
    described = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert described <= set(table("http.md", "Routes of the API"))


def collection_rows() -> Rows:
    client = connect(MongoSettings())
    specs = make_repositories(client["unused"], EngineSettings()).specs
    return {spec.name: (" · ".join(_index(index.document) for index in spec.indexes),) for spec in specs}


def _index(document: dict[str, typing.Any]) -> str:
    keys = ", ".join(f"{'-' if order == -1 else ''}{name}" for name, order in document["key"].items())
    return f"`{keys}`" + (" unique" if document.get("unique") else "")


def test_every_collection_and_index_is_documented() -> None:
    documented = {name: (row[1],) for name, row in table("architecture.md", "Collections").items()}
    assert documented == collection_rows()


def metric_names() -> set[str]:
    registry = CollectorRegistry()
    HttpMetrics(registry)
    EngineMetrics(registry)
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in registry.collect()}


def test_every_metric_is_in_the_runbook() -> None:
    assert set(table("runbook.md", "Metrics")) == metric_names()


# -- pages


def test_every_feature_can_be_found() -> None:
    assert set(table("architecture.md", "Find a feature")) == folders_of("shared/features")
    assert set(table("architecture.md", "Inside `imports`")) == folders_of("shared/features/imports")


def folders_of(package: str) -> set[str]:
    return {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_to_is_there(page: Path) -> None:
    text = page.read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert not [link for link in links if link and not (page.parent / link).exists()]
    paths = re.findall(r"`((?:services|shared)/[\w/.]+)`", text)
    assert not [path for path in paths if not (ROOT / path).exists()]
    modules = re.findall(r"`((?:services|shared)(?:\.\w+)+)`", text)
    assert not [name for name in modules if not _is_there(name)]


def _is_there(name: str) -> bool:
    """Whether a dotted name is a package, a module, or something in a module."""
    place = ROOT / name.replace(".", "/")
    if place.is_dir() or place.with_suffix(".py").is_file():
        return True
    module, _, member = name.rpartition(".")
    file = (ROOT / module.replace(".", "/")).with_suffix(".py")
    pattern = rf"^(?:class |def |async def )?{member}\b"
    return file.is_file() and re.search(pattern, file.read_text(), re.MULTILINE) is not None


DECISIONS = sorted((DOCS / "adr").glob("*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_why_in_sixty_lines(page: Path) -> None:
    lines = page.read_text().splitlines()
    assert len(lines) <= 60
    assert [line for line in lines if line.startswith("## ")] == [
        "## Status", "## Context", "## Decision", "## Consequences",
    ]  # fmt: skip
    assert lines[0].startswith(f"# {int(page.stem[:4])}. ")


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
