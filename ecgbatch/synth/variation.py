"""How one heart differs from another with the same statement on it.

The kernel tables are fitted to the medians of classes, and medians are smoother than any member.
Turning and scaling a whole class leaves every normal heart with the same small waves at the same
times; real ones begin with an r or a q, end early or late. So single kernels vary as well. How much
was chosen by ``benchmarks/heart_labels.py``, by how hard real and simulated hearts are to tell
apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.types import DoubleArray

_SHARE, _SHIFT_MS, _WAVE_SHARE = 0.11, 2.5, 0.15
_WIDTH = (0.72, 1.0)
"""Complexes of real records are narrower than the tables by a seventh, and differ more."""


@dataclass(frozen=True, slots=True)
class Variation:
    """Draws of one heart.

    Attributes:
        amount: 0 leaves every kernel as its class has it; 1 is what real hearts show.
        rng: Source of the draws.
    """

    amount: float
    rng: np.random.Generator

    def complex_of(self, qrs: DoubleArray) -> DoubleArray:
        """Return the kernels of a QRS complex, ``(kernel, 6)``, as this heart has them."""
        if self.amount == 0:
            return qrs
        own = self._moved(qrs, _SHARE)
        own[:, 0] += self.rng.normal(0, self.amount * _SHIFT_MS, len(qrs))
        own[:, :2] *= 1 + self.amount * (self.rng.uniform(*_WIDTH) - 1)
        return own

    def wave_of(self, t: DoubleArray) -> DoubleArray:
        """Return the kernels of ST segment and T wave as this heart has them."""
        return t if self.amount == 0 else self._moved(t, _WAVE_SHARE)

    def _moved(self, kernels: DoubleArray, share: float) -> DoubleArray:
        own = kernels.copy()
        size = np.linalg.norm(kernels[:, 2:5], axis=1).max()
        own[:, 2:5] += self.rng.normal(0, self.amount * share * size, (len(kernels), 3))
        return own
