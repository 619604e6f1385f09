"""How a page lies, and laying it right: the locator knows letters and waves by their shapes.

Geometry stands a page upright by what it can measure (see ``orient``), and now and then on its head
or from behind. What a network sees of the whole page corrects it, where the page laid the other way
looks right to the network, too: a network that is unsure of a page tends to contradict itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from ecgbatch.imaging.rectify import along_deg, to_source
from ecgbatch.types import ByteArray, DoubleArray, Findings, FloatArray, Warp

_SURE = 0.8
"""Likelihood of a way to lie from which on a page is laid by it."""
_FITS = 0.5
"""Likelihood of lying right that a page must have when it is laid anew."""


@dataclass(frozen=True, slots=True)
class Facing:
    """How a page is to be laid to be read.

    Attributes:
        quarter_turns: Counter-clockwise.
        mirrored: Whether it is seen from behind, and to be mirrored after it is turned.
    """

    quarter_turns: int = 0
    mirrored: bool = False

    def laid(self, page: ByteArray) -> ByteArray:
        """Return a page ``(row, column)`` as it is to be read."""
        turned = np.rot90(page, self.quarter_turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)

    def back(self, shape_px: tuple[int, int]) -> DoubleArray:
        """Return what takes ``(x, y, 1)`` of the page as it is read to how it lies, ``(3, 3)``.

        Args:
            shape_px: Rows and columns of the page as it lies.
        """
        rows, columns = shape_px
        matrix = np.eye(3)
        for _ in range(self.quarter_turns):
            matrix = matrix @ np.array([[0.0, -1.0, columns - 1.0], [1.0, 0.0, 0.0], [0, 0, 1]])
            rows, columns = columns, rows
        if self.mirrored:
            matrix = matrix @ np.array([[-1.0, 0.0, columns - 1.0], [0.0, 1.0, 0.0], [0, 0, 1]])
        return matrix


UPRIGHT = Facing()
FACINGS = tuple(Facing(turns, mirrored) for turns, mirrored in product(range(4), (False, True)))


def likely_facings(findings: Findings) -> dict[Facing, float]:
    """Return how likely a page lies each way, the likeliest first."""
    seen_from = {False: 1 - findings.mirrored, True: findings.mirrored}
    likely = {
        facing: findings.turns[facing.quarter_turns] * seen_from[facing.mirrored]
        for facing in FACINGS
    }
    return dict(sorted(likely.items(), key=lambda each: -each[1]))


@dataclass(frozen=True, slots=True, eq=False)
class LaidPage:
    """A page as it is to be read.

    Attributes:
        pixels: ``(row, column)`` uint8.
        findings: Of the locator, on these pixels.
        facing: How it had to be laid for that.
        upright: How likely it lies right now.
    """

    pixels: ByteArray
    findings: Findings
    facing: Facing
    upright: float


def laid_right(page: ByteArray, look: Callable[[ByteArray], Findings]) -> LaidPage:
    """Lay a page as the locator says, if it says the same of the page when it is laid.

    Args:
        page: ``(row, column)`` uint8, along its axes and right by all that geometry knows.
        look: The locator.
    """
    findings = look(page)
    likely = likely_facings(findings)
    facing, sure = next(iter(likely.items()))
    if facing != UPRIGHT and sure >= _SURE:
        laid = facing.laid(page)
        again = look(laid)
        fits = likely_facings(again)[UPRIGHT]
        if fits >= _FITS:
            return LaidPage(laid, again, facing, fits)
    return LaidPage(page, findings, UPRIGHT, likely[UPRIGHT])


def laid_warp(warp: Warp, facing: Facing) -> Warp:
    """Return where the page that is read lies on the source, from where the page lies that was."""
    if facing == UPRIGHT:
        return warp
    rows, columns = warp.shape_px
    shape = (columns, rows) if facing.quarter_turns % 2 else (rows, columns)
    back = facing.back(warp.shape_px)
    homography = np.asarray(warp.homography @ back)
    mesh: FloatArray | None = None
    if warp.mesh_px is not None:
        down, across = (int(np.ceil((side - 1) / warp.mesh_step_px)) + 1 for side in shape)
        y, x = np.mgrid[:down, :across] * warp.mesh_step_px
        nodes = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ back.T
        flat = Warp(warp.homography, warp.shape_px, None, 0.0, 0.0)
        bend = to_source(nodes[:, :2], warp) - to_source(nodes[:, :2], flat)
        mesh = bend.reshape(down, across, 2).astype(np.float32)
    return Warp(homography, shape, mesh, warp.mesh_step_px, along_deg(homography, shape))
