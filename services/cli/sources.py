"""What a person gives as the source of an import, as the URI that the API takes."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from services.cli.failures import CliError, Exit

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def source_uri(source: str, *, home: Path | None = None, here: Path | None = None) -> str:
    """A URI as it is; a path (absolute, relative or ~) as the file:// URI of what it points to.

    Raises CliError (usage) when the path points to nothing.
    """
    if _SCHEME.match(source):
        return source
    path = Path(source)
    if path.parts and path.parts[0] == "~":
        path = (home or Path.home()).joinpath(*path.parts[1:])
    path = Path((here or Path.cwd()) / path)
    if not path.exists():
        raise CliError(f"There is no file {source!r} (looked for {path}).", exit_code=Exit.USAGE)
    return path.resolve().as_uri()


def name_of(uri: str) -> str:
    """A name for a dataset made from `uri`: its last path segment without archive endings.

    >>> name_of("https://host/data/my%20racoons.tar.gz?token=1")
    'my racoons'
    """
    parts = urlsplit(uri)
    last = unquote(Path(parts.path.rstrip("/")).name) or parts.netloc
    return re.sub(r"(\.tar)?\.(zip|tar|gz|tgz|bz2|tbz2|xz|zst)$", "", last, flags=re.IGNORECASE) or last
