"""What every step that works on shards reads from and writes to."""

from dataclasses import dataclass

from shared.features.images.service import ImageService
from shared.features.imports.repository import FindingRepository, ShardRepository
from shared.foundation.settings import LimitSettings
from shared.ports.byte_source import ByteSources
from shared.ports.image_decoder import ImageDecoder
from shared.ports.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class ShardTools:
    """One object serves one worker process."""

    sources: ByteSources
    store: ObjectStore
    images: ImageService
    shards: ShardRepository
    findings: FindingRepository
    limits: LimitSettings
    decoder: ImageDecoder
