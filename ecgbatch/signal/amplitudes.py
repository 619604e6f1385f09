"""Heights of all waves in every lead and beat, against the isoelectric line before QRS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecgbatch.signal.sheet import SHEET_HZ, Sheet
from ecgbatch.signal.waves import Waves
from ecgbatch.signal.windows import BoolArray, IntArray, at, cut
from ecgbatch.types import DoubleArray

_LEAST_UV = 25.0  # a quarter of a millimetre: the Minnesota Code's smallest wave
_LONGEST_QRS = 160  # samples
_LEVEL = 5  # samples that are averaged for a level: 10 ms
_ST60, _ST80 = 30, 40  # samples after the J point


@dataclass(frozen=True, slots=True, eq=False)
class Amplitudes:
    """``(row, beat)`` in µV, NaN where there is no such wave or the row does not show it.

    Attributes:
        peak: Column of the largest deflection of the complex.
        p: Top of P over its begin.
        q: First wave of the complex, where it is negative and an R follows.
        r: First positive wave.
        s: Negative wave after R; the whole depth of a complex without R.
        r2: Positive wave after S.
        j: At the end of QRS.
        st60: 60 ms after it.
        st80: 80 ms after it.
        t: Top of T.
        early: Mean of the first third of QRS.
        late: Mean of its last third.
        area: ``(row, beat)`` in µV·s, of QRS with its sign.
    """

    peak: DoubleArray
    p: DoubleArray
    q: DoubleArray
    r: DoubleArray
    s: DoubleArray
    r2: DoubleArray
    j: DoubleArray
    st60: DoubleArray
    st80: DoubleArray
    t: DoubleArray
    early: DoubleArray
    late: DoubleArray
    area: DoubleArray


def read_amplitudes(sheet: Sheet, waves: Waves) -> Amplitudes:
    """Read the heights of all waves.

    Args:
        sheet: Of one page.
        waves: Its borders.
    """
    if waves.beat.size == 0:
        return Amplitudes(*[np.full((len(sheet.leads), 0), np.nan)] * 13)
    level = uniform_filter1d(sheet.signal_uv, _LEVEL, axis=1)
    on, off = _columns(waves.qrs_on), _columns(waves.qrs_off)
    before = cut(sheet.known, on - _LEVEL, _LEVEL).all(axis=2) & (on >= _LEVEL)
    jumps = sheet.jumps[
        np.clip(on[..., None] + np.arange(_LEVEL, _LONGEST_QRS), 0, sheet.samples - 1)
    ]
    inner = np.arange(_LEVEL, _LONGEST_QRS) <= (off - on)[..., None]
    good = waves.seen & before & ~(jumps & inner).any(axis=2)
    zero = _read(level, on - _LEVEL // 2 - 1)
    complex_uv = cut(sheet.signal_uv, on, _LONGEST_QRS) - zero[..., None]
    inside = np.arange(_LONGEST_QRS) <= (off - on)[..., None]
    q, r, s, r2 = _complex_waves(complex_uv, inside)
    peak = on + np.where(inside, np.abs(complex_uv), -1.0).argmax(axis=2)

    place, third = np.arange(_LONGEST_QRS), (off - on)[..., None] / 3

    def mean(part: BoolArray) -> DoubleArray:
        total = np.where(part, complex_uv, 0.0).sum(axis=2)
        return np.asarray(total / np.maximum(part.sum(axis=2), 1))

    def where(condition: BoolArray, values: DoubleArray) -> DoubleArray:
        return np.where(condition, values, np.nan)

    def after(samples: int) -> DoubleArray:
        column = off + samples
        there = cut(sheet.known, column - _LEVEL // 2, _LEVEL).all(axis=2)
        there &= column < sheet.samples - _LEVEL
        return where(good & there, _read(level, column) - zero)

    return Amplitudes(
        peak=where(waves.seen, peak),
        p=_read(level, _columns(waves.p_peak)) - _read(level, _columns(waves.p_on))
        + np.where(np.isfinite(waves.p_on), 0.0, np.nan),
        q=where(good, q),
        r=where(good, r),
        s=where(good, s),
        r2=where(good, r2),
        j=after(0),
        st60=after(_ST60),
        st80=after(_ST80),
        t=where(good & np.isfinite(waves.t_peak), _read(level, _columns(waves.t_peak)) - zero),
        early=where(good, mean(place <= third)),
        late=where(good, mean(inside & (place >= 2 * third))),
        area=where(good, np.where(inside, complex_uv, 0).sum(axis=2) / SHEET_HZ),
    )  # fmt: skip


def _columns(place: DoubleArray) -> IntArray:
    """Whole columns; 0 where there is none, and whoever reads it must leave that out."""
    return np.asarray(np.round(np.nan_to_num(place)), np.intp)


def _read(values: DoubleArray, column: IntArray) -> DoubleArray:
    return np.take_along_axis(values, np.clip(column, 0, values.shape[1] - 1), axis=1)


def _complex_waves(
    uv: DoubleArray, inside: BoolArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Q, R, S and R' of complexes ``(row, beat, sample)``; NaN where a wave is missing."""
    place = np.arange(uv.shape[2])

    def highest(part: BoolArray) -> tuple[DoubleArray, IntArray]:
        masked = np.where(part, uv, -np.inf)
        index = masked.argmax(axis=2)
        return at(masked, index), index

    def lowest(part: BoolArray) -> tuple[DoubleArray, IntArray]:
        masked = np.where(part, uv, np.inf)
        index = masked.argmin(axis=2)
        return at(masked, index), index

    top, top_at = highest(inside)
    first_low, first_low_at = lowest(inside & (place < top_at[..., None]))
    early, _ = highest(inside & (place < first_low_at[..., None]))
    last_low, last_low_at = lowest(inside & (place > top_at[..., None]))
    late, _ = highest(inside & (place > last_low_at[..., None]))
    has_r, has_first, has_last = top >= _LEAST_UV, first_low <= -_LEAST_UV, last_low <= -_LEAST_UV
    # A high second R: what stands before it is r and S, not Q.
    second_higher = has_r & has_first & (early >= _LEAST_UV)
    nan = np.nan
    q = np.where(has_r & has_first & ~second_higher, first_low, nan)
    r = np.where(has_r, np.where(second_higher, early, top), nan)
    s = np.where(second_higher, first_low, np.where(has_last, last_low, nan))
    r2 = np.where(second_higher, top, np.where(has_r & has_last & (late >= _LEAST_UV), late, nan))
    depth = np.where(inside, uv, np.inf).min(axis=2)
    s = np.where(has_r, s, np.where(depth <= -_LEAST_UV, depth, nan))
    return q, r, s, r2
