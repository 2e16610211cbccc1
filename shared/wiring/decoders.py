"""Settings to the decoder of images, apart from the other adapters: only the worker has what it needs."""

from shared.adapters.image_decoder.pillow import PillowImageDecoder
from shared.foundation.settings import DecoderSettings, MemoryDecoder, PillowDecoder
from shared.ports.image_decoder import ImageDecoder


def image_decoder(settings: DecoderSettings) -> ImageDecoder:
    """The decoder the settings name."""
    match settings:
        case PillowDecoder():
            return PillowImageDecoder(settings)
        case MemoryDecoder():
            from shared.adapters.image_decoder.memory import MemoryImageDecoder  # noqa: PLC0415 - loads Pillow

            return MemoryImageDecoder(settings)
