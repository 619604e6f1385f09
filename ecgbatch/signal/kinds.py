"""Which beats are of the usual kind, by form, width and prematurity."""

from __future__ import annotations

import numpy as np

from ecgbatch.signal.sheet import SHEET_HZ, Sheet
from ecgbatch.signal.waves import Waves
from ecgbatch.signal.windows import cut, middle
from ecgbatch.types import DoubleArray

KINDS = ("usual", "premature", "ventricular", "paced", "other")
"""``usual``: the form that most beats have, in time. ``premature``: that form, early.
``ventricular``: another form, wide. ``paced``: a stimulus stands before it. ``other``: another form
that is not wide, or one whose neighbours do not tell."""

_BEFORE, _AFTER = 30, 50  # samples around the complex: 60 and 100 ms
_SHIFT = 6  # samples by which complexes may be off each other
_ALIKE = 0.8  # correlation with the usual form
_WIDE_MS, _WIDER_MS = 120.0, 20.0  # of a ventricular beat, and over the usual one
_EARLY = 0.85  # of the usual RR interval
_STIMULUS = 40  # samples before QRS, and a few inside: a stimulus and its answer


def kinds_of(sheet: Sheet, waves: Waves) -> tuple[str, ...]:
    """Return the kind of each beat, one of ``KINDS``."""
    count = waves.beat.size
    if count == 0:
        return ()
    alike = _likeness(sheet, waves)
    width_ms = (waves.common_qrs_off - waves.common_qrs_on) * 1000 / SHEET_HZ
    usual_ms = float(middle(np.where(alike >= _ALIKE, width_ms, np.nan), axis=0))
    rr = np.diff(waves.beat)
    usual_rr = float(np.median(rr)) if rr.size else np.inf
    early = np.append(np.inf, rr) < _EARLY * usual_rr
    jumps = np.append(0, np.cumsum(sheet.jumps))
    begin = np.nan_to_num(waves.common_qrs_on, nan=0.0).astype(np.intp)
    stop = np.clip(begin + _STIMULUS // 2, 0, sheet.samples)
    paced = jumps[stop] > jumps[np.clip(begin - _STIMULUS, 0, sheet.samples)]
    # A single stimulus-like jump is more often a fault of the recording.
    paced &= paced.sum() > max(1, 0.2 * count)
    kinds = []
    for index in range(count):
        if paced[index]:
            kinds.append("paced")
        elif alike[index] >= _ALIKE:
            kinds.append("premature" if early[index] else "usual")
        elif width_ms[index] >= max(_WIDE_MS, np.nan_to_num(usual_ms) + _WIDER_MS):
            kinds.append("ventricular")
        else:
            kinds.append("other")
    return tuple(kinds)


def _likeness(sheet: Sheet, waves: Waves) -> DoubleArray:
    """Correlation of each beat with the median of its rows, over the rows that show it; 1 alone."""
    length = _BEFORE + _AFTER
    wide = cut(sheet.signal_uv, waves.beat - _BEFORE - _SHIFT, length + 2 * _SHIFT)
    seen = waves.seen[..., None]

    def pieces(shift: int) -> DoubleArray:
        part = wide[..., _SHIFT + shift : _SHIFT + shift + length]
        return np.asarray(np.where(seen, part - part.mean(axis=2, keepdims=True), 0.0))

    form = np.nan_to_num(middle(np.where(seen, pieces(0), np.nan), axis=1))
    form_size = np.einsum("rs,rs,rb->b", form, form, waves.seen.astype(np.float64))
    best = np.full(waves.beat.size, -1.0)
    for shift in range(-_SHIFT, _SHIFT + 1, 2):
        part = pieces(shift)
        product = np.einsum("rbs,rs->b", part, form)
        size = np.sqrt(np.einsum("rbs,rbs->b", part, part) * form_size)
        best = np.maximum(best, product / np.maximum(size, 1e-9))
    return np.asarray(np.where(waves.seen.any(axis=0), best, 0.0))
