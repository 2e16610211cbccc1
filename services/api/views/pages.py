"""A page of anything."""

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")


class PageView(BaseModel, Generic[T]):
    """Some items of a list; `next_cursor` leads to the next ones and is null on the last page."""

    items: list[T]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page.")
    total: int = Field(description="How many items there are in all.")
