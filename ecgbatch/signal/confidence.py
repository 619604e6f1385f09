"""How sure each second of a lead is, by what ink and network left open.

A second's confidence is the chance that its samples are right within half a millimetre of paper
(RMS), given that the lead's name, place and scale are: doubts about those are flags of the page.
It follows from how far heights may be off, RMS over the second, in which missing ink counts as a
millimetre, by a logistic curve that ends at one half and was fitted to pages of known records;
``benchmarks/confidence.py`` fits it and prints how often each confidence was right on other pages.
"""

from __future__ import annotations

import numpy as np

from ecgbatch.types import DoubleArray, FloatArray, Trace

RIGHT_MM = 0.5
MOST_DOUBT_MM = 5.0
"""More than this is another trace, and no worse for being farther. A network's doubt ends at 2 mm;
only peaks that were left aside are worse."""

_SURE = 5.6
_PER_ROOT_MM = -8.0
_HALF_MM = 0.5
"""From here on more doubt tells no more: of 500 such seconds of drawn pages half were right, beside
ink that may be a peak left aside as well as another lead's."""


def by_second(
    trace: Trace, signal_uv: FloatArray, *, first_s: float, fs_hz: float, px_per_s: float
) -> tuple[FloatArray, FloatArray]:
    """Say how sure each started second of a lead is, and how long others run beside it.

    Args:
        trace: Of the lead.
        signal_uv: ``(sample,)`` what was read from it; NaN where nothing was.
        first_s: Time of the first sample after the trace's first.
        fs_hz: Samples per second.
        px_per_s: Length of a second on the page.

    Returns:
        ``(second,)`` confidence, NaN where no sample was read, and ``(second,)`` overlap in s.
    """
    seconds = int(np.ceil(signal_uv.size / fs_hz))
    if seconds == 0:
        nothing = np.empty(0, np.float32)
        return nothing, nothing
    doubt_mm, overlap = doubt_by_second(trace, first_s=first_s, px_per_s=px_per_s, seconds=seconds)
    second = (np.arange(signal_uv.size) / fs_hz).astype(np.intp)
    length = np.bincount(second, minlength=seconds)
    read = np.bincount(second, np.isfinite(signal_uv), minlength=seconds)
    confidence = np.where(read > 0, chance(doubt_mm), np.nan)
    return confidence.astype(np.float32), (overlap * length / fs_hz).astype(np.float32)


def doubt_by_second(
    trace: Trace, *, first_s: float, px_per_s: float, seconds: int
) -> tuple[DoubleArray, DoubleArray]:
    """Return the RMS doubt of each second in mm, and the share of it that others run beside."""
    time_s = np.arange(trace.y_px.size) * trace.step_px / px_per_s - first_s
    second = np.clip(np.floor(time_s), 0, seconds - 1).astype(np.intp)
    count = np.maximum(np.bincount(second, minlength=seconds), 1)
    doubt = np.minimum(trace.doubt_mm, MOST_DOUBT_MM)
    return (
        np.sqrt(np.bincount(second, doubt**2, minlength=seconds) / count),
        np.bincount(second, trace.overlap, minlength=seconds) / count,
    )


def chance(doubt_mm: DoubleArray) -> DoubleArray:
    """Return how likely a second of so large an RMS doubt is right."""
    most = np.minimum(doubt_mm, _HALF_MM)
    return np.asarray(1 / (1 + np.exp(-(_SURE + _PER_ROOT_MM * np.sqrt(most)))))
