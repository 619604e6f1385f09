"""The printings of a page side by side on one clock, ready for work on all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, gaussian_filter1d, maximum_filter1d, minimum_filter1d

from ecgbatch.signal.resample import resample
from ecgbatch.types import DoubleArray, Lead

SHEET_HZ = 500.0
"""Rate at which waves are looked for; it is also that of LUDB and PTB-XL."""

_MOST_LEAD_S = 21_600.0  # 12 leads of half an hour take 350 MB; no page prints as much
_JUMP_UV, _JUMP_SHARE, _JUMP_ROWS = 40.0, 0.5, 0.5
_MOST_JUMPS = 0.03  # of all samples: 15 a second
_JUMP_AROUND = 21  # samples: 40 ms, half a narrow QRS complex
_JUMP_BLANK = 9  # samples: 16 ms, what a filter makes of a spike
_SLOPE_SD_MS = 6.0  # of the Gaussian under slopes: half power at 22 Hz, and it does not ring


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Every printing of a page at ``SHEET_HZ`` on the page's time axis.

    Attributes:
        leads: Name of each row.
        places: Where each row stood among the leads that were laid out.
        start_ms: Time of the first column on the page's axis.
        known: ``(row, sample)`` bool, where something was printed and read.
        signal_uv: ``(row, sample)`` float64; gaps are bridged and ends prolonged, so that filters
            run through. Nothing may be read off where ``known`` is False.
        slope: ``(row, sample)`` smoothed slope in µV per sample.
        scale: ``(row,)`` how steep the steep parts of a row are; to compare rows with each other.
        jumps: ``(sample,)`` where the page jumps, as at a pacing spike; ``signal_uv`` is
            bridged around it.
    """

    leads: tuple[str, ...]
    places: tuple[int, ...]
    start_ms: float
    known: npt.NDArray[np.bool_]
    signal_uv: DoubleArray
    slope: DoubleArray
    scale: DoubleArray
    jumps: npt.NDArray[np.bool_]

    @property
    def samples(self) -> int:
        """Columns of the sheet."""
        return int(self.known.shape[1])

    def to_ms(self, column: DoubleArray) -> DoubleArray:
        """Return times on the page's axis for columns, NaN for NaN."""
        return np.asarray(self.start_ms + column * (1000 / SHEET_HZ))


def lay_out(leads: Sequence[Lead]) -> Sheet:
    """Put leads of any rate, start and length on one clock.

    Leads without a sample are left out, and so is what lies far behind the first one: half an hour
    with twelve leads, more with fewer.

    Args:
        leads: Of one page, in µV, NaN where nothing was printed.
    """
    rows = []
    for place, lead in enumerate(leads):
        finite = np.isfinite(lead.signal_uv)
        if not finite.any() or not np.isfinite(lead.t0_ms) or not lead.fs_hz > 0:
            continue
        first = int(np.ceil(lead.t0_ms * SHEET_HZ / 1000 - 1e-3))
        count = int(np.floor((lead.signal_uv.size - 1) / lead.fs_hz * SHEET_HZ + 1e-3)) + 1
        if lead.fs_hz == SHEET_HZ:
            values = np.where(finite, lead.signal_uv, np.nan)
        else:
            values = resample(
                np.where(finite, lead.signal_uv, np.nan).astype(np.float32),
                from_hz=lead.fs_hz,
                to_hz=SHEET_HZ,
                first_s=max(first / SHEET_HZ - lead.t0_ms / 1000, 0.0),
                count=count,
            )
        rows.append((lead.lead, place, first, values.astype(np.float64)))
    if not rows:
        return _empty()
    start = min(first for *_, first, _ in rows)
    limit = start + int(_MOST_LEAD_S / len(rows) * SHEET_HZ)
    rows = [row for row in rows if row[2] < limit]
    stop = min(limit, max(first + values.size for *_, first, values in rows))
    signal = np.full((len(rows), stop - start), np.nan)
    for row, (*_, first, values) in zip(signal, rows, strict=True):
        inside = values[: max(stop - first, 0)]
        row[first - start : first - start + inside.size] = inside
    keep = np.isfinite(signal).any(axis=1)
    if not keep.any():
        return _empty()
    signal = signal[keep]
    known = np.isfinite(signal)
    _bridge(signal, known)
    jumps = _jumps(signal, known)
    if jumps.any():
        _bridge(signal, known & ~binary_dilation(jumps, np.ones(_JUMP_BLANK)))
    slope = gaussian_filter1d(signal, _SLOPE_SD_MS * SHEET_HZ / 1000, axis=1, order=1)
    kept = [row for row, good in zip(rows, keep, strict=True) if good]
    names, places = tuple(row[0] for row in kept), tuple(row[1] for row in kept)
    return Sheet(
        names, places, 1000 * start / SHEET_HZ, known, signal, slope, _scale(slope, known), jumps
    )


def _bridge(signal: DoubleArray, known: npt.NDArray[np.bool_]) -> None:
    """Draw straight lines through gaps, and level ones outwards, in place."""
    for row, there in zip(signal, known, strict=True):
        if not there.all():
            at = np.flatnonzero(there)
            row[:] = np.interp(np.arange(row.size), at, row[at])


def _jumps(signal: DoubleArray, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say at which samples, ``(sample,)``, the page jumps: pacing spikes, amplifiers that switch.

    Steep complexes take 10 ms for half of their height; a jump takes 2, in most rows at once.
    """
    step = np.where(known[:, 1:] & known[:, :-1], np.diff(signal, axis=1), 0.0)
    height = maximum_filter1d(signal, _JUMP_AROUND, axis=1)[:, :-1]
    height -= minimum_filter1d(signal, _JUMP_AROUND, axis=1)[:, :-1]
    jumping = (np.abs(step) > _JUMP_UV) & (np.abs(step) > _JUMP_SHARE * height)
    visible = known[:, 1:].sum(axis=0)
    jumps = (jumping.sum(axis=0) >= _JUMP_ROWS * visible) & jumping.any(axis=0)
    if jumps.sum() > _MOST_JUMPS * jumps.size:  # noise jumps all the time
        jumps[:] = False
    return np.append(jumps, False)


def _empty() -> Sheet:
    nothing = np.zeros((0, 0))
    return Sheet(
        (), (), 0.0, nothing.astype(np.bool_), nothing, nothing, np.zeros(0), np.zeros(0, np.bool_)
    )


def _scale(slope: DoubleArray, known: npt.NDArray[np.bool_]) -> DoubleArray:
    """Steepness of QRS complexes: reached 1 % of the time, which one complex in 8 s does.

    A row that happens to show no beat, or is flat, would call its noise steep; it counts at least
    as a quarter of the usual row, so that noise stays small.
    """
    steep = np.array(
        [np.quantile(np.abs(row[there]), 0.99) for row, there in zip(slope, known, strict=True)]
    )
    return np.asarray(np.maximum(steep, max(0.25 * float(np.median(steep)), 0.5)))
