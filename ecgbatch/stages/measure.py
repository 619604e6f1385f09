"""Stage ``measure``: beats, the borders of their waves, and what the page measures.

It works on whatever was printed: full leads, columns one after the other, any subset. A page on
which nothing can be measured passes with nulls; that is no fault of the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.flags import Flag
from ecgbatch.signal.beat_rows import beat_rows
from ecgbatch.signal.facts import fact_vector, facts_of
from ecgbatch.signal.measure import Measurement
from ecgbatch.signal.measure import measure as measure_leads
from ecgbatch.signal.quality import UNREAD
from ecgbatch.signal.shapes import shapes_of
from ecgbatch.signal.tempo import gain_fits, is_too_fast, speed_fits
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.types import Lead


def measure(pages: pa.Table) -> Iterator[pa.Table]:
    """Measure every page.

    Args:
        pages: Rows of ``schema.CALIBRATED``.

    Yields:
        Rows of ``schema.MEASURED``.
    """
    return map_rows(
        pages, _measure_page, stage=Measure.name, reads=schema.CALIBRATED, writes=schema.MEASURED
    )


def _measure_page(row: Row) -> Iterator[Values]:
    leads = [as_lead(values) for values in row.structs("leads")]
    if row["quality_class"] == UNREAD:
        yield {}
        return
    measured = measure_leads(leads)
    yield {
        **(_weighed(row, measured.page) if not row["given"] else {}),
        "measurement": asdict(measured.page),
        "beats": beat_rows(measured, segments=_segments(leads)),
        "facts": fact_vector(facts_of(measured)),
        "shapes_uv": shapes_of(measured).ravel(),
    }


def _weighed(row: Row, measurement: Measurement) -> dict[str, Any]:
    """Return what beats say of a scale that the page does not tell, or tells by pulses alone."""
    flags = list(row["flags"] or [])
    speed_open = row["speed_source"] == "assumed" or Flag.SPEED_AMBIGUOUS in flags
    gain_open = row["gain_source"] == "assumed"
    doubts = []
    too_fast = row["speed_source"] == "pulse" and is_too_fast(measurement)
    if too_fast or (speed_open and not speed_fits(measurement)):
        doubts.append(Flag.SPEED_AMBIGUOUS)
    if gain_open and not gain_fits(measurement):
        doubts.append(Flag.GAIN_AMBIGUOUS)
    if (speed_open or gain_open) and not doubts:
        return {"flags": [*flags, Flag.CALIBRATION_CONFIRMED.value]}
    if not doubts:
        return {}
    verdict = row["quality_class"]
    return {
        "flags": list(dict.fromkeys([*flags, *(flag.value for flag in doubts)])),
        "quality_class": "review" if verdict == "good" else verdict,
    }


def _segments(leads: Sequence[Lead]) -> list[int]:
    """Number of each printing among those of its lead, as ``publish`` counts them."""
    counted: dict[str, int] = {}
    segments = []
    for lead in leads:
        segments.append(counted.get(lead.lead, 0))
        counted[lead.lead] = segments[-1] + 1
    return segments


def as_lead(values: dict[str, Any]) -> Lead:
    """Return a lead of ``schema.LEAD`` as the value it was; its places on the page are left out."""
    return Lead(
        **(
            values
            | {
                "box_px": None,
                "origin_px": None,
                **dict.fromkeys(schema.READ_FROM_INK),
                "signal_uv": np.asarray(values["signal_uv"], np.float32),
            }
        )
    )


@dataclass(frozen=True, slots=True)
class Measure:
    """Description of the stage."""

    name: ClassVar[str] = "measure"
    needs: ClassVar[Needs] = Needs(cpus=1.0, rows_per_batch=1)
    reads: ClassVar[pa.Schema] = schema.CALIBRATED
    writes: ClassVar[pa.Schema] = schema.MEASURED

    def open(self) -> TableFunction:
        """Return the function; there is nothing to load."""
        return measure
