"""What the API is told."""

from pydantic import Field

from shared.foundation.settings import CheckSettings, CommonSettings, EventSettings, LimitSettings, ListenSettings


class DoorSettings(ListenSettings):
    """Where the API listens, and to whom."""

    hosts: list[str] = Field(["*"], description="Names a request may be addressed to, as JSON; `*` allows any.")


class ApiSettings(CommonSettings):
    """Settings of the API."""

    api: DoorSettings = DoorSettings()
    events: EventSettings = EventSettings()
    check: CheckSettings = CheckSettings()
    limits: LimitSettings = LimitSettings()
