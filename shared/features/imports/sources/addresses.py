"""What is said of a request's addresses before anything is looked up or opened."""

from shared.features.imports.models import ImportRequest, NotInPlace
from shared.ports.byte_source import STORED_SCHEME, ByteSources

_OURS = ("file:", STORED_SCHEME)


def check_addresses(request: ImportRequest, sources: ByteSources) -> None:
    """Raise UnsupportedSource, RefusedSource or NotInPlace when the addresses alone show that they cannot be used."""
    for address in request.addresses.values():
        sources.check(address)
    if request.in_place and not request.addresses["archive"].startswith(_OURS):
        raise NotInPlace("Only an archive on our own disk or in our own store can be used in place.")
