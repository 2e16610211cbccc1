"""What the ingest service is told."""

from typing import Annotated, Literal

from pydantic import Field

from shared.foundation.settings import CallbackSettings, CommonSettings, Group, ListenSettings


class TokenCallers(Group):
    """Callers show the shared token of the callback settings."""

    backend: Literal["token"] = Field("token", description="The shared token of `callback`.")


class OidcCallers(Group):
    """Callers show ID tokens of service accounts."""

    backend: Literal["oidc"] = Field("oidc", description="ID tokens of service accounts.")
    audience: str = Field(description="Whom the tokens are for: addresses of this service, by spaces.")
    service_accounts: tuple[str, ...] = Field(description="E-mail addresses of those who may call.")
    issuer: str = Field("https://accounts.google.com", description="Who issues the tokens.")
    keys_url: str = Field("https://www.googleapis.com/oauth2/v3/certs", description="Where its keys are (JWKS).")


CallerSettings = Annotated[TokenCallers | OidcCallers, Field(discriminator="backend")]


class IngestSettings(CommonSettings):
    """Settings of the ingest service."""

    ingest: ListenSettings = ListenSettings(port=8001)
    callback: CallbackSettings = CallbackSettings()
    callers: CallerSettings = TokenCallers()
