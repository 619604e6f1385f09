"""Where the ventricles beat, from all visible leads together.

Steepness of every row, each in units of its own steep parts, is summed up over whatever is printed
at a time, so that a page of columns and a page of full leads give one and the same curve. Complexes
are its peaks; the threshold follows the neighbourhood, because ectopic beats are higher.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ecgbatch.signal.sheet import SHEET_HZ, Sheet
from ecgbatch.signal.windows import IntArray
from ecgbatch.types import DoubleArray

_SPREAD_SD_S = 0.030  # joins the flanks of a complex, also of a wide one
_NEAREST_S = 0.18  # 333 beats per minute
_SHARE = 0.33  # of the usual height of complexes nearby
_AROUND_S = 4.0  # what is nearby
_T_WITHIN_S, _T_SHARE = 0.36, 0.58  # a steep T wave stands this close and is less steep
_LEAST = 0.12  # of the typical steepness; below it there is noise
_EDGE_S = 0.04
_ABOVE_REST = 1.8  # noise and fibrillation have no rest between their peaks
_FLAT_UV_PER_S = 2000.0
_WIDTH_S = 0.05  # on either side of a complex
_NARROW_SHARE, _NARROW_WITHIN_S, _END_S = 0.70, 0.30, 0.10
_BEFORE_JUMP, _AFTER_JUMP = 5, 16  # samples: a spike charges the electrode for some 30 ms


def steepness(sheet: Sheet) -> DoubleArray:
    """Return ``(sample,)`` RMS slope over the visible rows, about 1 at the steepest usual places.

    Rows count as much as they stand out from their noise. 0 where nothing is visible.
    """
    share = np.where(sheet.steady, sheet.slope / sheet.scale[:, None], 0.0)
    visible = sheet.weight @ sheet.steady
    curve = np.sqrt(sheet.weight @ (share * share) / np.maximum(visible, 1e-9))
    for at in np.flatnonzero(sheet.jumps):
        curve[max(at - _BEFORE_JUMP, 0) : at + _AFTER_JUMP] = 0.0
    return np.asarray(curve)


def find_beats(sheet: Sheet) -> IntArray:
    """Return the columns of all ventricular complexes, rising; to the middle of their steep part.

    A complex needs no R wave. Where nothing stands out from what is between the peaks, as in noise
    and in ventricular fibrillation, there are no beats.
    """
    if sheet.samples < 3:
        return np.zeros(0, np.intp)
    steep = steepness(sheet)
    curve = gaussian_filter1d(steep, _SPREAD_SD_S * SHEET_HZ)
    edge = round(_EDGE_S * SHEET_HZ)
    peaks, _ = find_peaks(curve, height=_LEAST, distance=round(_NEAREST_S * SHEET_HZ))
    peaks = peaks[(peaks >= edge) & (peaks < sheet.samples - edge)]
    if peaks.size:
        peaks = peaks[curve[peaks] > _SHARE * _usual_height(peaks, curve[peaks])]
        visible = sheet.known.any(axis=0)
        rest = float(np.median(curve[visible]))
        if np.median(curve[peaks]) < _ABOVE_REST * rest or _is_flat(sheet):
            return np.zeros(0, np.intp)
    peaks = _without_t_waves(peaks, curve[peaks])
    return _without_narrow_neighbours(peaks, _width(peaks, steep), samples=sheet.samples)


def _is_flat(sheet: Sheet) -> bool:
    """Whether no row rises by as much as 2 mV/s where it is steepest: noise, or no heart."""
    return bool(np.max(sheet.scale) < _FLAT_UV_PER_S / SHEET_HZ)


def _without_t_waves(peaks: IntArray, height: DoubleArray) -> IntArray:
    kept: list[int] = []
    for index, at in enumerate(peaks):
        close = bool(kept) and at - peaks[kept[-1]] < _T_WITHIN_S * SHEET_HZ
        if not (close and height[index] < _T_SHARE * height[kept[-1]]):
            kept.append(index)
    return np.asarray(peaks[kept], np.intp)


def _without_narrow_neighbours(peaks: IntArray, width: DoubleArray, *, samples: int) -> IntArray:
    """Leave out what is too narrow for a complex and stands beside one, or where the page ends.

    Beside a complex it is an atrial stimulus or noise, at the end of a row a mark or a cut.
    """
    if peaks.size < 2:
        return peaks
    narrow = width < _NARROW_SHARE * np.quantile(width, 0.75)
    close = np.diff(peaks) < _NARROW_WITHIN_S * SHEET_HZ
    before, after = np.append(False, close & ~narrow[:-1]), np.append(close & ~narrow[1:], False)
    ends = np.minimum(peaks, samples - 1 - peaks) < _END_S * SHEET_HZ
    return np.asarray(peaks[~(narrow & (before | after | ends))])


def _width(peaks: IntArray, steep: DoubleArray) -> DoubleArray:
    """How many samples around each peak are steep."""
    reach = round(_WIDTH_S * SHEET_HZ)
    around = np.clip(peaks[:, None] + np.arange(-reach, reach + 1), 0, steep.size - 1)
    part = steep[around]
    return np.asarray((part > 0.3 * part.max(axis=1, keepdims=True)).sum(axis=1), np.float64)


def _usual_height(peaks: IntArray, height: DoubleArray) -> DoubleArray:
    """Height of complexes around each peak: the median of the highest of each second."""
    second = (peaks // SHEET_HZ).astype(np.intp)
    tallest = np.zeros(second[-1] + 1)
    np.maximum.at(tallest, second, height)
    usual = np.empty(height.size)
    reach = round(_AROUND_S)
    for index, at in enumerate(second):
        near = tallest[max(at - reach, 0) : at + reach + 1]
        near = near[near > 0]
        near = near[near > 0.5 * np.median(near)]
        usual[index] = np.median(near[near >= _SHARE * near.max()])
    return usual
