"""What is said of a request's addresses before anything is looked up or opened, and what those of uploads mean."""

from collections.abc import Sequence

from shared.features.auth.models import Actor
from shared.features.imports.models import ImportRequest, NotInPlace
from shared.features.uploads.models import Upload
from shared.features.uploads.service import UploadService
from shared.ports.byte_source import ByteSources, stored_uri

UPLOAD_SCHEME = "upload://"
_OURS = ("file:", UPLOAD_SCHEME)


def check_addresses(request: ImportRequest, sources: ByteSources) -> None:
    """Raise UnsupportedSource, RefusedSource or NotInPlace when the addresses alone show that they cannot be used."""
    for address in request.addresses.values():
        if not address.startswith(UPLOAD_SCHEME):
            sources.check(address)
    if request.in_place and not request.addresses["archive"].startswith(_OURS):
        raise NotInPlace("Only an archive on our own disk or in our own store can be used in place.")


async def resolve_uploads(
    request: ImportRequest, uploads: UploadService, actor: Actor
) -> tuple[ImportRequest, Sequence[Upload]]:
    """The request with the actor's own uploads as the objects they are; and these uploads.

    Raises UploadNotFound, also for those of others, and UploadNotComplete.
    """
    found = {
        address: await uploads.whole(address.removeprefix(UPLOAD_SCHEME), actor)
        for address in request.addresses.values()
        if address.startswith(UPLOAD_SCHEME)
    }
    places = {address: stored_uri(upload.key) for address, upload in found.items()}
    source = request.source
    resolved = (
        places.get(source, source)
        if isinstance(source, str)
        else source.model_copy(update={name: places.get(at, at) for name, at in source.by_name.items()})
    )
    return request.model_copy(update={"source": resolved}), tuple(found.values())
