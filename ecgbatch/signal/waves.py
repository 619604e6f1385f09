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
from ecgbatch.signal.borders import known_between, wave_end
from ecgbatch.signal.p_waves import find_p_waves
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
    seen = known_between(sheet, qrs_on, qrs_off)
    rr = np.diff(beat).astype(np.float64)
    usual = float(np.median(rr)) if rr.size else SHEET_HZ
    smooth = gaussian_filter1d(sheet.signal_uv, _SMOOTH_SD, axis=1)
    t_peak, t_off = _t_waves(
        sheet, smooth, beat, common_on, common_off, np.append(rr, usual), np.append(usual, rr)
    )
    common_t_off = middle(t_off, axis=0)
    p_on, p_peak, p_off, p_share = find_p_waves(
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
    end = own_top + wave_end(pieces, sign, _T_AREA, room=limit - own_top)
    good = known_between(sheet, own_top.astype(np.float64), end) & (last > begin + _T_EARLIEST)
    return np.where(good, own_top, np.nan), np.where(good, end, np.nan)
