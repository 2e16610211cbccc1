"""What the ingest service is told."""

from shared.foundation.settings import CallbackSettings, CommonSettings, ListenSettings


class IngestSettings(CommonSettings):
    """Settings of the ingest service."""

    ingest: ListenSettings = ListenSettings(port=8001)
    callback: CallbackSettings = CallbackSettings()
