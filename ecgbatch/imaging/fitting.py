"""Fits with outliers: homographies and smooth fields through the counts of a lattice."""

from __future__ import annotations

import numpy as np

from ecgbatch.imaging.ranks import median
from ecgbatch.types import DoubleArray

_DEEPEST = 0.4
"""Nearest over farthest corner; a page seen so far from the side cannot be read anyway."""
_SETTLED_CYCLES = 1e-3
"""Change of a fit that is not worth another round: a twentieth of the noise of phases."""


def project(matrix: DoubleArray, points: DoubleArray) -> DoubleArray:
    """Apply a ``(3, 3)`` homography to ``(n, 2)`` points."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(moved[:, :2] / moved[:, 2:])


def normalised(points_px: DoubleArray) -> tuple[DoubleArray, DoubleArray, float]:
    """Return points centred and scaled to -1..1, with the centre and the unit."""
    centre = points_px.mean(axis=0)
    scale = float(np.abs(points_px - centre).max()) or 1.0
    return (points_px - centre) / scale, centre, scale


def solve(
    design: DoubleArray, target: DoubleArray, weight: DoubleArray, *, ridge: float = 1e-9
) -> DoubleArray:
    """Return the weighted least-squares solution, held by a ridge as a share of the trace."""
    weighted = design * weight[:, None]
    normal = weighted.T @ design
    diagonal = normal.reshape(-1)[:: len(normal) + 1]
    diagonal += ridge * diagonal.mean()
    return np.asarray(np.linalg.solve(normal, weighted.T @ target))


def fit_plane(points_px: DoubleArray, cycles: DoubleArray, weight: DoubleArray) -> DoubleArray:
    """Fit a homography from pixels to cycles; an affine map where that explains as much.

    Each tile gives one equation per family, linear in the nine numbers (the direct linear
    transform), solved with weights that fall with the distance from the fit.
    """
    u, centre, scale = normalised(points_px)
    middle = np.average(cycles, axis=0, weights=weight.sum(axis=1) + 1e-12)
    value = cycles - middle
    flat = np.column_stack([u, np.ones(len(u))])
    none = np.zeros_like(flat)
    target = np.concatenate([value[:, 0], value[:, 1]])
    trust = np.concatenate([weight[:, 0], weight[:, 1]])
    design = np.block([[flat, none, -value[:, :1] * u], [none, flat, -value[:, 1:] * u]])

    def fitted(columns: int) -> tuple[DoubleArray, float]:
        part = design[:, :columns]
        held, off = trust, np.full(target.size, np.inf)
        for _ in range(5):
            found = solve(part, target, held, ridge=1e-12)
            before, off = off, part @ found - target
            if np.abs(off - before).max() < _SETTLED_CYCLES:
                break
            scale_cycles = 1.48 * median(np.abs(off[trust > 0])) + 1e-3
            held = trust / (1 + (off / (2 * scale_cycles)) ** 2) ** 2
        inside = (np.abs(off) < 4 * scale_cycles) * trust
        return found, float((inside * off**2).sum() / (inside.sum() + 1e-9)) + 4 * float(
            1 - inside.sum() / trust.sum()
        ) * scale_cycles**2

    affine, affine_left = fitted(6)
    full, full_left = fitted(8)
    degrees = max(1, int((trust > 0).sum()) - 8)
    edges = np.array([[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)])
    depth = 1 + edges @ full[6:]  # of the paper's corners, as seen by a camera
    matters = depth.min() > _DEEPEST * depth.max()
    matters &= (affine_left / max(full_left, 1e-9) - 1) * degrees / 2 > 8  # an F test, two terms
    found = full if matters else np.concatenate([affine, [0.0, 0.0]])
    matrix = np.append(found, 1.0).reshape(3, 3)
    back = np.array([[1, 0, middle[0]], [0, 1, middle[1]], [0, 0, 1]])
    normal = np.array(
        [[1 / scale, 0, -centre[0] / scale], [0, 1 / scale, -centre[1] / scale], [0, 0, 1]]
    )
    matrix = back @ matrix @ normal
    return np.asarray(matrix / matrix[2, 2])


def spread(values: DoubleArray) -> float:
    """Return the robust standard deviation around 0."""
    return 1.48 * median(np.abs(values)) if values.size else 0.5


def robust(
    design: DoubleArray, off: DoubleArray, trust: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Fit with weights that fall with the distance; return coefficients and what is left."""
    held, left = trust, np.full(off.size, np.inf)
    for _ in range(6):
        found = solve(design, off, held, ridge=1e-6)
        before, left = left, off - design @ found
        if np.abs(left - before).max() < _SETTLED_CYCLES:
            break
        scale = spread(left[trust > 0]) + 1e-3
        held = trust / (1 + (left / (2 * scale)) ** 2) ** 2
    return found, left
