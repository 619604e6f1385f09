"""What curved paper adds to a map of the page: a smooth field of what a homography leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.imaging.fitting import normalised, robust, spread
from ecgbatch.imaging.tiles import GOOD_STRENGTH
from ecgbatch.types import DoubleArray

_HIGHEST_DEGREE = 4
_NOISE_CYCLES = 0.02
"""Phases of a tile are off by about this on a clean scan."""


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """Smooth field of what a homography leaves: two polynomials in normalised page coordinates.

    Attributes:
        coefficients: ``(term, 2)`` cycles.
        centre_px: Origin of the coordinates.
        scale_px: Unit of the coordinates.
        reach: ``(2, 2)`` lowest and highest coordinates that were measured; beyond them the field
            keeps its border value instead of running away.
    """

    coefficients: DoubleArray
    centre_px: DoubleArray
    scale_px: float
    reach: DoubleArray

    def at(self, points_px: DoubleArray) -> DoubleArray:
        """Return ``(n, 2)`` cycles to add at ``(n, 2)`` pixels."""
        u = np.clip((points_px - self.centre_px) / self.scale_px, self.reach[0], self.reach[1])
        return _terms(u, _HIGHEST_DEGREE) @ self.coefficients


def _terms(u: DoubleArray, degree: int) -> DoubleArray:
    """Return products of powers of x and y up to ``degree``, ``(n, term)``, lowest first."""
    x, y = u[:, 0], u[:, 1]
    return np.column_stack(
        [x**i * y ** (total - i) for total in range(degree + 1) for i in range(total + 1)]
    )


def fit_bend(points_px: DoubleArray, off_cycles: DoubleArray, weight: DoubleArray) -> Bend | None:
    """Fit what remains by a smooth field, or None where that is only noise.

    The degree rises from 2 to 4 as long as it pays: by a third of the spread, after the spread is
    corrected for the number of terms, and by more than phases are off anyway.
    """
    u, centre, scale = normalised(points_px)
    coefficients = np.zeros((_terms(u[:1], _HIGHEST_DEGREE).shape[1], 2))
    used = np.zeros(len(u), bool)
    for axis in (0, 1):
        off, trust = off_cycles[:, axis], weight[:, axis]
        good = trust > 0.5 * GOOD_STRENGTH
        before = spread(off[good])
        for degree in range(2, _HIGHEST_DEGREE + 1):
            design = _terms(u, degree)
            terms = design.shape[1]
            if good.sum() < 2 * terms or before < _NOISE_CYCLES:
                break
            found, left = robust(design, off, trust)
            after = spread(left[good]) * np.sqrt(good.sum() / (good.sum() - terms))
            if after < 0.67 * before:
                before = after
                coefficients[:, axis] = 0
                coefficients[:terms, axis] = found
                used |= good
    if not used.any():
        return None
    edge = 0.1  # the fit holds a little beyond the middles of the outer tiles
    reach = np.array([u[used].min(axis=0) - edge, u[used].max(axis=0) + edge])
    return Bend(coefficients, centre, scale, reach)
