"""Which keys an object may have: relative POSIX paths that mean the same on a disk and in a bucket."""

import re

MOST_KEY_BYTES, MOST_PART_BYTES = 1024, 255
RESERVED_FOLDER = ".partial"
# nearly every key; the others take the long way
_PLAIN_KEY = re.compile(r"[a-z0-9][\w.-]{0,127}(/[a-z0-9][\w.-]{0,127}){0,7}", re.ASCII)


def check_key(key: str) -> str:
    """Return `key`; raise ValueError if it is empty, absolute, climbs, is too long or in the reserved folder."""
    if len(key) < MOST_KEY_BYTES and _PLAIN_KEY.fullmatch(key):
        return key
    parts = key.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts) or parts[0] == RESERVED_FOLDER:
        raise ValueError(f"Not a key of an object: {key[:200]!r}")
    if len(key.encode()) > MOST_KEY_BYTES or any(len(part.encode()) > MOST_PART_BYTES for part in parts):
        raise ValueError(f"The key of an object is too long: {key[:200]!r}...")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix`, the beginning of a key or nothing; raise ValueError if no key can begin so."""
    if prefix:
        check_key(prefix + "x" if prefix.endswith("/") else prefix)
    return prefix


def check_folder(prefix: str) -> str:
    """Return `prefix`; raise ValueError unless it is a whole folder's, ending in a slash."""
    if not prefix.endswith("/"):
        raise ValueError(f"A folder ends in a slash: {prefix[:200]!r}")
    return check_prefix(prefix)
