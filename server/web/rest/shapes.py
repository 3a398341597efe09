"""What every shape of an answer is made from."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Page", "Shape"]

T = TypeVar("T")


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Page(Shape, Generic[T]):
    """A page of a list; ``next_cursor`` is ``null`` on the last one."""

    items: list[T]
    next_cursor: str | None
