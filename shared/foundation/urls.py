"""Addresses as they may be shown: without what could be a credential."""

from urllib.parse import urlsplit, urlunsplit


def redact(url: str) -> str:
    """The address without user, password, query and fragment, fit for logs, errors and documents.

    >>> redact("https://me:secret@host/a.zip?token=1")
    'https://host/a.zip'
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(an address that cannot be read)"
    if ":" in host:
        host = f"[{host}]"
    return urlunsplit((parts.scheme, host + port, parts.path, "", ""))
