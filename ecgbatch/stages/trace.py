"""Stage ``trace``: from the ink of each region to its centre line. The pixels end here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pyarrow as pa

from ecgbatch import schema, types
from ecgbatch.config import TraceSettings
from ecgbatch.imaging.telling import TraceNetwork, trace_with
from ecgbatch.imaging.trace import trace_leads
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows


def trace(pages: pa.Table, *, network: TraceNetwork | None = None) -> Iterator[pa.Table]:
    """Trace every region of every page; pages that came with their leads pass through.

    Args:
        pages: Rows of ``schema.LOCATED``.
        network: That says whose ink is whose; None leaves it to the geometry of ink.

    Yields:
        Rows of ``schema.TRACED``.
    """
    convert = partial(_trace_page, network=network)
    return map_rows(pages, convert, stage=Trace.name, reads=schema.LOCATED, writes=schema.TRACED)


def _trace_page(row: Row, *, network: TraceNetwork | None) -> Iterator[Values]:
    ink = row.pixels()
    if ink is None:  # drawn lines or samples were read from the file
        yield {}
        return
    regions = [types.Region(**region) for region in row.structs("regions")]
    px_per_mm = row["rectified_px_per_mm"]
    page, whole_ink = row.pixels("page"), row.pixels("whole_ink")
    if network is None or page is None or whole_ink is None:
        traces = trace_leads(ink, regions, px_per_mm=px_per_mm)
    else:
        traces = trace_with(network, page, whole_ink, ink, regions, px_per_mm=px_per_mm)
    yield {"traces": [_as_struct(each) for each in traces]}


def _as_struct(each: types.Trace) -> dict[str, Any]:
    region = {name: getattr(each.region, name) for name in schema.REGION.names}
    return {
        **region,
        "x0_px": each.x0_px,
        "step_px": each.step_px,
        "y_px": each.y_px,
        "near": each.overlap,
    }


@dataclass(frozen=True, slots=True)
class Trace:
    """Description of the stage."""

    settings: TraceSettings

    name: ClassVar[str] = "trace"
    needs: ClassVar[Needs] = Needs(cpus=1.0, rows_per_batch=1)
    reads: ClassVar[pa.Schema] = schema.LOCATED
    writes: ClassVar[pa.Schema] = schema.TRACED

    def open(self) -> TableFunction:
        """Load the network, and return the function.

        Raises:
            RunError: Weights are missing, or are not those that their card was written for.
        """
        if not self.settings.network:
            return partial(trace)
        from ecgbatch.models.card import shipped_card
        from ecgbatch.models.segmenter import TraceReader

        return partial(trace, network=TraceReader(shipped_card("segmenter")))
