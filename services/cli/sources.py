"""What a person gives as the source of an import, as the URIs that the API takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from services.cli.failures import CliError, Exit

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_SLIP = re.compile(r"(https?|gs|s3|file|upload|kaggle|hf):/?(?!/)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """The `source` of a request, and a name for the dataset made from it."""

    value: str | dict[str, str]
    name: str


def source_of(whole: str | None, parts: Mapping[str, str]) -> Source:
    """The archive or directory that was given or, instead, its parts: images, labels, config.

    Raises CliError (usage) for both, neither, parts without images, and paths that point to nothing.
    """
    if (whole is None) == (not parts):
        raise CliError(
            "Give one SOURCE, or --images; with --images, --labels and --config where they lie apart.",
            exit_code=Exit.USAGE,
        )
    if whole is not None:
        uri = source_uri(whole)
        return Source(uri, name_of(uri))
    if "images" not in parts:
        raise CliError("--labels and --config belong to --images.", exit_code=Exit.USAGE)
    uris = {part: source_uri(given) for part, given in parts.items()}
    name = name_of(uris["images"])
    above = uris["images"].rstrip("/").rpartition("/")[0]
    return Source(uris, name_of(above) if name.lower() == "images" else name)


def source_uri(source: str, *, home: Path | None = None, here: Path | None = None) -> str:
    """A URI as it is; a path (absolute, relative or ~) as the file:// URI of what it points to.

    Raises CliError (usage) when the path points to nothing.
    """
    if _SCHEME.match(source):
        return source
    if _SLIP.match(source):
        raise CliError("The address lacks a slash: it begins with https:// or such.", exit_code=Exit.USAGE)
    path = Path(source)
    if path.parts and path.parts[0] == "~":
        path = (home or Path.home()).joinpath(*path.parts[1:])
    path = Path((here or Path.cwd()) / path)
    if not _is_there(path):
        raise CliError(f"There is no file or folder {source!r} (looked for {path}).", exit_code=Exit.USAGE)
    return path.resolve().as_uri()


def name_of(uri: str) -> str:
    """A name for a dataset made from `uri`: its last path segment without archive endings.

    >>> name_of("https://host/data/my%20racoons.tar.gz?token=1")
    'my racoons'
    """
    try:
        parts = urlsplit(uri)
        last = unquote(Path(parts.path.rstrip("/")).name) or parts.hostname or ""
    except ValueError:  # no address: whoever is asked to read it says so
        return "dataset"
    return re.sub(r"(\.tar)?\.(zip|tar|gz|tgz|bz2|tbz2|xz|zst)$", "", last, flags=re.IGNORECASE) or last


def _is_there(path: Path) -> bool:
    """Whether there is such a file; what no file can be called is not there."""
    try:
        return path.exists()
    except OSError:
        return False
