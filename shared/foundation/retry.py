"""How long to wait before trying again."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Exponential delays with equal jitter (Brooker, "Exponential Backoff and Jitter", 2015).

    `attempts` failures in a row are forgiven; progress in between starts the count anew.
    """

    attempts: int
    first_seconds: float = 0.2
    most_seconds: float = 10.0
    failures: int = field(default=0, init=False)

    def next_delay(self) -> float | None:
        """Count a failure; the seconds to wait before the next try, or None when patience has run out."""
        self.failures += 1
        if self.failures > self.attempts:
            return None
        ceiling = min(self.most_seconds, self.first_seconds * 2 ** min(self.failures - 1, 32))
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, keeps no secret

    def reset(self) -> None:
        """Something moved: forget the failures so far."""
        self.failures = 0
