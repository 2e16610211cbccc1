"""What the API is told."""

from shared.foundation.settings import CommonSettings, ListenSettings


class ApiSettings(CommonSettings):
    """Settings of the API."""

    api: ListenSettings = ListenSettings()
