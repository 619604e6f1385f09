"""What tasks that learn from drawn pages have in common: pages to learn from, and to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgbatch.training.examples import Example, Pool


@dataclass(frozen=True)
class DrawnPages:
    """Two pools of pages.

    Attributes:
        pages: Pool of pages to learn from.
        count: How many of them.
        valid: Pool of pages to measure on.
        valid_count: How many of them.
    """

    pages: Pool
    count: int
    valid: Pool
    valid_count: int

    def some(self, rng: np.random.Generator, count: int) -> list[Example]:
        """Draw different pages to learn from, as far as they are there already."""
        numbers = rng.choice(self.count, count, replace=False)
        return [self.pages.near(int(number)) for number in numbers]

    def held_out(self) -> Iterator[Example]:
        """Yield the pages to measure on."""
        return (self.valid[number] for number in range(self.valid_count))
