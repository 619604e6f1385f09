"""One warp from the source page to the upright page at one scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.colour import to_grey
from ecgbatch.imaging.fitting import project
from ecgbatch.imaging.ranks import levels_at
from ecgbatch.imaging.reduced import shrinking, shrunk
from ecgbatch.types import ByteArray, DoubleArray, FloatArray, Warp

_LONGEST_MM = 620.0
"""Longer than any page with the table around it; beyond, a horizon is in the picture."""
_MESH_MM = 10.0
_MAJOR_MM = 5.0
_NO_DEPTH = 1e-6
"""How much farther one corner of a page may be than another, as a share, to be called as far."""


class PaperMap(Protocol):
    """What is needed to know of where millimetres lie on a page."""

    def to_px(self, points_mm: DoubleArray) -> DoubleArray:
        """Take ``(n, 2)`` millimetres on the paper to source pixels."""
        ...

    def to_mm(self, points_px: DoubleArray) -> DoubleArray:
        """Take ``(n, 2)`` source pixels to millimetres on the paper."""
        ...

    @property
    def flat_to_px(self) -> DoubleArray:
        """``(3, 3)`` homography that ``to_px`` is without curl."""
        ...

    @property
    def is_flat(self) -> bool:
        """Whether ``flat_to_px`` is all there is."""
        ...


@dataclass(frozen=True, slots=True)
class FlatPaper:
    """A page without a grid; its scale is known, and how far it is turned.

    Attributes:
        px_per_mm_x: Pixels per millimetre along a row of the source.
        px_per_mm_y: The same down a column.
        skew_deg: By how much rows of the paper fall to the right.
    """

    px_per_mm_x: float
    px_per_mm_y: float
    skew_deg: float = 0.0

    def scaled(self, factor: float) -> FlatPaper:
        """Return the same page with so many times the pixels in a millimetre."""
        x, y = self.px_per_mm_x * factor, self.px_per_mm_y * factor
        return replace(self, px_per_mm_x=x, px_per_mm_y=y)

    @property
    def flat_to_px(self) -> DoubleArray:
        """``(3, 3)`` matrix from millimetres to pixels."""
        c, s = np.cos(np.deg2rad(self.skew_deg)), np.sin(np.deg2rad(self.skew_deg))
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        return np.asarray(np.diag([self.px_per_mm_x, self.px_per_mm_y, 1.0]) @ turn)

    @property
    def is_flat(self) -> bool:
        """Always."""
        return True

    def to_px(self, points_mm: DoubleArray) -> DoubleArray:
        """Take ``(n, 2)`` millimetres to pixels."""
        return project(self.flat_to_px, points_mm)

    def to_mm(self, points_px: DoubleArray) -> DoubleArray:
        """Take ``(n, 2)`` pixels to millimetres."""
        return project(np.asarray(np.linalg.inv(self.flat_to_px), np.float64), points_px)


def plan_warp(
    paper: PaperMap, *, shape_px: tuple[int, int], px_per_mm: float, quarter_turns: int = 0
) -> Warp:
    """Lay out the rectified page around all that the source shows.

    Args:
        paper: Where millimetres lie on the source.
        shape_px: ``(rows, columns)`` of the source.
        px_per_mm: Scale of the rectified page.
        quarter_turns: How often the paper as mapped is to be turned counter-clockwise to stand
            upright.

    Returns:
        The warp. Its left and upper borders lie on 5-mm lines where ``paper`` has such lines at
        multiples of 5 mm.

    Raises:
        PageError: ``NO_GRID`` where the page would be a multiple of any paper: the scale is wrong.
    """
    upright = _quarter(quarter_turns)  # paper mm to upright mm
    rows, columns = shape_px
    border = np.array(
        [[x, y] for x in np.linspace(0, columns - 1, 5) for y in np.linspace(0, rows - 1, 5)]
    )
    seen_mm = paper.to_mm(border) @ upright.T
    low, high = seen_mm.min(axis=0), seen_mm.max(axis=0)
    middle = (paper.to_mm(np.array([[columns / 2, rows / 2]])) @ upright.T)[0]
    low, high = (
        np.maximum(low, middle - _LONGEST_MM / 2),
        np.minimum(high, middle + _LONGEST_MM / 2),
    )
    first_mm = np.floor(low / _MAJOR_MM) * _MAJOR_MM
    width, height = (int(side) for side in np.ceil((high - first_mm) * px_per_mm) + 1)
    to_mm = np.eye(3)
    to_mm[:2, :2] = upright.T / px_per_mm
    to_mm[:2, 2] = upright.T @ first_mm
    homography = paper.flat_to_px @ to_mm
    homography /= homography[2, 2]
    mesh, step = None, 0.0
    if not paper.is_flat:
        step = _MESH_MM * px_per_mm
        mesh = _mesh(paper, homography, to_mm, step_px=step, size_px=(width, height))
    return Warp(
        homography=homography,
        shape_px=(height, width),
        mesh_px=mesh,
        mesh_step_px=step,
        rotation_deg=along_deg(homography, (height, width)),
    )


def along_deg(homography: DoubleArray, shape_px: tuple[int, int]) -> float:
    """Return how far clockwise the rows of a rectified page are turned on its source.

    Args:
        homography: ``(3, 3)`` from the rectified page to the source.
        shape_px: Rows and columns of the rectified page, in whose middle it is measured.
    """
    y, x = (side / 2 for side in shape_px)
    ends = project(homography, np.array([[x - 1, y], [x + 1, y]]))
    along = ends[1] - ends[0]
    return float(np.degrees(np.arctan2(along[1], along[0])))


def _quarter(turns: int) -> DoubleArray:
    """Return the matrix that turns counter-clockwise ``turns`` times, rows counted downwards."""
    return np.asarray(np.linalg.matrix_power(np.array([[0.0, 1.0], [-1.0, 0.0]]), turns % 4))


def _mesh(
    paper: PaperMap,
    homography: DoubleArray,
    to_mm: DoubleArray,
    *,
    step_px: float,
    size_px: tuple[int, int],
) -> FloatArray:
    across, down = (int(np.ceil((side - 1) / step_px)) + 1 for side in size_px)
    nodes = _nodes(across, down, step_px)
    offset = paper.to_px(project(to_mm, nodes)) - project(homography, nodes)
    return np.asarray(offset.reshape(down, across, 2), np.float32)


def _nodes(across: int, down: int, step_px: float) -> DoubleArray:
    """Return ``(n, 2)`` places of the mesh, row by row."""
    x, y = np.meshgrid(np.arange(across), np.arange(down))
    return np.column_stack([x.ravel(), y.ravel()]).astype(np.float64) * step_px


def to_source(points_px: DoubleArray, warp: Warp) -> DoubleArray:
    """Take ``(n, 2)`` places ``(x, y)`` on the rectified page to the source page."""
    points = np.asarray(points_px, np.float64)
    flat = project(warp.homography, points)
    if warp.mesh_px is None:
        return flat
    down, across = warp.mesh_px.shape[:2]
    at = np.clip(points / warp.mesh_step_px, 0, [across - 1, down - 1])
    whole = np.minimum(at.astype(int), [max(across - 2, 0), max(down - 2, 0)])
    part = at - whole
    offset = np.zeros_like(flat)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            row = np.minimum(whole[:, 1] + dy, down - 1)
            column = np.minimum(whole[:, 0] + dx, across - 1)
            offset += weight[:, None] * warp.mesh_px[row, column]
    return flat + offset


def rectify(
    pixels: ByteArray, warp: Warp, *, weights: DoubleArray | None = None, reduced: int = 1
) -> ByteArray:
    """Draw the rectified page.

    Where pixels are lost the source is averaged over whole factors first, so that nothing
    aliases; what remains is one bilinear resampling.

    Args:
        pixels: ``(row, column)`` or ``(row, column, 3)`` uint8 source.
        warp: Where each place of the rectified page lies on it.
        weights: How the channels of a source in colour are added; see ``colour.ink_weights``.
        reduced: By which whole factor ``pixels`` are already smaller than the source of ``warp``.

    Returns:
        ``(row, column)`` uint8 of ``warp.shape_px``; what lies beyond the source has the source's
        median.
    """
    pixels, shrink = _shrunk(pixels, warp, reduced)
    grey = pixels if weights is None else to_grey(pixels, weights)
    rows, columns = warp.shape_px
    paper = float(levels_at(grey[::7, ::7], (50,))[0])
    if warp.mesh_px is None:
        return _flat(grey, shrink @ warp.homography, (columns, rows), beyond=paper)
    places = _node_places(warp)
    places = np.dstack(
        [shrink[0, 0] * places[..., 0] + shrink[0, 2], shrink[1, 1] * places[..., 1] + shrink[1, 2]]
    )
    down = _between(rows, places.shape[0], warp.mesh_step_px)
    across = _between(columns, places.shape[1], warp.mesh_step_px)
    x, y = (down @ places[..., axis].astype(np.float32) @ across.T for axis in (0, 1))
    return np.asarray(cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderValue=paper))


def _flat(
    grey: ByteArray, matrix: DoubleArray, size: tuple[int, int], *, beyond: float
) -> ByteArray:
    """Resample by a homography, or by an affine map where it is one: a tenth cheaper."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = matrix / matrix[2, 2]
    if np.abs(matrix[2, :2]) @ size < _NO_DEPTH:
        return np.asarray(cv2.warpAffine(grey, matrix[:2], size, flags=flags, borderValue=beyond))
    return np.asarray(cv2.warpPerspective(grey, matrix, size, flags=flags, borderValue=beyond))


def _node_places(warp: Warp) -> DoubleArray:
    assert warp.mesh_px is not None
    down, across = warp.mesh_px.shape[:2]
    flat = project(warp.homography, _nodes(across, down, warp.mesh_step_px))
    return np.asarray(flat.reshape(down, across, 2) + warp.mesh_px)


def _between(count: int, nodes: int, step_px: float) -> FloatArray:
    """Return ``(count, nodes)`` weights of linear interpolation between nodes."""
    at = np.arange(count)[:, None] / step_px
    return np.asarray(np.maximum(0, 1 - np.abs(at - np.arange(nodes))), np.float32)


def _shrunk(pixels: ByteArray, warp: Warp, reduced: int) -> tuple[ByteArray, DoubleArray]:
    """Average whole blocks where the warp would step over pixels.

    Returns:
        The smaller source and the ``(3, 3)`` matrix from the source of ``warp`` to it.
    """
    matrix = shrinking((reduced, reduced))
    to_pixels = matrix @ warp.homography
    rows, columns = warp.shape_px
    middle = np.array([[columns / 2, rows / 2]])
    jump = np.abs([project(to_pixels, middle + step)[0] - project(to_pixels, middle)[0]
                   for step in np.eye(2)]).max(axis=0)  # fmt: skip
    # up to 1.75 a bilinear step is fair
    across, down = (max(1, int(length + 0.25)) for length in jump)
    if pixels.shape[0] < down or pixels.shape[1] < across:
        raise PageError(Reason.NO_GRID, width_px=pixels.shape[1], height_px=pixels.shape[0])
    return shrunk(pixels, (across, down)), shrinking((across, down)) @ matrix
