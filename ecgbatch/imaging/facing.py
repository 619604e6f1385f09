"""How a page lies, and laying it right: the locator knows letters and waves by their shapes.

Geometry stands a page upright by what it can measure (see ``orient``), and now and then on its head
or from behind. The locator knows well what an upright page looks like, and hardly in which way
another one is wrong. So a page that does not look right to it is laid in each way that geometry
confuses, and the way that looks right stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ecgbatch.imaging.rectify import along_deg, to_source
from ecgbatch.types import ByteArray, DoubleArray, Findings, FloatArray, Warp

_RIGHT = 0.9
"""Likelihood of lying right from which on no other way is tried: four of five pages have it."""
_TOLD = 0.3
"""By how much the way that stands must look likelier than on its head, for that to be no doubt."""


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
CONFUSED = (UPRIGHT, Facing(2), Facing(mirrored=True), Facing(2, mirrored=True))
"""Ways that geometry takes for each other; rows that run up and down it does not take for level."""
_LIKELIER = np.array([0.0, 0.5, 1.5, 1.5])
"""How much likelier each of them must look than that of geometry, as a logarithm. Few pages stand
on their heads, next to none are seen from behind, and what the locator knows of letters is least
sure there: of 40 public pages from elsewhere, all seen from the front, one looks likelier from
behind by 1.0 and some by 0.8; of 40 drawn ones none by more than 0.2. None looks likelier on its
head that does not stand on it."""


@dataclass(frozen=True, slots=True, eq=False)
class LaidPage:
    """A page as it is to be read.

    Attributes:
        pixels: ``(row, column)`` uint8.
        findings: Of the locator, on these pixels.
        facing: How it had to be laid for that.
        told: Whether it looks likelier than on its head.
    """

    pixels: ByteArray
    findings: Findings
    facing: Facing
    told: bool


def laid_right(
    page: ByteArray,
    look: Callable[[ByteArray], Findings],
    each_way: Callable[[ByteArray, Sequence[Callable[[ByteArray], ByteArray]]], Sequence[float]],
) -> LaidPage:
    """Lay a page as it looks right.

    Args:
        page: ``(row, column)`` uint8, along its axes and right by all that geometry knows.
        look: The locator.
        each_way: How likely the page is right, laid in several ways, by the same network.
    """
    findings = look(page)
    if findings.turns[0] * (1 - findings.mirrored) >= _RIGHT:
        return LaidPage(page, findings, UPRIGHT, told=True)
    likely = np.log(np.maximum(each_way(page, [way.laid for way in CONFUSED]), 1e-9))
    best = int((likely - _LIKELIER).argmax())
    facing = CONFUSED[best]
    told = bool(likely[best] - likely[best ^ 1] >= _TOLD)
    if facing == UPRIGHT:
        return LaidPage(page, findings, UPRIGHT, told)
    laid = facing.laid(page)
    again = look(laid)
    # Whichever way an ECG lies, it looks like one: what did not, before it was turned, is none.
    return LaidPage(laid, replace(again, ecg=min(findings.ecg, again.ecg)), facing, told)


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
