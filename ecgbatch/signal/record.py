"""The leads of a page on the page's own time axis, in standard order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ecgbatch.signal.calibrate import to_microvolts, zero_line
from ecgbatch.signal.confidence import by_second
from ecgbatch.signal.resample import resample
from ecgbatch.types import EXTRA_LEADS, LEADS, FloatArray, Lead, Trace

_SPECK_S = 0.012  # 0.3 mm at 25 mm/s, the width of a line
_TORN_S = 0.02  # 0.5 mm at 25 mm/s, more than a separator is wide
_STEEPEST_UV_PER_S = 400_000.0  # 1.6 mV in 4 ms; one record of ten has a QRS that steep
_ORDER = {name: number for number, name in enumerate((*LEADS, *EXTRA_LEADS))}


def read_lead(
    trace: Trace,
    *,
    px_per_mm: float,
    source_px_per_mm: float,
    speed_mm_per_s: float,
    gain_mm_per_mv: float,
    fs_hz: float,
) -> Lead:
    """Read a trace as a lead in microvolts at ``fs_hz``.

    All leads of a page share one clock: samples stand at whole multiples of ``1 / fs_hz`` on the
    page's time axis, so that leads printed at the same time can be compared sample by sample.

    Args:
        trace: On the rectified page.
        px_per_mm: Scale of the rectified page.
        source_px_per_mm: Scale of the source along the time axis; NaN where unknown.
        speed_mm_per_s: Paper speed.
        gain_mm_per_mv: Deflection of one millivolt.
        fs_hz: Rate of the lead.

    Returns:
        The lead, its quality not yet judged (0).
    """
    region = trace.region
    px_per_s = px_per_mm * speed_mm_per_s
    zero_px = zero_line(trace.y_px, baseline_px=region.baseline_px, px_per_mm=px_per_mm)
    signal_uv = to_microvolts(
        trace.y_px, zero_px=zero_px, px_per_mm=px_per_mm, gain_mm_per_mv=gain_mm_per_mv
    )
    if region.inverted:
        signal_uv = -signal_uv
    signal_uv = without_torn_ends(signal_uv, fs_hz=px_per_s / trace.step_px)
    # The region's left edge is t0; the first sample of the trace may stand beside it.
    start_s = region.t0_ms / 1000 + (trace.x0_px - region.left_px) / px_per_s
    stop_s = start_s + (signal_uv.size - 1) * trace.step_px / px_per_s
    rounding = 1e-3  # of a sample: times come from decimal fractions
    first = math.ceil(start_s * fs_hz - rounding)
    count = max(math.floor(stop_s * fs_hz + rounding) - first + 1, 0)
    samples = resample(
        signal_uv,
        from_hz=px_per_s / trace.step_px,
        to_hz=fs_hz,
        first_s=first / fs_hz - start_s,
        count=count,
    )
    samples = without_specks(samples, fs_hz=fs_hz)
    confidence, overlap_s = by_second(
        trace, samples, first_s=first / fs_hz - start_s, fs_hz=fs_hz, px_per_s=px_per_s
    )
    carried = min(px_per_mm, source_px_per_mm) if np.isfinite(source_px_per_mm) else px_per_mm
    return Lead(
        lead=region.lead,
        role=region.role,
        name_source=region.name_source,
        t0_ms=1000 * first / fs_hz,
        fs_hz=fs_hz,
        native_fs_hz=carried * speed_mm_per_s,
        signal_uv=samples,
        overlap=float(trace.overlap.mean()) if trace.overlap.size else 0.0,
        quality=0.0,
        box_px=(region.left_px, region.top_px, region.right_px, region.bottom_px),
        origin_px=(trace.x0_px + (first / fs_hz - start_s) * px_per_s, zero_px),
        confidence=confidence,
        overlap_s=overlap_s,
    )


def without_torn_ends(signal_uv: FloatArray, *, fs_hz: float) -> FloatArray:
    """Leave out the ends of a lead that jump away from it, faster than any heart.

    Where a column of leads ends at a ruled line, the last ink of a trace is that line, and its
    middle stands anywhere.

    Args:
        signal_uv: ``(sample,)``; NaN where nothing was read.
        fs_hz: Samples per second.
    """
    known = np.flatnonzero(np.isfinite(signal_uv))
    steps = np.abs(np.diff(signal_uv[known])) * fs_hz > _STEEPEST_UV_PER_S
    reach = math.ceil(_TORN_S * fs_hz)
    head, tail = np.flatnonzero(steps[:reach]), np.flatnonzero(steps[::-1][:reach])
    cleaned = signal_uv.copy()
    if head.size:
        cleaned[known[: head[-1] + 1]] = np.nan
    if tail.size:
        cleaned[known[known.size - 1 - tail[-1] :]] = np.nan
    return cleaned


def without_specks(signal_uv: FloatArray, *, fs_hz: float) -> FloatArray:
    """Leave out pieces between gaps that are too short to be a piece of a trace.

    Args:
        signal_uv: ``(sample,)``; NaN where nothing was read.
        fs_hz: Samples per second.
    """
    known = np.isfinite(signal_uv)
    change = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2)
    cleaned = signal_uv.copy()
    for start, stop in change[change[:, 1] - change[:, 0] < _SPECK_S * fs_hz]:
        cleaned[start:stop] = np.nan
    return cleaned


def in_order(leads: Iterable[Lead]) -> list[Lead]:
    """Sort leads as every record has them: by name, strips before rhythm rows, then by time."""
    return sorted(
        leads,
        key=lambda lead: (_ORDER.get(lead.lead, len(_ORDER)), lead.role != "strip", lead.t0_ms),
    )


def together(leads: Sequence[Lead]) -> list[FloatArray]:
    """Cut leads to the time in which all of them were printed.

    Args:
        leads: At one rate, each sample at a whole multiple of its period.

    Returns:
        Views of equal length, empty where the leads never stand beside each other.
    """
    fs_hz = leads[0].fs_hz
    firsts = [round(lead.t0_ms * fs_hz / 1000) for lead in leads]
    start = max(firsts)
    stop = min(first + lead.signal_uv.size for first, lead in zip(firsts, leads, strict=True))
    return [
        lead.signal_uv[start - first : max(stop, start) - first]
        for first, lead in zip(firsts, leads, strict=True)
    ]
