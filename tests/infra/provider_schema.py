"""The schema of Terraform's google provider, read from the typed bindings that were generated from it.

The wheel cdktf-cdktf-provider-google has every resource as a class whose arguments are the resource's. It is read as
text, never imported. Computed values are the class's other properties.
"""

import ast
import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

WHEEL = "cdktf_cdktf_provider_google-16.12.1-py3-none-any.whl"
"""Of hashicorp/google 6.50.0."""
_PACKAGE = "cdktf_cdktf_provider_google"
_OF_TERRAFORM = {
    "connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners", "scope", "id_",
}  # fmt: skip
# Set by the provider where the configuration leaves them out.
_DEFAULTED = {"id", "project", "region", "location", "service_id", "slo_id", "name"}
_NAMES = {"lambda_": "lambda", "from_": "from", "import_": "import", "type_": "type", "global_": "global"}

_VALUES = re.compile(r":param (\w+): [^\n]*?Possible values: (\[[^\]\n]*\])")

Schema = dict[str, Any]
"""`attributes`: name → type (as JSON of Terraform), required, computed, settable, values (those it may have, or none);
`blocks`: name → single, required, schema."""


@dataclass(frozen=True)
class Bindings:
    """The wheel."""

    path: Path

    def resource(self, kind: str) -> Schema | None:
        """The schema of `google_…`, or of `data.google_…`; None if there is no such thing."""
        data, _, name = kind.rpartition(".")
        folder = name if data else name.removeprefix("google_")
        return self._schema(f"data_{folder}" if data else folder, ("TerraformResource", "TerraformDataSource"))

    def provider(self) -> Schema:
        """The schema of the provider's own block."""
        found = self._schema("provider", ("TerraformProvider",))
        assert found is not None
        return found

    def _schema(self, folder: str, bases: Sequence[str]) -> Schema | None:
        name = f"{_PACKAGE}/{folder}/__init__.py"
        if name not in self._names:
            return None
        module = _Module({one.name: one for one in ast.parse(self._archive.read(name)).body if _is_class(one)})
        return module.schema(next(one for one in module.classes.values() if _base_of(one) in bases))

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.path)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self._archive.namelist())


@dataclass(frozen=True)
class _Module:
    classes: Mapping[str, ast.ClassDef]

    def schema(self, owner: ast.ClassDef) -> Schema:
        """What may be set is in the arguments, what can only be read is in properties besides."""
        schema: Schema = {"attributes": {}, "blocks": {}}
        values = _values(owner)
        for argument, meaning in _arguments(owner):
            self._add(schema, _NAMES.get(argument, argument.rstrip("_")), meaning, values.get(argument))
        for name, meaning in _properties(owner):
            if name not in schema["attributes"] and name not in schema["blocks"]:
                kind = _type(meaning)
                schema["attributes"][name] = {"type": kind, "required": False, "computed": True, "settable": False}
        return schema

    def _add(self, schema: Schema, name: str, meaning: str, values: Sequence[str] | None) -> None:
        required = not meaning.startswith("typing.Optional")
        block = next((word for word in re.findall(r"\w+", meaning) if word in self.classes), None)
        if block is not None:
            single = "Sequence[" not in meaning
            schema["blocks"][name] = {
                "single": single, "required": required, "schema": self.schema(self.classes[block]),
            }  # fmt: skip
        else:
            computed = not required and name in _DEFAULTED
            schema["attributes"][name] = {
                "type": _type(meaning), "required": required, "computed": computed, "settable": True,
                "values": values,
            }  # fmt: skip


def _is_class(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef)


def _base_of(owner: ast.ClassDef) -> str:
    return ast.unparse(owner.bases[0]).rpartition(".")[2] if owner.bases else ""


def _values(owner: ast.ClassDef) -> Mapping[str, Sequence[str]]:
    """By argument, the values it may have, where its description lists them."""
    made = _initialiser(owner)
    return {name: json.loads(values) for name, values in _VALUES.findall(ast.get_docstring(made) or "" if made else "")}


def _initialiser(owner: ast.ClassDef) -> ast.FunctionDef | None:
    return next((one for one in owner.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)


def _arguments(owner: ast.ClassDef) -> Iterator[tuple[str, str]]:
    made = _initialiser(owner)
    for argument in made.args.kwonlyargs if made else ():
        if argument.arg not in _OF_TERRAFORM:
            yield argument.arg, ast.unparse(argument.annotation) if argument.annotation else ""


def _properties(owner: ast.ClassDef) -> Iterator[tuple[str, str]]:
    if _base_of(owner) not in {"TerraformResource", "TerraformDataSource"}:
        return
    for one in owner.body:
        if isinstance(one, ast.FunctionDef) and one.returns is not None and _is_value(one):
            yield _NAMES.get(one.name, one.name), ast.unparse(one.returns)


def _is_value(method: ast.FunctionDef) -> bool:
    is_property = any("property" in ast.unparse(decorator) for decorator in method.decorator_list)
    return is_property and not method.name.endswith("_input")


def _type(meaning: str) -> Any:
    """An annotation as a type of Terraform, in its JSON."""
    plain = "string" if "str" in meaning.lower() else "number" if "Number" in meaning else "bool"
    if "StringMap" in meaning or "Mapping[" in meaning:
        return ["map", "string"]
    if "Sequence[" in meaning or "typing.List[" in meaning:
        return ["list", plain]
    known = ("builtins.str", "jsii.Number", "builtins.bool", "IResolvable")
    return plain if any(word in meaning for word in known) else "dynamic"


def load(wheel: Path, kinds: Sequence[str]) -> Schema:
    """Schemas of the provider and of those kinds that exist; kept beside the wheel, for it takes seconds."""
    kept = wheel.with_suffix(".schema.json")
    reader = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    known: Schema = json.loads(kept.read_text()) if kept.is_file() else {}
    if known.get("reader") != reader:
        known = {"reader": reader, "provider": Bindings(wheel).provider()}
    missing = [kind for kind in kinds if kind not in known]
    if missing:
        bindings = Bindings(wheel)
        known |= {kind: bindings.resource(kind) for kind in missing}
        _keep(kept, known)
    return {kind: known[kind] for kind in ("provider", *kinds) if known[kind] is not None}


def _keep(path: Path, known: Schema) -> None:
    """At once: another process may read meanwhile."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(known, file)
    Path(file.name).replace(path)
