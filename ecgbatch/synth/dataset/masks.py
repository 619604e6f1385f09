"""Masks of single leads, and where the ink of others runs over them, from the truth's polylines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.synth.truth import Box, RegionTruth, unbroken
from ecgbatch.types import ByteArray, DoubleArray

_FINE = 4  # lines are drawn at four times the scale and shrunk: within 1/8 px of their width
_LEAST_WIDTH_PX = 1.5  # a thinner line between two rows would cover half of neither
_SHIFT_BITS = 4  # of OpenCV's fixed-point places


def mask_of(region: RegionTruth, box_px: tuple[int, int, int, int]) -> ByteArray:
    """Return the mask of one lead inside a box of the page.

    Args:
        region: The lead; its polyline may run any way, as on turned and bent pages.
        box_px: Left, top, right and bottom, half open.

    Returns:
        ``(row, column)`` uint8: 255 where ink of this lead covers at least half of the pixel, else
        0. Lines thinner than 1.5 px are drawn that wide, so that none is broken.
    """
    left, top, right, bottom = box_px
    fine = np.zeros(((bottom - top) * _FINE, (right - left) * _FINE), np.uint8)
    width = round(max(region.line_width_px, _LEAST_WIDTH_PX) * _FINE)
    # Centres of pixels are whole numbers here and there; a fine pixel is a quarter as large.
    places = (region.polyline_px - [left, top] + 0.5) * _FINE - 0.5
    for piece in unbroken(places):
        points = np.rint(piece * 2**_SHIFT_BITS).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(fine, [points], False, 255, thickness=width, shift=_SHIFT_BITS)
    small = cv2.resize(fine, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return np.asarray(np.where(small >= 128, 255, 0), np.uint8)


def whole_px(box_px: Box, *, margin_px: float, width_px: int, height_px: int) -> tuple[int, ...]:
    """Return a box with a margin, on the page, in whole pixels."""
    left, top, right, bottom = box_px
    return (
        max(0, int(np.floor(left - margin_px))),
        max(0, int(np.floor(top - margin_px))),
        min(width_px, int(np.ceil(right + margin_px))),
        min(height_px, int(np.ceil(bottom + margin_px))),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """How one lead meets the traces of the others, second by second from its first sample.

    Attributes:
        touched: ``(second,)`` share of its samples that lie within a line's width of the ink of
            another trace; NaN in seconds without a sample on the page.
        share: The same over all of it; 0 where nothing of it is on the page.
    """

    touched: DoubleArray
    share: float


def overlap_of(
    region: RegionTruth, others: ByteArray, *, origin_px: Sequence[int], fs_hz: float
) -> Overlap:
    """Measure how much of a lead the ink of others runs over.

    Args:
        region: The lead.
        others: ``(row, column)`` uint8 mask of all other traces inside the box of the lead.
        origin_px: Left and top of that box.
        fs_hz: Samples per second.
    """
    reach = 2 * round(region.line_width_px / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    near = cv2.dilate(others, disc) > 0
    places = region.polyline_px - [origin_px[0], origin_px[1]]
    known = np.isfinite(places).all(axis=1)
    hit = np.zeros(len(places), bool)
    # A steep stroke crosses others between two samples: every step of it is looked at.
    ends = np.where(np.roll(known, -1)[:, None], np.roll(places, -1, axis=0), places)
    ends[-1:] = places[-1:]
    steps = np.nan_to_num(np.abs(ends - places).max(axis=1), nan=0.0)
    for part in np.linspace(0, 1, int(np.ceil(steps.max(initial=0))) + 2)[:-1]:
        point = places[known] + part * (ends[known] - places[known])
        hit[known] |= _at(near, point)
    second = (np.arange(len(places)) / fs_hz).astype(int)
    count = np.bincount(second, weights=known)
    with np.errstate(invalid="ignore"):
        touched = np.bincount(second, weights=hit) / count
    return Overlap(touched, float(hit.sum() / max(1, known.sum())))


def _at(mask: npt.NDArray[np.bool_], points_px: DoubleArray) -> npt.NDArray[np.bool_]:
    column, row = np.rint(points_px).astype(int).T
    inside = (row >= 0) & (row < mask.shape[0]) & (column >= 0) & (column < mask.shape[1])
    found = np.zeros(len(points_px), bool)
    found[inside] = mask[row[inside], column[inside]]
    return found
