"""Whether a page reads as if its paper had run at half the speed that was taken.

A pulse is taken for 0.2 s long, but a cart may print any length. Where paper of 12.5 mm/s is read
at 25 mm/s, the heart beats twice as fast, and its complexes last half as long, shorter than any
ventricles take. The other way round, a slow heart with long intervals may well be ill.
"""

from __future__ import annotations

from ecgbatch.signal.measure import Measurement

# Of 200 records of PTB-XL none is beyond either limit at its own speed, and 175 are at twice that
# (``benchmarks/tempo.py 200``).
_SHORTEST_QTC_MS = 300.0
_NARROWEST_QRS_MS, _FAST_BPM = 70.0, 90.0


def is_too_fast(measurement: Measurement) -> bool:
    """Say whether time runs too fast for a heart.

    Args:
        measurement: Of the page; what is NaN says nothing.
    """
    narrow = measurement.qrs_ms < _NARROWEST_QRS_MS and measurement.hr_bpm > _FAST_BPM
    return narrow or measurement.qtc_fridericia_ms < _SHORTEST_QTC_MS
