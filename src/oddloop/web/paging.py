"""Parts of a list, and what an address may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
MAX_LIMIT = 500
MAX_OFFSET = 10**9


class Asked(BaseModel):
    """Parameters of an address; what is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Asked):
    """No parameters."""


class PageAsked(Asked):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="items at most")] = 50
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET, description="items to leave out")] = 0


NothingAsked = Annotated[Nothing, Query()]
Paged = Annotated[PageAsked, Query()]


@dataclass(frozen=True)
class Part(Generic[T]):
    """A part of a list: its items, how many there are in all, and what was asked for."""

    items: tuple[T, ...]
    total: int
    limit: int
    offset: int

    @property
    def next_offset(self) -> int | None:
        """Where the next part begins; None at the end."""
        after = self.offset + len(self.items)
        return after if after < self.total and self.items else None

    @property
    def previous_offset(self) -> int | None:
        """Where the part before begins; None at the start."""
        return max(self.offset - self.limit, 0) if self.offset else None


def part_of(items: Sequence[T], asked: PageAsked) -> Part[T]:
    """The part of a list that was asked for.

    >>> part_of("abc", PageAsked(limit=1, offset=1))
    Part(items=('b',), total=3, limit=1, offset=1)
    """
    return Part(tuple(items[asked.offset : asked.offset + asked.limit]), len(items), asked.limit, asked.offset)
