"""What every stage looks like to whoever runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import pyarrow as pa

TableFunction: TypeAlias = Callable[[pa.Table], Iterator[pa.Table]]
"""Takes a table of rows, yields tables as rows are done.

Yielding matters: a file of 500 pages is one row in and 500 out, and only one of its pages may be
in memory at a time.
"""


@dataclass(frozen=True, slots=True)
class Needs:
    """What one worker of a stage occupies.

    Attributes:
        cpus: Logical CPUs; 0 for stages that live on a GPU.
        gpus: Share of a GPU.
        rows_per_batch: Rows handed to the stage at once; networks like many, pixels like few.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    rows_per_batch: int = 1

    @property
    def kind(self) -> str:
        """``gpu`` or ``cpu``: consecutive stages of one kind share a worker."""
        return "gpu" if self.gpus > 0 else "cpu"


ON_CPU = Needs()
"""One CPU and one page at a time."""


class Stage(Protocol):
    """A small, picklable description; ``open`` builds what is heavy, once per worker."""

    name: ClassVar[str]
    reads: ClassVar[pa.Schema]
    writes: ClassVar[pa.Schema]

    @property
    def needs(self) -> Needs:
        """What one worker of it occupies."""
        ...

    def open(self) -> TableFunction:
        """Load whatever the stage needs and return the function that does its work."""
        ...


def chain(stages: Sequence[Stage]) -> TableFunction:
    """Open ``stages`` and return one function that runs them page by page.

    Each stage pulls from the one before, so that at most one batch of every stage is alive.
    """
    steps = [(stage, stage.open()) for stage in stages]

    def run(table: pa.Table) -> Iterator[pa.Table]:
        tables: Iterable[pa.Table] = [table]
        for stage, function in steps:
            tables = _through(function, batches(tables, rows=stage.needs.rows_per_batch))
        yield from tables

    return run


def _through(function: TableFunction, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    for table in tables:
        yield from function(table)


def batches(tables: Iterable[pa.Table], *, rows: int) -> Iterator[pa.Table]:
    """Cut and join tables so that each has ``rows`` rows, the last one fewer. Copies nothing."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        start = 0
        while start < table.num_rows:
            piece = table.slice(start, rows - count)
            waiting.append(piece)
            count += piece.num_rows
            start += piece.num_rows
            if count == rows:
                yield pa.concat_tables(waiting)
                waiting, count = [], 0
    if waiting:
        yield pa.concat_tables(waiting)
