"""Stage ``trace``: from the ink of each region to its centre line. The pixels end here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pyarrow as pa

from ecgbatch import schema, types
from ecgbatch.config import TraceSettings
from ecgbatch.errors import PageError, Reason, RunError
from ecgbatch.flags import Flag
from ecgbatch.imaging.telling import Question, Reading, TraceNetwork, answer, ask
from ecgbatch.imaging.trace import trace_leads
from ecgbatch.imaging.unclaimed import with_unclaimed
from ecgbatch.stages.base import ON_CPU, Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows


def trace(
    pages: pa.Table, *, network: TraceNetwork | None = None, enabled: bool = True
) -> Iterator[pa.Table]:
    """Trace every region of every page; pages that came with their leads pass through.

    Args:
        pages: Rows of ``schema.LOCATED``. The network is asked about all of them at once.
        network: That says whose ink is whose; None leaves it to the geometry of ink.
        enabled: Whether anything is traced; otherwise pages lose their pixels and gain nothing.

    Yields:
        Rows of ``schema.TRACED``.
    """
    schema.require(pages, schema.LOCATED, stage=Trace.name)
    if not enabled:
        return map_rows(pages, _leave, stage=Trace.name, reads=schema.LOCATED, writes=schema.TRACED)
    asking = None if network is None else _Asking(network, pages)
    convert = partial(_trace_page, asking=asking)
    return map_rows(pages, convert, stage=Trace.name, reads=schema.LOCATED, writes=schema.TRACED)


def _leave(row: Row) -> Iterator[Values]:
    del row
    yield {}


def _trace_page(row: Row, *, asking: _Asking | None) -> Iterator[Values]:
    ink = row.pixels()
    if ink is None:  # drawn lines or samples were read from the file
        yield {}
        return
    if asking is None:
        px_per_mm = row["rectified_px_per_mm"]
        traces = trace_leads(ink, _regions(row), px_per_mm=px_per_mm)
        traces = with_unclaimed(traces, ink, px_per_mm=px_per_mm)
        yield {"traces": [_as_struct(each) for each in traces]}
        return
    traces, finite = asking.traces_of(row)
    flags = row["flags"] or []
    if not finite:
        flags = [*flags, Flag.NETWORK_NOT_FINITE]
    yield {"traces": [_as_struct(each) for each in traces], "flags": flags}


class _Asking:
    """One question to a network about a table of pages, put when the first of them needs it."""

    def __init__(self, network: TraceNetwork, pages: pa.Table) -> None:
        self._network = network
        self._pages = pages
        self._answers: dict[int, _Answer] | None = None

    def traces_of(self, row: Row) -> tuple[list[types.Trace], bool]:
        """Return the traces of a page, and whether all that the network said were numbers."""
        if self._answers is None:
            self._answers = self._together()
        found = self._answers.pop(row.index, None)
        question, readings = self._alone(row) if found is None else found
        traces = answer(
            question,
            readings,
            _regions(row),
            self._network,
            px_per_mm=row["rectified_px_per_mm"],
        )
        return traces, all(reading.finite for reading in readings)

    def _together(self) -> dict[int, _Answer]:
        """Ask about all pages at once; nothing where that fails, as one of them makes it do.

        Each is then asked about by itself when it is traced, so that one alone fails.
        """
        rows = (Row(self._pages, index) for index in range(self._pages.num_rows))
        try:
            questions = {
                row.index: self._question(row)
                for row in rows
                if row["error"] is None and row.pixels() is not None
            }
            readings = iter(self._read(list(questions.values())))
        except RunError:
            raise
        except Exception:  # noqa: BLE001  # of a page that is not known here: it fails again, alone
            return {}
        return {
            index: (question, [next(readings) for _ in question.planes])
            for index, question in questions.items()
        }

    def _alone(self, row: Row) -> _Answer:
        question = self._question(row)
        return question, self._read([question])

    def _question(self, row: Row) -> Question:
        ink, page, whole_ink = (row.pixels(name) for name in ("pixels", "page", "whole_ink"))
        if ink is None or page is None or whole_ink is None:
            raise PageError(Reason.DEFECT)  # the three stand together
        return ask(
            self._network,
            page,
            whole_ink,
            ink,
            _regions(row),
            px_per_mm=row["rectified_px_per_mm"],
        )

    def _read(self, questions: Sequence[Question]) -> Sequence[Reading]:
        return self._network.read(
            [planes for each in questions for planes in each.planes],
            [lines for each in questions for lines in each.baselines_px],
        )


_Answer = tuple[Question, Sequence[Reading]]


def _regions(row: Row) -> list[types.Region]:
    return [types.Region(**region) for region in row.structs("regions")]


def _as_struct(each: types.Trace) -> dict[str, Any]:
    region = {name: getattr(each.region, name) for name in schema.REGION.names}
    return {
        **region,
        "x0_px": each.x0_px,
        "step_px": each.step_px,
        "y_px": each.y_px,
        "near": each.overlap,
        "doubt_mm": each.doubt_mm,
    }


@dataclass(frozen=True, slots=True)
class Trace:
    """Description of the stage."""

    settings: TraceSettings
    needs: Needs = ON_CPU

    name: ClassVar[str] = "trace"
    reads: ClassVar[pa.Schema] = schema.LOCATED
    writes: ClassVar[pa.Schema] = schema.TRACED

    def open(self) -> TableFunction:
        """Load the network, and return the function.

        Raises:
            RunError: Weights are missing, or are not those that their card was written for.
        """
        if not (self.settings.enabled and self.settings.network):
            return partial(trace, enabled=self.settings.enabled)
        from ecgbatch.models.card import shipped_card
        from ecgbatch.models.devices import device_for
        from ecgbatch.models.trace_reader import TraceReader

        reader = TraceReader(shipped_card("segmenter"), device=device_for(gpus=self.needs.gpus))
        return partial(trace, network=reader)
