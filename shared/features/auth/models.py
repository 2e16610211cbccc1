"""The one who acts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever a request or job acts for. Every read of a repository takes one."""

    id: str


LOCAL_OWNER = Actor(id="local")
