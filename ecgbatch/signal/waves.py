"""Begin, top and end of P, QRS and T: every lead and beat at once.

* QRS: crossings of three shares of the top steepness, of all visible leads together and of the lead
  itself. Their mean moves less with noise and with the form of a complex than any one of them; how
  far it lies from where cardiologists put the border was measured on LUDB.
* T: its top is the largest distance from the isoelectric line in all visible leads; its end is
  where the area between the wave and a line from its end backwards is largest (Zhang et al.,
  Computers in Cardiology 2005), which needs no threshold.
* P: found where the mean over beats has a hump before QRS, so that one noisy beat does not move it;
  begin and end again by area. Whether there is a P wave at all is asked from how well beats agree.

Each border of P and T is the mean of the lead's own and the median of all visible leads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_closing, gaussian_filter1d

from ecgbatch.signal.beats import steepness
from ecgbatch.signal.sheet import SHEET_HZ, Sheet
from ecgbatch.signal.windows import BoolArray, IntArray, at, cut, middle
from ecgbatch.types import DoubleArray

# Tuned on the odd records of LUDB, in samples of 2 ms, and reported on the even ones by
# benchmarks/delineate.py.
_QRS_REACH, _QRS_TOP = 100, 40
_QRS_SHARES = (0.09, 0.15, 0.25)
_QRS_JOIN = 8  # a notch of 16 ms does not end a complex
_QRS_APART = 12  # a lead's border lies within 24 ms of the common one
_QRS_ON_LATE, _QRS_OFF_EARLY = 6.5, 4.0
_SMOOTH_SD = 5.0
_ISO_BEFORE = 5  # the isoelectric line is read 10 ms before QRS
_T_EARLIEST = 20  # after QRS
_T_TOP_S, _T_TAIL_S = 0.46, 0.14  # at 60 beats per minute, falling with the root of the RR interval
_T_AREA = 58
_T_ROOM = 20  # before the next beat's steep part
_TOP_APART = 30  # a lead's T top lies within 60 ms of the common one
_P_BACK, _P_GAP = 160, 5
_P_NARROW_SD, _P_WIDE_SD = 5.0, 30.0  # a hump of some 100 ms
_P_STEADY = 40.0
_P_APART = 15
_P_AREA, _P_LONGEST = 32, 48
_LOUDEST = 2.0
_P_SHARE, _P_HELD = (
    0.45,
    0.35,
)  # with 0.45, 3 % of sinus rhythms lose their P and 6 % of AF gain one


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """Columns of a sheet, float64, NaN where the lead does not show the wave.

    Arrays are ``(row, beat)``; those of ``common_…`` are ``(beat,)`` and hold for the whole page.

    Attributes:
        beat: ``(beat,)`` middle of the steep part of each complex.
        seen: Whether the row shows the whole complex.
        qrs_on: Begin of QRS.
        qrs_off: Its end.
        t_peak: Top of T.
        t_off: Its end.
        p_on: Begin of P.
        p_peak: Its top.
        p_off: Its end.
        common_qrs_on: Begin of QRS in the leads taken together.
        common_qrs_off: Its end.
        common_t_off: Median over leads.
        common_p_on: Median over leads.
        p_share: Share of what stands before QRS that comes back in every beat: near 1 with P waves,
            near 0 without; NaN where no lead shows two beats.
    """

    beat: IntArray
    seen: BoolArray
    qrs_on: DoubleArray
    qrs_off: DoubleArray
    t_peak: DoubleArray
    t_off: DoubleArray
    p_on: DoubleArray
    p_peak: DoubleArray
    p_off: DoubleArray
    common_qrs_on: DoubleArray
    common_qrs_off: DoubleArray
    common_t_off: DoubleArray
    common_p_on: DoubleArray
    p_share: float


def delineate(sheet: Sheet, beat: IntArray) -> Waves:
    """Find the borders of all waves.

    Args:
        sheet: Of one page.
        beat: From ``find_beats``.
    """
    if beat.size == 0:
        return _nothing(len(sheet.leads))
    curve = steepness(sheet)[None]
    common = _complex(curve, beat)
    own = _complex(np.abs(sheet.slope), beat)
    common_on, common_off = common[0][0] - _QRS_ON_LATE, common[1][0] + _QRS_OFF_EARLY / 2
    near = [
        np.clip(mine, all_ - _QRS_APART, all_ + _QRS_APART)
        for mine, all_ in zip(own, common, strict=True)
    ]
    qrs_on = (common[0] + near[0]) / 2 - _QRS_ON_LATE
    qrs_off = (common[1] + near[1]) / 2 + _QRS_OFF_EARLY
    seen = _seen(sheet, qrs_on, qrs_off)
    rr = np.diff(beat).astype(np.float64)
    usual = float(np.median(rr)) if rr.size else SHEET_HZ
    smooth = gaussian_filter1d(sheet.signal_uv, _SMOOTH_SD, axis=1)
    t_peak, t_off = _t_waves(
        sheet, smooth, beat, common_on, common_off, np.append(rr, usual), np.append(usual, rr)
    )
    common_t_off = middle(t_off, axis=0)
    p_on, p_peak, p_off, p_share = _p_waves(
        sheet, smooth, common_on, np.append(-np.inf, common_t_off[:-1])
    )
    common_p_on = middle(p_on, axis=0)
    return Waves(
        beat=beat,
        seen=seen,
        qrs_on=np.where(seen, qrs_on, np.nan),
        qrs_off=np.where(seen, qrs_off, np.nan),
        t_peak=t_peak,
        t_off=(t_off + common_t_off) / 2,
        p_on=(p_on + common_p_on) / 2,
        p_peak=p_peak,
        p_off=(p_off + middle(p_off, axis=0)) / 2,
        common_qrs_on=np.where(seen.any(axis=0), common_on, np.nan),
        common_qrs_off=np.where(seen.any(axis=0), common_off, np.nan),
        common_t_off=common_t_off,
        common_p_on=common_p_on,
        p_share=p_share,
    )


def _nothing(rows: int) -> Waves:
    none, common = np.zeros((rows, 0)), np.zeros(0)
    return Waves(
        beat=np.zeros(0, np.intp),
        seen=none > 0,
        qrs_on=none,
        qrs_off=none,
        t_peak=none,
        t_off=none,
        p_on=none,
        p_peak=none,
        p_off=none,
        common_qrs_on=common,
        common_qrs_off=common,
        common_t_off=common,
        common_p_on=common,
        p_share=float("nan"),
    )


def _seen(sheet: Sheet, first: DoubleArray, last: DoubleArray) -> BoolArray:
    """Whether rows are known from one column to another, all of them inside the sheet."""
    inside = (first >= 0) & (last <= sheet.samples - 1)
    before = np.pad(np.cumsum(sheet.known, axis=1), ((0, 0), (1, 0)))
    begin = np.clip(np.floor(np.where(inside, first, 0)), 0, sheet.samples).astype(np.intp)
    end = np.clip(np.ceil(np.where(inside, last, 0)) + 1, 0, sheet.samples).astype(np.intp)
    counted: IntArray = np.take_along_axis(before, end, axis=1) - np.take_along_axis(
        before, begin, axis=1
    )
    return np.asarray(inside & (counted == end - begin))


def _complex(steep: DoubleArray, beat: IntArray) -> tuple[DoubleArray, DoubleArray]:
    """Mean first and last column of complexes, ``(row, beat)``, over some shares of their top."""
    length = 2 * _QRS_REACH + 1
    pieces = cut(steep, beat - _QRS_REACH, length)
    middle_part = pieces[..., _QRS_REACH - _QRS_TOP : _QRS_REACH + _QRS_TOP + 1]
    top = _QRS_REACH - _QRS_TOP + middle_part.argmax(axis=-1)
    height = middle_part.max(axis=-1)[..., None]
    place = np.arange(length)
    on, off = np.zeros(top.shape), np.zeros(top.shape)
    for share in _QRS_SHARES:
        active = pieces > share * height
        padded = np.pad(active, ((0, 0), (0, 0), (_QRS_JOIN, _QRS_JOIN)))
        joined = binary_closing(padded, np.ones((1, 1, _QRS_JOIN)))[..., _QRS_JOIN:-_QRS_JOIN]
        still_before = np.maximum.accumulate(np.where(joined, -1, place), axis=-1)
        still_after = np.minimum.accumulate(np.where(joined, length, place)[..., ::-1], axis=-1)
        on += at(still_before, top) + 1
        off += at(still_after[..., ::-1], top) - 1
    start = beat - _QRS_REACH
    return start + on / len(_QRS_SHARES), start + off / len(_QRS_SHARES)


def _t_waves(
    sheet: Sheet,
    smooth: DoubleArray,
    beat: IntArray,
    qrs_on: DoubleArray,
    qrs_off: DoubleArray,
    rr_next: DoubleArray,
    rr_before: DoubleArray,
) -> tuple[DoubleArray, DoubleArray]:
    """Top and end of T in each row, ``(row, beat)``."""
    knots = np.clip(np.round(qrs_on - _ISO_BEFORE), 0, sheet.samples - 1).astype(np.intp)
    columns = np.arange(sheet.samples)
    level = np.array([np.interp(columns, knots, row[knots]) for row in smooth])
    wave = smooth - level
    pace = np.sqrt(np.clip(np.minimum(rr_next, rr_before), 75, 750) / SHEET_HZ)
    begin = np.round(qrs_off).astype(np.intp) + _T_EARLIEST
    last = np.minimum(beat + _T_TOP_S * SHEET_HZ * pace, beat + rr_next - 2.5 * _T_ROOM)
    length = int(_T_TOP_S * SHEET_HZ * 1.25)
    seen = cut(sheet.known, begin, length)
    power = np.where(seen, cut(wave, begin, length) ** 2, 0).sum(axis=0) / np.maximum(
        seen.sum(axis=0), 1
    )
    inside = begin[:, None] + np.arange(length) < last[:, None]
    top = begin + np.where(inside, power, -1.0).argmax(axis=-1)
    around = cut(wave, top - _TOP_APART, 2 * _TOP_APART + 1)
    place = np.abs(around).argmax(axis=-1)
    own_top = top - _TOP_APART + place
    limit = np.minimum(beat + rr_next - _T_ROOM,
                       top + _T_TAIL_S * SHEET_HZ * np.clip(pace, 0.7, 1.2) + 25)  # fmt: skip
    tail = int(_T_TAIL_S * SHEET_HZ * 1.2) + 2 * _TOP_APART + 25
    pieces = cut(wave, own_top - _T_AREA, _T_AREA + tail)
    sign = np.sign(at(around, place))
    end = own_top + _end(pieces, sign, _T_AREA, room=limit - own_top)
    good = _seen(sheet, own_top.astype(np.float64), end) & (last > begin + _T_EARLIEST)
    return np.where(good, own_top, np.nan), np.where(good, end, np.nan)


def _end(pieces: DoubleArray, sign: DoubleArray, area: int, *, room: DoubleArray) -> DoubleArray:
    """Samples from the top to the end of a wave, by the largest area below a level line.

    Args:
        pieces: ``(row, beat, area + tail)``; the top of the wave stands at ``area``.
        sign: ``(row, beat)`` of the wave.
        area: Length of the line.
        room: ``(row, beat)`` largest result.
    """
    upright = pieces * sign[..., None]
    total = np.cumsum(np.pad(upright, ((0, 0), (0, 0), (1, 0))), axis=-1)
    end = np.arange(area, pieces.shape[-1])
    below = total[..., end + 1] - total[..., end + 1 - area] - area * upright[..., end]
    below[end - area > np.maximum(room, 0)[..., None]] = -np.inf
    return np.asarray(below.argmax(axis=-1), np.float64)


def _p_waves(
    sheet: Sheet, smooth: DoubleArray, qrs_on: DoubleArray, t_off: DoubleArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray, float]:
    """Begin, top and end of P in each row, ``(row, beat)``, and what the beats have in common."""
    last = np.round(qrs_on).astype(np.intp)
    length = _P_BACK - _P_GAP + 1
    first = last - _P_BACK
    earliest = np.maximum(np.nan_to_num(t_off, nan=-np.inf, neginf=0.0) + _P_GAP, 0)
    column = first[:, None] + np.arange(length)
    free = (column >= earliest[:, None]) & (column < sheet.samples)
    # What lies before the T wave's end is held at its level, so that filters see no flank.
    held = np.maximum(column, np.minimum(earliest, last - 2 * _P_APART)[:, None]).astype(np.intp)
    held = np.clip(held, 0, sheet.samples - 1)
    pieces = smooth[:, held]
    hump = gaussian_filter1d(pieces, _P_NARROW_SD, axis=2, mode="nearest")
    hump -= gaussian_filter1d(pieces, _P_WIDE_SD, axis=2, mode="nearest")
    seen = sheet.known[:, held] & free
    hump[~seen] = 0
    hump *= _calmed((hump**2).sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1))
    size = np.sqrt((hump**2).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))
    usual = np.nan_to_num(middle(np.where(seen.any(axis=0), size, np.nan), axis=0))
    distance = (np.arange(length) - usual.argmax()) / _P_STEADY
    place = np.where(free, size * np.exp(-0.5 * distance**2), -1.0).argmax(axis=-1)
    around = np.clip(place[:, None] + np.arange(-_P_APART, _P_APART + 1), 0, length - 1)
    near = np.take_along_axis(hump, np.broadcast_to(around, (hump.shape[0], *around.shape)), axis=2)
    highest = np.abs(near).argmax(axis=-1)
    top = first + at(np.broadcast_to(around, near.shape), highest)
    sign = np.sign(at(near, highest))
    whole = _P_AREA + _P_LONGEST
    after = top + _end(cut(smooth, top - _P_AREA, whole), sign, _P_AREA, room=last - 2 - top)
    backwards = cut(smooth, top - _P_LONGEST + 1, whole)[..., ::-1]
    before = top - _end(backwards, sign, _P_AREA, room=np.full(top.shape, np.inf))
    shown, share = _alike(hump, seen)
    good = shown & _seen(sheet, before, after)
    on, peak, off = (np.where(good, value, np.nan) for value in (before, top, after))
    return on, peak, off, share


def _calmed(power: DoubleArray) -> DoubleArray:
    """Factors ``(row, 1, 1)`` that let no row be heard far above the others: drift and noise are."""
    usual = float(middle(np.where(power > 0, power, np.nan)[None], axis=1)[0])
    factor = np.sqrt(np.minimum(1, _LOUDEST * usual / np.maximum(power, 1e-9)))
    return np.asarray(np.nan_to_num(factor, nan=1.0)[:, None, None])


def _alike(hump: DoubleArray, seen: BoolArray) -> tuple[BoolArray, float]:
    """Which beats have a P wave, ``(beat,)``, and how much of all humps comes back in every beat.

    The energy of the mean of ``n`` pieces without anything in common is ``1/n`` of their own; what
    is more than that they have in common.
    """
    enough = seen.mean(axis=2) > 0.5
    count = enough.sum(axis=1)
    pieces = np.where(enough[..., None], hump, 0.0)
    energy = (pieces**2).sum(axis=2)
    total = pieces.sum(axis=1)
    several = count > 1
    if not several.any() or not energy[several].sum() > 0:
        return np.zeros(seen.shape[1], np.bool_), float("nan")
    common = ((total**2).sum(axis=1) - energy.sum(axis=1))[several] / (count[several] - 1)
    share = float(common.sum() / energy[several].sum())
    # Each beat against the others: how much of their mean it holds.
    others = (total[:, None] - pieces) / np.maximum(count - 1, 1)[:, None, None]
    fitting = np.where(enough & several[:, None], (pieces * others).sum(axis=2), 0).sum(axis=0)
    expected = np.where(enough & several[:, None], (others**2).sum(axis=2), 0).sum(axis=0)
    holds = fitting > _P_HELD * np.maximum(expected, 1e-9)
    return holds & (share > _P_SHARE), share
