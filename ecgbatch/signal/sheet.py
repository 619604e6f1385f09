"""The printings of a page side by side on one clock, ready for work on all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import (
    binary_dilation,
    gaussian_filter1d,
    maximum_filter1d,
    minimum_filter1d,
)

from ecgbatch.signal.resample import resample
from ecgbatch.types import DoubleArray, Lead

SHEET_HZ = 500.0
"""Rate at which waves are looked for; it is also that of LUDB and PTB-XL."""

_MOST_LEAD_S = 21_600.0  # 12 leads of half an hour take 350 MB; no page prints as much
_JUMP_UV, _JUMP_SHARE, _JUMP_ROWS = 40.0, 0.5, 0.5
_MOST_JUMPS = 0.03  # of all samples: 15 a second
_JUMP_AROUND = 21  # samples: 40 ms, half a narrow QRS complex
_JUMP_BLANK = 9  # samples: 16 ms, what a filter makes of a spike
_NOISE_SHARE = 4.0  # white noise has its median at 0.26 of what it reaches 1 % of the time
_EDGE = 8  # samples
_LONG = 1.5  # of the shortest row's length
_TOGETHER = 30  # samples between the starts of strips of one column
_FARTHEST, _LEAST_MOVE, _CLEARER = 60, 14, 1.4  # 120 ms, 28 ms, and what it must gain
_T = TypeVar("_T", bound=np.generic)
_SLOPE_SD_MS = 6.0  # of the Gaussian under slopes: half power at 22 Hz, and it does not ring


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Every printing of a page at ``SHEET_HZ`` on the page's time axis.

    Attributes:
        leads: Name of each row.
        places: Where each row stood among the leads that were laid out.
        start_ms: Time of the first column on the page's axis.
        moved: ``(row,)`` by how many samples a row stands later here than on the page, so that
            complexes meet.
        known: ``(row, sample)`` bool, where something was printed and read.
        steady: ``(row, sample)`` bool, where that is so for 16 ms around: ends of rows carry marks.
        signal_uv: ``(row, sample)`` float64; gaps are bridged and ends prolonged, so that filters
            run through. Nothing may be read off where ``known`` is False.
        slope: ``(row, sample)`` smoothed slope in µV per sample.
        scale: ``(row,)`` how steep the steep parts of a row are; to compare rows with each other.
        weight: ``(row,)`` 0.05 to 1, how far its steep parts stand out from its noise.
        jumps: ``(sample,)`` where the page jumps, as at a pacing spike; ``signal_uv`` is
            bridged around it.
    """

    leads: tuple[str, ...]
    places: tuple[int, ...]
    start_ms: float
    moved: npt.NDArray[np.intp]
    known: npt.NDArray[np.bool_]
    steady: npt.NDArray[np.bool_]
    signal_uv: DoubleArray
    slope: DoubleArray
    scale: DoubleArray
    weight: DoubleArray
    jumps: npt.NDArray[np.bool_]

    @property
    def samples(self) -> int:
        """Columns of the sheet."""
        return int(self.known.shape[1])

    def to_ms(self, column: DoubleArray, *, row: npt.NDArray[np.intp] | None = None) -> DoubleArray:
        """Return times on the page's axis for columns, NaN for NaN.

        Args:
            column: Any shape.
            row: Whose time is asked for, in the same shape; the sheet's own without.
        """
        moved = 0 if row is None else self.moved[row]
        return np.asarray(self.start_ms + (column - moved) * (1000 / SHEET_HZ))


def lay_out(leads: Sequence[Lead]) -> Sheet:
    """Put leads of any rate, start and length on one clock.

    Leads without a sample are left out, and so is what lies far behind the first one: half an hour
    with twelve leads, more with fewer.

    Args:
        leads: Of one page, in µV, NaN where nothing was printed.
    """
    rows = [row for place, lead in enumerate(leads) if (row := _row(place, lead)) is not None]
    if not rows:
        return _empty()
    start = min(row.first for row in rows)
    limit = start + int(_MOST_LEAD_S / len(rows) * SHEET_HZ)
    rows = [row for row in rows if row.first < limit]
    stop = min(limit, max(row.first + row.values.size for row in rows))
    signal = np.full((len(rows), stop - start), np.nan)
    for line, row in zip(signal, rows, strict=True):
        inside = row.values[: stop - row.first]
        line[row.first - start : row.first - start + inside.size] = inside
    known = np.isfinite(signal)
    _bridge(signal, known)
    moved = _moves(signal, known)
    for line, there, move in zip(signal, known, moved, strict=True):
        if move:
            line[:], there[:] = _shifted(line, move), _shifted(there, move)
            there[: max(move, 0)] = False
            there[there.size + min(move, 0) :] = False
    kept = known.any(axis=1)
    signal, known, moved = signal[kept], known[kept], moved[kept]
    jumps = _jumps(signal, known)
    if jumps.any():
        _bridge(signal, known & ~binary_dilation(jumps, np.ones(_JUMP_BLANK)))
    slope = gaussian_filter1d(signal, _SLOPE_SD_MS * SHEET_HZ / 1000, axis=1, order=1)
    scale, weight = _scale(slope, known)
    there = [row for row, keep in zip(rows, kept, strict=True) if keep]
    return Sheet(
        leads=tuple(row.lead for row in there),
        places=tuple(row.place for row in there),
        start_ms=1000 * start / SHEET_HZ,
        moved=moved,
        known=known,
        steady=_steady(known),
        signal_uv=signal,
        slope=slope,
        scale=scale,
        weight=weight,
        jumps=jumps,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    lead: str
    place: int
    first: int
    values: DoubleArray


def _row(place: int, lead: Lead) -> _Row | None:
    """Read a lead at ``SHEET_HZ``; None where it holds nothing."""
    finite = np.isfinite(lead.signal_uv)
    if not finite.any() or not np.isfinite(lead.t0_ms) or not lead.fs_hz > 0:
        return None
    values = np.where(finite, lead.signal_uv, np.nan)
    first = int(np.ceil(lead.t0_ms * SHEET_HZ / 1000 - 1e-3))
    if lead.fs_hz != SHEET_HZ:
        values = resample(
            values.astype(np.float32),
            from_hz=lead.fs_hz,
            to_hz=SHEET_HZ,
            first_s=max(first / SHEET_HZ - lead.t0_ms / 1000, 0.0),
            count=int(np.floor((values.size - 1) / lead.fs_hz * SHEET_HZ + 1e-3)) + 1,
        )
    if not np.isfinite(values).any():
        return None
    return _Row(lead.lead, place, first, values.astype(np.float64))


def _shifted(values: npt.NDArray[_T], move: int) -> npt.NDArray[_T]:
    """Move values to later samples; the ends repeat."""
    place = np.clip(np.arange(values.size) - move, 0, values.size - 1)
    return np.asarray(values[place])


def _moves(signal: DoubleArray, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """By how many samples each short row must move so that its complexes meet those of long rows.

    Where a column was cut or a row's start misread, strips and rhythm rows differ by as much as
    100 ms. Complexes of different leads peak within some 20 ms of each other, and the strips of a
    column share their start, so what is more than that over a whole column is the page's.
    """
    moved = np.zeros(len(signal), np.intp)
    length = known.sum(axis=1)
    long = length > _LONG * length.min()
    if long.all() or not long.any():
        return moved
    steep = np.abs(gaussian_filter1d(signal, 2 * _SLOPE_SD_MS * SHEET_HZ / 1000, axis=1, order=1))
    steep = np.where(known, steep, 0.0) / np.maximum(steep.max(axis=1, keepdims=True), 1e-9)
    reference = steep[long].mean(axis=0)
    first = known.argmax(axis=1)
    for begin in np.unique(first[~long]):
        column = ~long & (np.abs(first - begin) <= _TOGETHER)
        if moved[column].any():
            continue
        from_, to = int(first[column].min()), int((first[column] + length[column]).max())
        strips = steep[column, from_:to].sum(axis=0)
        around = np.pad(reference, _FARTHEST)[from_ : to + 2 * _FARTHEST]
        likeness = np.correlate(around - around.mean(), strips - strips.mean())
        move = int(likeness.argmax()) - _FARTHEST
        if abs(move) >= _LEAST_MOVE and likeness.max() > _CLEARER * likeness[_FARTHEST]:
            moved[column] = move
    return moved


def _steady(known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say where samples are known all around; the sheet's own ends are no borders."""
    width = 2 * _EDGE + 1
    total = np.cumsum(np.pad(known, ((0, 0), (_EDGE, _EDGE)), constant_values=True), axis=1)
    before = np.pad(total, ((0, 0), (1, 0)))[:, :-width]
    return np.asarray(total[:, width - 1 :] - before == width)


def _bridge(signal: DoubleArray, known: npt.NDArray[np.bool_]) -> None:
    """Draw straight lines through gaps, and level ones outwards, in place."""
    for row, there in zip(signal, known, strict=True):
        at = np.flatnonzero(there)
        if 0 < at.size < row.size:
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
    no = nothing > 0
    return Sheet(
        leads=(),
        places=(),
        start_ms=0.0,
        moved=np.zeros(0, np.intp),
        known=no,
        steady=no,
        signal_uv=nothing,
        slope=nothing,
        scale=np.zeros(0),
        weight=np.zeros(0),
        jumps=np.zeros(0, np.bool_),
    )


def _scale(slope: DoubleArray, known: npt.NDArray[np.bool_]) -> tuple[DoubleArray, DoubleArray]:
    """Steepness of the complexes of each row, and how far they stand out from its noise.

    A row that happens to show no beat, or is flat, would call its noise steep; it counts at least
    as a quarter of the usual row, so that noise stays small. Complexes take a tenth of the time, so
    the usual slope of a clean row is small, and that of noise is a quarter of what it calls steep.
    """
    # Reached 1 % of the time, which one complex in 8 s does.
    usual, steep = np.array(
        [
            np.quantile(np.abs(row[there]), (0.5, 0.99))
            for row, there in zip(slope, known, strict=True)
        ]
    ).T
    scale = np.maximum(steep, max(0.25 * float(np.median(steep)), 0.5))
    return scale, np.maximum(1 - _NOISE_SHARE * usual / np.maximum(steep, 1e-9), 0.05)
