"""A layout that a person stated: how many rows and columns a page is to be read in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_NAME = re.compile(r"([1-9]\d?)x([1-9])(?:\+([1-9])R)?")


@dataclass(frozen=True, slots=True)
class StatedLayout:
    """Rows of strips, and rows of one lead below them.

    Attributes:
        rows: Of the matrix of strips.
        columns: Of the same.
        rhythm: Long rows of one lead.
    """

    rows: int
    columns: int
    rhythm: int = 0

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return what a name such as ``3x4+1R`` says; None where it is none."""
        found = _NAME.fullmatch(name)
        return None if found is None else cls(*(int(number or 0) for number in found.groups()))

    @property
    def rows_of_page(self) -> int:
        """All rows, the long ones included."""
        return self.rows + self.rhythm

    @property
    def leads(self) -> int:
        """How many leads are printed."""
        return self.rows * self.columns + self.rhythm

    def fits(self, left_px: Iterable[float]) -> bool:
        """Whether leads that stand row by row are divided into rows like this.

        Args:
            left_px: Where each lead starts, row by row and from left to right.
        """
        lengths: list[int] = []
        before = float("inf")
        for left in left_px:
            if left <= before:  # a row begins
                lengths.append(0)
            lengths[-1] += 1
            before = left
        strips, long = [self.columns] * self.rows, [1] * self.rhythm
        return lengths in (strips + long, long + strips)
