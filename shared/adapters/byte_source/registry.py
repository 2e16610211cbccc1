"""Which addresses can be imported from: a table of schemes."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.adapters.byte_source.file import FileByteSource
from shared.adapters.byte_source.folder import FolderFiles
from shared.adapters.byte_source.http import HttpByteSource, default_guard
from shared.adapters.byte_source.http_client import parse_address
from shared.adapters.byte_source.http_connections import HttpConnections
from shared.adapters.byte_source.parts import PartsByteSource
from shared.adapters.byte_source.stored import StoredByteSource
from shared.adapters.byte_source.stored_tree import StoredFiles
from shared.adapters.byte_source.tree import TreeByteSource, TreeFiles
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import (
    STORED_SCHEME,
    ByteSource,
    PartsAddress,
    SourceDescription,
    TreeEntry,
    TreeFile,
    UnsupportedSource,
)
from shared.ports.object_store import ObjectStore

MOST_ADDRESS_CHARACTERS = 8192
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


class SchemeByteSources:
    """ByteSources by scheme: http and https; files, if the settings allow them; our own objects, never from outside."""

    def __init__(self, settings: SourceSettings, store: ObjectStore) -> None:
        self._settings = settings
        self._store = store
        self._guard = default_guard(settings)
        self._connections = HttpConnections(settings)
        self._checks: dict[str, Callable[[str], object]] = {
            "http": self._check_http,
            "https": self._check_http,
        }
        self._openers: dict[str, Callable[[str, SourceDescription | None], ByteSource]] = {
            "http": self._open_http,
            "https": self._open_http,
            "object": self._open_stored,
            "parts": self._open_parts,
        }
        self._trees: dict[str, Callable[[str], TreeFiles]] = {"object": self._stored_tree}
        if settings.allow_files:
            self._checks["file"] = file_path
            self._openers["file"] = _open_file
            self._trees["file"] = _folder

    def check(self, uri: str) -> None:
        """Judge the address alone; nothing is looked up or opened."""
        check = self._checks.get(_scheme(uri))
        if check is None:
            raise self._unsupported()
        check(uri)

    def open(self, uri: str, *, expected: SourceDescription | None = None) -> ByteSource:
        """The source at the address, unopened. Raises what `check` raises, but takes `object://` addresses."""
        opener = self._openers.get(_scheme(uri))
        if opener is None:
            raise self._unsupported()
        return opener(uri, expected)

    def list_tree(self, uri: str) -> AsyncGenerator[TreeEntry, None]:
        """The tree's files; folders of this machine and of our object store are trees."""
        return self._tree(uri).entries()

    def open_tree(self, uri: str, files: Sequence[tuple[int, TreeFile]]) -> ByteSource:
        """The tree's files as one source, unopened."""
        return TreeByteSource(self._tree(uri), files)

    def _tree(self, uri: str) -> TreeFiles:
        tree, opener = self._trees.get(_scheme(uri)), self._openers.get(_scheme(uri))
        if opener is None:
            raise self._unsupported()
        if tree is None:
            raise UnsupportedSource(f"Files cannot be listed at a {_scheme(uri)} address.")
        return tree(uri)

    def _unsupported(self) -> UnsupportedSource:
        schemes = ", ".join(f"{scheme}:" for scheme in sorted(self._checks))
        path = " It may also be an absolute path." if "file" in self._checks else ""
        return UnsupportedSource(f"The source must be an address that begins with one of {schemes}.{path}")

    def _check_http(self, uri: str) -> None:
        self._guard.check_literal(parse_address(uri).raw_host or "")

    def _open_http(self, uri: str, expected: SourceDescription | None) -> ByteSource:
        self._check_http(uri)
        return HttpByteSource(uri, self._settings, expected=expected, guard=self._guard, connections=self._connections)

    def _open_stored(self, uri: str, expected: SourceDescription | None) -> ByteSource:
        return StoredByteSource(self._store, self._key(uri), expected=expected)

    def _stored_tree(self, uri: str) -> TreeFiles:
        prefix = self._key(uri)
        if not prefix.endswith("/"):
            raise UnsupportedSource(f"{prefix} is not a directory of the object store, which ends in a slash.")
        return StoredFiles(self._store, prefix)

    def _key(self, uri: str) -> str:
        if not uri.startswith(STORED_SCHEME):
            raise self._unsupported()
        return uri.removeprefix(STORED_SCHEME)

    def _open_parts(self, uri: str, _expected: SourceDescription | None) -> ByteSource:
        return PartsByteSource(self._store, PartsAddress.of(uri))


def _scheme(uri: str) -> str:
    """The address's scheme in lower case; an absolute path is a file."""
    if len(uri) > MOST_ADDRESS_CHARACTERS:
        raise UnsupportedSource(f"The address is longer than {MOST_ADDRESS_CHARACTERS} characters.")
    match = _SCHEME.match(uri)
    return match[1].lower() if match else "file" if uri.startswith("/") else ""


def _open_file(uri: str, expected: SourceDescription | None) -> ByteSource:
    return FileByteSource(file_path(uri), expected=expected)


def _folder(uri: str) -> TreeFiles:
    return FolderFiles(file_path(uri))


def file_path(uri: str) -> Path:
    """The path that a `file://` address or an absolute path means. Raises UnsupportedSource."""
    if uri.startswith("/"):
        path = uri
    else:
        parts = urlsplit(uri)
        if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment:
            raise UnsupportedSource("A file address is file:///absolute/path, without host, query or fragment.")
        path = unquote(parts.path)
    if "\0" in path or not path.startswith("/"):
        raise UnsupportedSource("A file must be named by its absolute path.")
    return Path(path)
