"""What a worker is told."""

from shared.foundation.settings import (
    CallbackSettings,
    CommonSettings,
    DecoderSettings,
    LimitSettings,
    MetricsSettings,
    PillowDecoder,
)


class WorkerSettings(CommonSettings):
    """Settings of the worker."""

    callback: CallbackSettings = CallbackSettings()
    limits: LimitSettings = LimitSettings()
    decoder: DecoderSettings = PillowDecoder()
    metrics: MetricsSettings = MetricsSettings()
