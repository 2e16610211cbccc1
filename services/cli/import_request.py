"""What `datayard import` is asked for, as the body of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.cli.sources import source_of

if TYPE_CHECKING:
    from services.cli.documents import JsonObject


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What a person asks to import: one source, or `parts` (images, labels, config). Any of them may be a path."""

    source: str | None = None
    name: str | None = None
    format: str = "auto"
    root: str | None = None
    task: str = "auto"
    storage: str = "objects"
    in_place: bool = False
    deep: bool = False
    checksum: str | None = None
    on_finding: str = "skip"
    parts: Mapping[str, str | None] = field(default_factory=dict)
    fixes: "JsonObject" = field(default_factory=dict)
    upload: bool = False

    def body(self) -> "JsonObject":
        """The body of POST /datasets/import. Raises CliError when a path points to nothing, or parts do not fit."""
        source = source_of(self.source, {name: part for name, part in self.parts.items() if part is not None})
        body: JsonObject = {
            "name": self.name or source.name,
            "source": source.value if isinstance(source.value, str) else dict(source.value),
            "format": self.format,
            "task": self.task,
            "storage": self.storage,
            "on_finding": self.on_finding,
        }
        if self.in_place:
            body["in_place"] = True
        if self.deep:
            body["deep"] = True
        given = {"root": self.root, "checksum": self.checksum}
        return body | self.fixes | {name: value for name, value in given.items() if value}
