"""Pages of an archive that are no ECG: letters, forms, tables, charts, and empty grid paper."""

from __future__ import annotations

import numpy as np

from ecgbatch.synth import pen
from ecgbatch.synth.damage import drawn_profile
from ecgbatch.synth.faces import face_names
from ecgbatch.synth.grid import paint_grid
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.synth.style import PAPERS_MM, drawn_style
from ecgbatch.synth.text import set_type
from ecgbatch.synth.truth import PageTruth, TextTruth
from ecgbatch.training.pages import DrawnPage, tracked
from ecgbatch.training.writing import words
from ecgbatch.types import ByteArray


def draw_other(rng: np.random.Generator) -> DrawnPage:
    """Draw a page without any ECG, damaged like others, whose truth has texts alone."""
    dpi = float(rng.uniform(100, 250))
    mm = dpi / 25.4
    look = drawn_style(rng)
    width, height = (round(side * mm) for side in PAPERS_MM[look.paper])
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = look.paper_rgb
    kind = str(rng.choice(["letter", "letter", "form", "chart", "paper"]))
    box = (0, 0, width, height)
    if kind == "paper" or (kind != "letter" and rng.random() < 0.3):
        origin = (rng.uniform(0, 5 * mm), rng.uniform(0, 5 * mm))
        paint_grid(pixels, box_px=box, origin_px=origin, px_per_mm=mm, style=look)
    if kind == "form":
        _ruled(pixels, mm, rng)
    if kind == "chart":
        _charted(pixels, mm, rng)
    most = {"letter": 60, "form": 30, "chart": 10, "paper": 4}[kind]
    texts = _written(pixels, mm, rng, lines=int(rng.integers(1, most)))
    seed = int(rng.integers(2**31))
    truth = PageTruth(
        layout="none",
        style=look.name,
        seed=seed,
        width_px=width,
        height_px=height,
        dpi=dpi,
        px_per_mm_x=mm,
        px_per_mm_y=mm,
        speed_mm_per_s=look.speed_mm_per_s,
        gain_mm_per_mv=look.gain_mm_per_mv,
        chest_gain_mm_per_mv=look.gain_mm_per_mv,
        fs_hz=500.0,
        grid_box_px=box,
        grid_origin_px=(0.0, 0.0),
        homography=np.eye(3),
        regions=(),
        pulses=(),
        separators_px=np.zeros((0, 2, 2)),
        texts=tuple(texts),
        header_box_px=None,
    )
    return tracked(RenderedPage(pixels, truth), profile=drawn_profile(rng), seed=seed)


def _written(
    pixels: ByteArray, mm: float, rng: np.random.Generator, *, lines: int
) -> list[TextTruth]:
    height, width = pixels.shape[:2]
    face = str(rng.choice(face_names()))
    capital = float(rng.uniform(1.6, 3.2)) * mm
    left, pitch = rng.uniform(8, 30) * mm, capital * rng.uniform(1.6, 2.6)
    room = max(int((width - 1.6 * left) / capital / 0.95), 4)
    y = rng.uniform(8, 30) * mm
    told = []
    for _ in range(lines):
        y += pitch * (1 if rng.random() < 0.85 else 3)
        if y > height - 5 * mm:
            break
        text = words(rng)[:room]
        [word] = set_type(((text, capital),), face=face)
        ink = word.at(left, y)
        pen.apply(pixels, ink, rgb=(25, 25, 30))
        told.append(TextTruth(text, "header", ink.box_px, (left, y), word.capital_px))
    return told


def _ruled(pixels: ByteArray, mm: float, rng: np.random.Generator) -> None:
    """Rule the lines of a form or of a table."""
    height, width = pixels.shape[:2]
    left, right = rng.uniform(6, 20) * mm, width - rng.uniform(6, 20) * mm
    tops = np.arange(rng.uniform(15, 60) * mm, height - 10 * mm, rng.uniform(6, 25) * mm)
    for top in tops:
        pen.apply(pixels, pen.rectangle(left, top, right, top + 0.3 * mm), rgb=(60, 60, 60))
    if tops.size and rng.random() < 0.6:
        for x in np.sort(rng.uniform(left, right, int(rng.integers(1, 7)))):
            line = pen.rectangle(x, tops[0], x + 0.3 * mm, tops[-1])
            pen.apply(pixels, line, rgb=(60, 60, 60))


def _charted(pixels: ByteArray, mm: float, rng: np.random.Generator) -> None:
    """Draw a trend as charts of vital signs have it: axes, and slow curves without any beat."""
    height, width = pixels.shape[:2]
    left, right = 0.12 * width, 0.92 * width
    top, bottom = 0.2 * height, float(rng.uniform(0.5, 0.85)) * height
    axes = np.array([[left, top], [left, bottom], [right, bottom]])
    pen.apply(pixels, pen.rectangle(left, top, left + 0.4 * mm, bottom), rgb=(30, 30, 30))
    pen.apply(pixels, pen.angular(axes[1:], width_px=0.4 * mm), rgb=(30, 30, 30))
    x = np.linspace(left, right, 400)
    for _ in range(int(rng.integers(1, 4))):
        knots = rng.uniform(top, bottom, int(rng.integers(4, 16)))
        y = np.interp(x, np.linspace(left, right, len(knots)), knots)
        for ink in pen.stroke(x, y, width_px=0.4 * mm):
            pen.apply(pixels, ink, rgb=(40, 40, 60))
