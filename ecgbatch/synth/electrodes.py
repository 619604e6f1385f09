"""Electrodes on the wrong place, or off: what cables do to leads, by the leads' own definitions."""

from __future__ import annotations

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.types import DoubleArray

_LIMBS = ("RA", "LA", "LL")
_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
_SWAPS = ("RA-LA", "RA-LL", "LA-LL", "V1-V2", "V1-V3", "V2-V3", "V3-V4", "V4-V5", "V5-V6")

FAULTS = (*(f"swap {pair}" for pair in _SWAPS), *(f"loose {name}" for name in (*_LIMBS, *_CHEST)))
"""Every fault by its name."""

_LOOSE_DRIFT_UV, _LOOSE_HUM_UV = 900.0, 250.0
"""An open input wanders by about a millivolt and picks up the mains."""


def with_fault(
    leads_uv: DoubleArray,
    fault: str,
    *,
    time_s: DoubleArray,
    mains_hz: float,
    rng: np.random.Generator,
) -> tuple[DoubleArray, tuple[float, float]]:
    """Return leads as a cart records them with an electrode fault.

    Args:
        leads_uv: ``(lead, sample)`` I, II, V1 ... V6 and perhaps further chest leads.
        fault: One of ``FAULTS``.
        time_s: ``(sample,)`` of the samples.
        mains_hz: What an open input picks up.
        rng: When a loose electrode is off, and what its input then shows.

    Returns:
        The leads, and begin and end of the fault in seconds. Swaps last; a loose electrode may
        find back.

    Raises:
        ConfigError: There is no such fault.
    """
    if fault not in FAULTS:
        raise ConfigError(f"fault: there is no {fault!r}; there are {', '.join(FAULTS)}")
    kind, names = fault.split(" ")
    # Potentials against the right arm, which is what leads cannot tell from any other reference.
    one, two = leads_uv[:2]
    terminal = (one + two) / 3  # Wilson's
    potentials = np.vstack([np.zeros_like(one), one, two, leads_uv[2:] + terminal])
    rows = {name: row for row, name in enumerate((*_LIMBS, *_CHEST))}
    span = (float(time_s[0]), float(time_s[-1]))
    if kind == "swap":
        first, second = (rows[name] for name in names.split("-"))
        potentials[[first, second]] = potentials[[second, first]]
    else:
        if rng.random() < 0.5:  # off for a while
            length = span[1] - span[0]
            begin = span[0] + rng.uniform(0.1, 0.6) * length
            span = (float(begin), float(begin + rng.uniform(0.15, 0.4) * length))
        off = (time_s >= span[0]) & (time_s <= span[1])
        potentials[rows[names], off] = _open_input(time_s[off], mains_hz, rng)
    right, left, foot = potentials[:3]
    terminal = (right + left + foot) / 3
    return np.vstack([left - right, foot - right, potentials[3:] - terminal]), span


def _open_input(time_s: DoubleArray, mains_hz: float, rng: np.random.Generator) -> DoubleArray:
    if not time_s.size:
        return time_s
    turns = 2 * np.pi * np.outer(rng.uniform(0.05, 1.5, 4), time_s - time_s[0])
    drift = rng.normal(0, _LOOSE_DRIFT_UV / 2, 4) @ np.sin(turns)
    hum = _LOOSE_HUM_UV * rng.uniform(0.1, 1) * np.sin(2 * np.pi * mains_hz * time_s)
    return np.asarray(drift + hum)
