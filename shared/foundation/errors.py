"""What can go wrong, in the product's words. No HTTP here: services/api/problems.py maps families to statuses."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, TypeAlias

JsonScalar: TypeAlias = str | int | float | bool | None
Problem: TypeAlias = dict[str, JsonScalar]


class AppError(Exception):
    """Base of every expected failure.

    `slug` names the problem type forever (clients switch on it); `retryable` is what the job runner asks.
    """

    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, **extensions: JsonScalar) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extensions: Mapping[str, JsonScalar] = extensions

    def to_problem(self) -> Problem:
        """The RFC 9457 members that do not depend on a request; a failed job stores exactly this."""
        return {**self.extensions, "type": f"/problems/{self.slug}", "title": self.title, "detail": self.detail}


class NotFound(AppError):
    """What was asked for is not there, or not yours."""

    slug, title = "not-found", "Not found"


class Conflict(AppError):
    """The request does not fit the present state."""

    slug, title = "conflict", "Conflict"


class Invalid(AppError):
    """The request, or the data it points to, cannot be used as it is."""

    slug, title = "invalid", "Invalid input"


class Forbidden(AppError):
    """The caller may not do this."""

    slug, title = "forbidden", "Forbidden"


class Unavailable(AppError):
    """Something we depend on does not answer; the same request may work later."""

    slug, title, retryable = "unavailable", "Try again later", True


class Internal(AppError):
    """A failure nobody foresaw; its detail is in the log, under the correlation id."""

    retryable = True


def unforeseen(correlation_id: str) -> Internal:
    """The failure shown when the real one is only in the log."""
    return Internal("An unexpected failure; the log has it under this correlation id.", correlation_id=correlation_id)


def all_problem_types(family: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """Every error class known to the process, depth first."""
    yield family
    for kind in family.__subclasses__():
        yield from all_problem_types(kind)
