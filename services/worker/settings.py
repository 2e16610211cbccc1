"""What a worker is told."""

from shared.foundation.settings import CallbackSettings, CommonSettings, LimitSettings, MetricsSettings


class WorkerSettings(CommonSettings):
    """Settings of the worker."""

    callback: CallbackSettings = CallbackSettings()
    limits: LimitSettings = LimitSettings()
    metrics: MetricsSettings = MetricsSettings()
