"""What people leave on a page: stamps, handwriting, pen marks and highlighter."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.synth.damage.fields import Colour, cloud, px_per_mm, require, tinted
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.synth.text import set_type
from ecgbatch.types import ByteArray, DoubleArray, FloatArray

_STAMPS = ("RECEIVED", "COPY", "CARDIOLOGY", "SCANNED", "REVIEWED", "ARCHIVE", "SEEN", "WARD 4")

_FRACTION_BITS = 4
"""Ends of strokes are given to OpenCV in sixteenths of a pixel."""


def stamped(
    page: RenderedPage,
    *,
    height_mm: float,
    rgb: Colour,
    strength: float,
    rng: np.random.Generator,
) -> RenderedPage:
    """Stamp an invented word and date in a frame, askew and unevenly inked.

    Args:
        page: The page.
        height_mm: Height of the frame.
        rgb: Colour of its ink.
        strength: 0 to 1, how dark the ink is.
        rng: Source of the word, date, angle and place.
    """
    require("height_mm", height_mm, 2, 80)
    require("strength", strength, 0, 1)
    mm = px_per_mm(page)
    word = str(rng.choice(_STAMPS))
    day = f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.20{rng.integers(10, 30):02d}"
    capital = 0.3 * height_mm * mm
    lines = set_type(((word, capital), (day, 0.7 * capital)), face="sans_bold")
    rows = round(height_mm * mm)
    columns = max(line.share.shape[1] for line in lines) + round(0.5 * rows)
    face = np.zeros((rows, columns), np.float32)
    for line, foot in zip(lines, (0.5, 0.82), strict=True):
        ink = line.at((columns - line.share.shape[1]) / 2, foot * rows)
        within = (ink.row >= 0) & (ink.row < rows) & (ink.column < columns)
        face[ink.row[within], ink.column[within]] = ink.share[within]
    border = max(1, round(0.05 * rows))
    cv2.rectangle(face, (border, border), (columns - border, rows - border), 1.0, border)
    height, width = page.pixels.shape[:2]
    place = cv2.getRotationMatrix2D((columns / 2, rows / 2), float(rng.normal(0, 9)), 1.0)
    place[:, 2] += [
        float(rng.uniform(0.1, 0.9)) * width - columns / 2,
        float(rng.uniform(0.1, 0.9)) * height - rows / 2,
    ]
    share = cv2.warpAffine(face, place, (width, height), flags=cv2.INTER_LINEAR)
    dry = np.clip(0.75 + 0.35 * cloud((height, width), cell_px=3 * mm, octaves=4, rng=rng), 0, 1)
    return RenderedPage(tinted(page.pixels, np.float32(strength) * share * dry, rgb), page.truth)


def handwritten(
    page: RenderedPage,
    *,
    lines: int,
    height_mm: float,
    rgb: Colour,
    rng: np.random.Generator,
    pen_mm: float = 0.3,
) -> RenderedPage:
    """Write lines by hand: words of loops that nobody can read.

    Args:
        page: The page.
        lines: How many.
        height_mm: Height of the small letters.
        rgb: Colour of the pen.
        rng: Source of the words and places.
        pen_mm: Width of the pen.
    """
    require("lines", lines, 0, 50)
    require("height_mm", height_mm, 0.5, 40)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    paper = np.zeros((height, width), np.uint8)
    for _ in range(lines):
        x, y = rng.uniform(0.02, 0.7) * width, rng.uniform(0.04, 0.97) * height
        slope = float(rng.normal(0, 0.04))
        for _ in range(int(rng.integers(1, 5))):
            word = _word(height_mm * mm, rng)
            word[:, 1] += slope * word[:, 0]
            _drawn(paper, word + np.array([x, y]), width_px=pen_mm * mm)
            x += float(word[:, 0].max()) + 1.2 * height_mm * mm
            y += slope * float(word[:, 0].max())
    return RenderedPage(tinted(page.pixels, _pen(paper), rgb), page.truth)


def _word(size_px: float, rng: np.random.Generator) -> DoubleArray:
    """Return the path of a word.

    Two oscillations on top of a steady advance, whose strength changes with each stroke: the model
    of J. M. Hollerbach, An oscillation theory of handwriting, Biol. Cybern. 39 (1981).
    """
    strokes = int(rng.integers(4, 12))
    turns = np.linspace(0, strokes, strokes * 14)
    knots = np.arange(strokes + 1)

    def varied(low: float, high: float) -> DoubleArray:
        return np.interp(turns, knots, rng.uniform(low, high, strokes + 1))

    tall = np.where(rng.random(strokes + 1) < 0.18, rng.uniform(1.8, 2.6, strokes + 1), 1.0)
    high = np.interp(turns, knots, tall * rng.uniform(0.6, 1.1, strokes + 1))
    phase = 2 * np.pi * turns
    y = -0.5 * high * (1 - np.cos(phase))
    x = np.cumsum(varied(0.45, 1.3)) / 14 + varied(0.05, 0.35) * np.sin(phase + varied(0.2, 1.6))
    return size_px * np.stack([x - 0.3 * y, y], axis=1)


def penned(
    page: RenderedPage,
    *,
    marks: int,
    rgb: Colour,
    rng: np.random.Generator,
    pen_mm: float = 0.45,
) -> RenderedPage:
    """Circle beats, tick, underline, and strike calliper marks, where the traces are.

    Args:
        page: The page.
        marks: How many.
        rgb: Colour of the pen.
        rng: Source of their kinds and places.
        pen_mm: Width of the pen.
    """
    require("marks", marks, 0, 100)
    mm = px_per_mm(page)
    height, width = page.pixels.shape[:2]
    paper = np.zeros((height, width), np.uint8)
    lines = [region.polyline_px for region in page.truth.regions if len(region.polyline_px)]
    for _ in range(marks):
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height
        if lines:
            point = lines[int(rng.integers(len(lines)))]
            point = point[int(rng.integers(len(point)))]
            x, y = point if np.isfinite(point).all() else (x, y)
        kind = str(rng.choice(["circle", "tick", "underline", "calliper"]))
        for stroke in _mark(kind, rng):
            _drawn(paper, stroke * mm + np.array([x, y]), width_px=pen_mm * mm)
    return RenderedPage(tinted(page.pixels, _pen(paper), rgb), page.truth)


def _mark(kind: str, rng: np.random.Generator) -> list[DoubleArray]:
    """Return the strokes of a mark in millimetres."""
    if kind == "circle":
        turn = np.linspace(-0.3, 2 * np.pi + float(rng.uniform(-0.1, 0.6)), 48)
        spiral = 1 + 0.02 * turn + 0.03 * np.sin(3 * turn + rng.uniform(0, 6))
        size = rng.uniform(4, 11, 2)
        return [np.stack([size[0] * spiral * np.cos(turn), size[1] * spiral * np.sin(turn)], 1)]
    if kind == "tick":
        return [np.array([[-2.5, -1.0], [-0.8, 1.8], [4.5, -6.0]]) * rng.uniform(0.7, 1.5)]
    if kind == "underline":
        x = np.linspace(0, float(rng.uniform(15, 50)), 12)
        return [np.stack([x, 7 + 0.02 * x + rng.normal(0, 0.12, 12)], axis=1)]
    gap, lean = float(rng.uniform(8, 25)), rng.normal(0, 0.3, 2)
    return [
        np.array([[0.0, -7.0], [lean[0], 5.0]]),
        np.array([[gap, -7.0], [gap + lean[1], 5.0]]),
        np.array([[0.0, -6.0], [gap, -6.0]]),
    ]


def highlighted(
    page: RenderedPage,
    *,
    count: int,
    rng: np.random.Generator,
    rgb: Colour = (250, 240, 96),
) -> RenderedPage:
    """Draw a highlighter over printed lines of text.

    Args:
        page: The page.
        count: How many lines.
        rng: Which ones.
        rgb: Colour of the highlighter on white paper.
    """
    require("count", count, 0, 50)
    if not page.truth.texts:
        return page
    paper = np.zeros(page.pixels.shape[:2], np.uint8)
    for _ in range(count):
        text = page.truth.texts[int(rng.integers(len(page.truth.texts)))]
        left, top, right, bottom = text.box_px
        x = np.linspace(left, right, 8)
        y = (top + bottom) / 2 + rng.normal(0, 0.06, 8) * (bottom - top)
        _drawn(paper, np.stack([x, y], axis=1), width_px=1.4 * (bottom - top))
    return RenderedPage(tinted(page.pixels, 0.8 * _pen(paper), rgb), page.truth)


def _drawn(paper: ByteArray, path_px: DoubleArray, *, width_px: float) -> None:
    """Draw a stroke on a layer of ink."""
    scaled = np.round(path_px * 2**_FRACTION_BITS).astype(np.int32)
    cv2.polylines(paper, [scaled], False, 255, max(1, round(width_px)), cv2.LINE_AA, _FRACTION_BITS)


def _pen(paper: ByteArray) -> FloatArray:
    """Return the share of ink of a drawn layer; ink runs into paper by half a pixel."""
    return np.asarray(cv2.GaussianBlur(paper, (0, 0), 0.6), np.float32) * np.float32(0.92 / 255)
