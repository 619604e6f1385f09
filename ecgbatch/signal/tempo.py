"""Whether hearts beat as long and as high as a page reads, and not twice or half of that.

Speeds and gains of paper are a factor of two apart. A pulse is taken for 0.2 s long, but a cart may
print any length; many pages print no pulse, and no words that can be read. Where 12.5 mm/s is read
at 25 mm/s, the heart beats twice as fast and its complexes last half as long, which rate, QRS and
QT say together: each of them alone is found in the ill. Heights tell less of a gain, because they
differ more from heart to heart; what they leave open stays open.
"""

from __future__ import annotations

import math

import numpy as np

from ecgbatch.signal.measure import Measurement
from ecgbatch.types import DoubleArray

# Medians and inverse covariances of natural logarithms, of 500 records of folds 1 to 8 of PTB-XL
# that were measured as printed in 3x4+1R; ``benchmarks/tempo.py`` tries them on other records.
_TEMPO = np.array([4.266, 4.466, 5.946])  # rate in bpm, QRS in ms, QT in ms
_TEMPO_INVERSE = np.array([[46.20, -8.02, 73.56], [-8.02, 38.63, -21.77], [73.56, -21.77, 216.72]])
_FASTER = np.array([1.0, -1.0, -1.0]) * math.log(2)
_HEIGHT = np.array([7.033, 7.715])  # largest QRS of limb leads and of chest leads, in uV
_HEIGHT_INVERSE = np.array([[11.73, -3.65], [-3.65, 10.57]])
_HIGHER = np.ones(2) * math.log(2)

_SPEED_FITS, _SPEED_CONTRADICTED = 3.0, -2.0
_GAIN_FITS = 0.5
"""Log odds against half and twice the scale, before anybody asks how seldom carts print those."""


def speed_fits(measurement: Measurement) -> bool:
    """Say whether beats alone tell the speed that was taken from half and twice of it.

    Args:
        measurement: Of the page; a page without rate, QRS or QT tells nothing.
    """
    values = _tempo(measurement)
    own = min(_ahead(values, _TEMPO, _TEMPO_INVERSE, way * _FASTER) for way in (1, -1))
    return own > _SPEED_FITS


def is_too_fast(measurement: Measurement) -> bool:
    """Say whether beats contradict a speed that pulses tell, because half of it fits far better.

    The other way round, a slow heart with long intervals may well be ill.

    Args:
        measurement: Of the page; what is NaN says nothing.
    """
    ahead = _ahead(_tempo(measurement), _TEMPO, _TEMPO_INVERSE, _FASTER)
    return ahead < _SPEED_CONTRADICTED


def gain_fits(measurement: Measurement) -> bool:
    """Say whether the heights of beats tell the gain that was taken from half and twice of it.

    Args:
        measurement: Of the page; a page without limb or chest leads tells nothing.
    """
    values = _log(measurement.limb_span_uv, measurement.chest_span_uv)
    own = min(_ahead(values, _HEIGHT, _HEIGHT_INVERSE, way * _HIGHER) for way in (1, -1))
    return own > _GAIN_FITS


def _tempo(measurement: Measurement) -> DoubleArray:
    return _log(measurement.hr_bpm, measurement.qrs_ms, measurement.qt_ms)


def _log(*values: float) -> DoubleArray:
    return np.asarray(np.log([value if value > 0 else math.nan for value in values]))


def _ahead(
    values: DoubleArray, usual: DoubleArray, inverse: DoubleArray, wrong: DoubleArray
) -> float:
    """Log odds of values as they are against values that a wrong scale has moved; NaN: unknown."""
    return float(wrong @ inverse @ (usual + wrong / 2 - values))
