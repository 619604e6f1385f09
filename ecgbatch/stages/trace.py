"""Stage ``trace``: from the ink of each region to its centre line. The pixels end here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pyarrow as pa

from ecgbatch import schema, types
from ecgbatch.config import TraceSettings
from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.telling import Question, Reading, TraceNetwork, answer, ask
from ecgbatch.imaging.trace import trace_leads
from ecgbatch.imaging.unclaimed import with_unclaimed
from ecgbatch.stages.base import ON_CPU, Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.stages.together import Together


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
    convert: Callable[[Row], Iterator[Values]] = _trace_page
    if network is not None:
        asking = Together(
            pages,
            question=partial(_question, network=network),
            ask=partial(_readings, network=network),
        )
        convert = partial(_ask_about_page, asking=asking, network=network)
    return map_rows(pages, convert, stage=Trace.name, reads=schema.LOCATED, writes=schema.TRACED)


def _leave(row: Row) -> Iterator[Values]:
    del row
    yield {}


def _trace_page(row: Row) -> Iterator[Values]:
    ink = row.pixels()
    if ink is None:  # drawn lines or samples were read from the file
        yield {}
        return
    px_per_mm = row["rectified_px_per_mm"]
    traces = trace_leads(ink, _regions(row), px_per_mm=px_per_mm)
    traces = with_unclaimed(traces, ink, px_per_mm=px_per_mm)
    yield {"traces": [_as_struct(each) for each in traces]}


def _ask_about_page(
    row: Row, *, asking: Together[Question, list[Reading]], network: TraceNetwork
) -> Iterator[Values]:
    if row.pixels() is None:
        yield {}
        return
    question, readings = asking.about(row)
    px_per_mm = row["rectified_px_per_mm"]
    traces = answer(question, readings, _regions(row), network, px_per_mm=px_per_mm)
    flags = row["flags"] or []
    if not all(reading.finite for reading in readings):
        flags = [*flags, Flag.NETWORK_NOT_FINITE]
    yield {"traces": [_as_struct(each) for each in traces], "flags": flags}


def _question(row: Row, *, network: TraceNetwork) -> Question:
    ink, page, whole_ink = (row.pixels(name) for name in ("pixels", "page", "whole_ink"))
    if ink is None or page is None or whole_ink is None:
        raise PageError(Reason.DEFECT)  # the three stand together
    px_per_mm = row["rectified_px_per_mm"]
    return ask(network, page, whole_ink, ink, _regions(row), px_per_mm=px_per_mm)


def _readings(questions: Sequence[Question], *, network: TraceNetwork) -> list[list[Reading]]:
    """Return the readings of the planes of each question, which the network reads in one go."""
    readings = iter(
        network.read(
            [planes for each in questions for planes in each.planes],
            [lines for each in questions for lines in each.baselines_px],
        )
    )
    return [[next(readings) for _ in each.planes] for each in questions]


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
