"""Stage ``calibrate``: from centre lines to microvolts on one clock, and how good they are.

Samples that the file itself held keep their own rate and values; they are only put in order and
judged like all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.config import CalibrateSettings
from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.schema.review import ACCEPTED
from ecgbatch.signal.limbs import check_limbs
from ecgbatch.signal.quality import UNREAD, judge_lead, judge_page
from ecgbatch.signal.record import in_order, read_lead
from ecgbatch.signal.repair import repaired
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.types import Lead, Region, Trace


def calibrate(
    traces: pa.Table, *, settings: CalibrateSettings, traced: bool = True
) -> Iterator[pa.Table]:
    """Read every page's traces in microvolts and judge the result.

    Args:
        traces: Rows of ``schema.TRACED``.
        settings: Of the stage.
        traced: Whether scanned pages were traced. If not, they pass without leads and without a
            verdict on what nobody read.

    Yields:
        Rows of ``schema.CALIBRATED``; a page whose regions hold no ink is ``no_trace``.
    """
    convert = partial(_read_page, settings=settings, traced=traced)
    return map_rows(
        traces, convert, stage=Calibrate.name, reads=schema.TRACED, writes=schema.CALIBRATED
    )


def _read_page(row: Row, *, settings: CalibrateSettings, traced: bool) -> Iterator[Values]:
    if not traced and row["rectified_px_per_mm"] is not None:
        yield {"quality_class": UNREAD}
        return
    traces = [as_trace(values) for values in row.structs("traces")]
    if traces:
        unjudged = [
            read_lead(
                trace,
                px_per_mm=row["rectified_px_per_mm"],
                source_px_per_mm=row["px_per_mm_x"] or float("nan"),
                speed_mm_per_s=row["speed_mm_per_s"],
                gain_mm_per_mv=row["gain_mm_per_mv"],
                fs_hz=settings.fs_hz,
            )
            for trace in traces
        ]
    else:
        unjudged = [_as_lead(values) for values in row.structs("leads")]
    if not any(lead.coverage > 0 for lead in unjudged):
        raise PageError(Reason.NO_TRACE, regions=len(unjudged))
    leads, lead_flags = _judged(repaired(in_order(unjudged)))
    limbs = check_limbs(leads)
    verdict = judge_page(
        leads,
        limbs,
        lead_flags=lead_flags,
        page_flags=row["flags"] or (),
        speed_assumed=row["speed_source"] == "assumed",
        gain_assumed=row["gain_source"] == "assumed",
    )
    on_file = {
        name: row[name] or "file" for name in ("speed_source", "gain_source", "px_per_mm_source")
    }
    yield {
        **on_file,
        "leads": [_as_struct(lead) for lead in leads],
        "einthoven_uv": _or_null(limbs.einthoven_uv),
        "goldberger_uv": _or_null(limbs.goldberger_uv),
        "quality_score": verdict.score,
        "quality_class": "good" if _accepted(row) else verdict.quality_class,
        "flags": list(dict.fromkeys([*(row["flags"] or []), *verdict.flags])),
    }


def _accepted(row: Row) -> bool:
    """Say whether a person has looked at the page, and found it as it should be."""
    return any(given["verdict"] == ACCEPTED for given in row["given"] or ())


def _judged(leads: Sequence[Lead]) -> tuple[list[Lead], set[Flag]]:
    judged, all_flags = [], set[Flag]()
    for lead in leads:
        score, flags = judge_lead(
            lead.signal_uv, fs_hz=lead.fs_hz, overlap=lead.overlap, confidence=lead.confidence
        )
        judged.append(replace(lead, quality=score))
        all_flags |= flags
        if lead.repaired_uv is not None:
            all_flags.add(Flag.REPAIRED)
    return judged, all_flags


def as_trace(values: dict[str, Any]) -> Trace:
    """Build a trace from what ``schema.TRACE`` holds of it."""
    return Trace(
        region=Region(**{name: values[name] for name in schema.REGION.names}),
        x0_px=values["x0_px"],
        step_px=values["step_px"],
        y_px=values["y_px"],
        overlap=values["near"],
        doubt_mm=values["doubt_mm"],
    )


def _as_struct(lead: Lead) -> dict[str, Any]:
    """Return a lead by its columns; ``asdict`` would copy what it holds."""
    return {field.name: getattr(lead, field.name) for field in fields(lead)}


def _as_lead(values: dict[str, Any]) -> Lead:
    places = {name: tuple(map(float, values[name])) or None for name in ("box_px", "origin_px")}
    return Lead(**(values | places | dict.fromkeys(schema.READ_FROM_INK)))


def _or_null(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Calibrate:
    """Description of the stage.

    Attributes:
        settings: Of the stage.
        traced: Whether scanned pages are traced.
    """

    settings: CalibrateSettings
    traced: bool = True

    name: ClassVar[str] = "calibrate"
    needs: ClassVar[Needs] = Needs(cpus=1.0, rows_per_batch=1)
    reads: ClassVar[pa.Schema] = schema.TRACED
    writes: ClassVar[pa.Schema] = schema.CALIBRATED

    def open(self) -> TableFunction:
        """Return the function; there is nothing to load."""
        return partial(calibrate, settings=self.settings, traced=self.traced)
