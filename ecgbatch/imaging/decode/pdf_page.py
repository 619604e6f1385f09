"""One page of a PDF as PDFium hands it out: its box, its objects, its text characters.

Thin and typed, because PDFium's own interface is C: everything that calls it by handle is here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pypdfium2.raw as c

from ecgbatch.types import DoubleArray

Matrix: TypeAlias = tuple[float, float, float, float, float, float]
"""``(a, b, c, d, e, f)``: x' = a x + c y + e, y' = b x + d y + f (ISO 32000-1, 8.3.3)."""

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

_MAX_DEPTH = 8  # forms within forms; PDFium draws no deeper than 12
_MAX_OBJECTS = 200_000  # a grid of single dots on a page has some 60 000


class TooManyObjectsError(Exception):
    """A page of more objects than are worth walking; it can still be rendered."""


@dataclass(frozen=True, slots=True)
class PageObject:
    """A drawn object.

    Attributes:
        handle: PDFium's; valid as long as the page is open.
        kind: One of ``FPDF_PAGEOBJ_*``.
        to_page: Takes the object's own coordinates to points of the page.
    """

    handle: Any
    kind: int
    to_page: Matrix


def objects(page: Any) -> Iterator[PageObject]:
    """Yield what is drawn on a page in the order of drawing, forms taken apart.

    Raises:
        TooManyObjectsError: The page is not worth walking.
    """
    budget = [_MAX_OBJECTS]
    count = c.FPDFPage_CountObjects(page)
    for index in range(count):
        yield from _walk(c.FPDFPage_GetObject(page, index), IDENTITY, _MAX_DEPTH, budget)


def _walk(handle: Any, outer: Matrix, depth: int, budget: list[int]) -> Iterator[PageObject]:
    budget[0] -= 1
    if budget[0] < 0 or depth == 0:
        raise TooManyObjectsError
    kind = c.FPDFPageObj_GetType(handle)
    if kind == c.FPDF_PAGEOBJ_FORM:
        inner = multiply(own_matrix(handle), outer)
        for index in range(c.FPDFFormObj_CountObjects(handle)):
            yield from _walk(c.FPDFFormObj_GetObject(handle, index), inner, depth - 1, budget)
    else:
        own = own_matrix(handle)
        yield PageObject(handle, kind, own if outer is IDENTITY else multiply(own, outer))


def own_matrix(handle: Any) -> Matrix:
    """Return the matrix of an object relative to what holds it."""
    m = c.FS_MATRIX()
    if not c.FPDFPageObj_GetMatrix(handle, m):
        return IDENTITY
    return (m.a, m.b, m.c, m.d, m.e, m.f)


def multiply(first: Matrix, then: Matrix) -> Matrix:
    """Return the matrix that does ``first``, ``then`` the other.

    Example:
        >>> multiply((2, 0, 0, 2, 0, 0), (1, 0, 0, 1, 5, 7))
        (2, 0, 0, 2, 5, 7)
    """
    a, b, cc, d, e, f = first
    p, q, r, s, t, u = then
    return (
        a * p + b * r,
        a * q + b * s,
        cc * p + d * r,
        cc * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def transform(points: DoubleArray, matrix: Matrix) -> DoubleArray:
    """Return ``(n, 2)`` points taken through a matrix."""
    a, b, cc, d, e, f = matrix
    x, y = points[:, 0], points[:, 1]
    return np.stack([a * x + cc * y + e, b * x + d * y + f], axis=1)


def displayed(box: tuple[float, float, float, float], quarter_turns: int) -> Matrix:
    """Return the matrix from page points to the page as shown: origin top left, y downwards.

    Args:
        box: left, bottom, right, top of the visible page, in points.
        quarter_turns: Clockwise, from the page's /Rotate.
    """
    left, bottom, right, top = box
    width, height = right - left, top - bottom
    upright: Matrix = (1.0, 0.0, 0.0, -1.0, -left, top)
    turns: dict[int, Matrix] = {
        0: IDENTITY,
        1: (0.0, 1.0, -1.0, 0.0, height, 0.0),
        2: (-1.0, 0.0, 0.0, -1.0, width, height),
        3: (0.0, -1.0, 1.0, 0.0, 0.0, width),
    }
    return multiply(upright, turns[quarter_turns % 4])
