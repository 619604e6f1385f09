"""Band-limited change of rate that knows gaps.

Each stretch of samples between two gaps is resampled by itself with a Kaiser-windowed sinc and
continued at its ends by point reflection, which keeps level and slope. So a gap stays a gap, to the
sample, and nothing rings at its edges. Windowed sinc: Smith and Gossett, ICASSP 1984.
"""

from __future__ import annotations

import numpy as np

from ecgbatch.types import DoubleArray, FloatArray

_LOBES = 10  # zero crossings of the kernel on either side
_KAISER_BETA = 5.0  # side lobes below -50 dB
_PASS = 0.92  # of the lower Nyquist frequency: half the transition band lies below it
_PHASES = 1000  # between two samples; the rounding costs -70 dB at 100 Hz and 1000 samples/s

_FEW_PHASES = 8  # with fewer, filtering everything is quicker than gathering windows


def resample(
    values: FloatArray, *, from_hz: float, to_hz: float, first_s: float, count: int
) -> FloatArray:
    """Read a signal at other times than those of its samples.

    Args:
        values: ``(sample,)`` evenly spaced; sample 0 stands at 0 s, NaN where nothing is known.
        from_hz: Their rate.
        to_hz: Rate of the result.
        first_s: Time of the first sample of the result.
        count: Samples of the result.

    Returns:
        ``(count,)`` float32; NaN at times that no stretch of known samples encloses.
    """
    result = np.full(count, np.nan, np.float32)
    position = (first_s + np.arange(count) / to_hz) * from_hz
    known = np.isfinite(values)
    for start, stop in np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2):
        # Half a thousandth of a sample forgives times that were rounded on their way here.
        inside = np.flatnonzero((position >= start - 5e-4) & (position <= stop - 1 + 5e-4))
        if inside.size:
            moment = position[inside] - start
            result[inside] = _read(values[start:stop], moment, ratio=to_hz / from_hz)
    return result


def _read(stretch: FloatArray, position: DoubleArray, *, ratio: float) -> FloatArray:
    if stretch.size == 1:
        return np.full(position.size, stretch[0], np.float32)
    cutoff = _PASS * min(1.0, ratio)
    reach = int(np.ceil(_LOBES / cutoff))
    padded = np.pad(stretch, (reach - 1, reach + 1), mode="reflect", reflect_type="odd")
    whole = np.floor(position).astype(np.intp)
    # Rates of paper are mostly in simple ratio to ours, so few different phases occur.
    phase, which = np.unique(np.rint((position - whole) * _PHASES), return_inverse=True)
    taps = np.arange(1 - reach, reach + 1)
    weights = _kernel(taps[None, :] - phase[:, None] / _PHASES, cutoff=cutoff, reach=reach)
    if phase.size <= _FEW_PHASES:
        filtered = np.stack([np.correlate(padded, row) for row in weights])
        return np.asarray(filtered[which, whole])
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps.size)
    return np.asarray(np.einsum("ij,ij->i", windows[whole], weights[which]))


def _kernel(distance: DoubleArray, *, cutoff: float, reach: int) -> FloatArray:
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0, 1 - (distance / reach) ** 2)))
    weights = np.sinc(cutoff * distance) * window
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
