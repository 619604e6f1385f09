"""P waves: where they stand, and whether there are any.

They are looked for where the median over beats has a hump before QRS, so that one noisy beat does
not move them. Whether there are any is asked from how well beats agree.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ecgbatch.signal.borders import known_between, wave_end
from ecgbatch.signal.sheet import Sheet
from ecgbatch.signal.windows import BoolArray, at, cut, middle
from ecgbatch.types import DoubleArray

# In samples of 2 ms, tuned on the odd records of LUDB where nothing else is said.
_P_BACK, _P_GAP = 160, 5  # where a P wave may stand before QRS
_P_NARROW_SD, _P_WIDE_SD = 5.0, 30.0  # a hump of some 100 ms
_P_STEADY = 40.0  # how far a beat's P wave may lie from where it usually stands
_P_APART = 15  # a lead's top lies within 30 ms of the common one
_P_AREA, _P_LONGEST = 32, 48
_LOUDEST = 2.0  # times the power of the usual row
_P_SHARE, _P_HELD = 0.45, 0.35  # between what sinus rhythm would lose and AF gain on PTB-XL


def find_p_waves(
    sheet: Sheet, smooth: DoubleArray, qrs_on: DoubleArray, t_off: DoubleArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray, float]:
    """Find begin, top and end of P in each row, and what the beats have in common.

    Args:
        sheet: Of one page.
        smooth: ``(row, sample)`` its smoothed signal.
        qrs_on: ``(beat,)`` begins of QRS.
        t_off: ``(beat,)`` end of the T wave before; NaN where there is none.

    Returns:
        Begin, top and end, ``(row, beat)``, NaN where the row shows no P wave, and the share.
    """
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
    after = top + wave_end(cut(smooth, top - _P_AREA, whole), sign, _P_AREA, room=last - 2 - top)
    backwards = cut(smooth, top - _P_LONGEST + 1, whole)[..., ::-1]
    before = top - wave_end(backwards, sign, _P_AREA, room=np.full(top.shape, np.inf))
    shown, share = _alike(hump, seen)
    good = shown & known_between(sheet, before, after)
    on, peak, off = (np.where(good, value, np.nan) for value in (before, top, after))
    return on, peak, off, share


def _calmed(power: DoubleArray) -> DoubleArray:
    """Factors ``(row, 1, 1)`` that let no row, noisy or drifting, be heard far above the others."""
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
