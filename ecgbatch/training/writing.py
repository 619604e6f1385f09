"""Text where a page is free: statements, forms, remarks, and lines that tell the scale."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ecgbatch.synth import pen
from ecgbatch.synth.faces import face_names
from ecgbatch.synth.paper import RenderedPage
from ecgbatch.synth.text import set_type
from ecgbatch.synth.truth import TextTruth

_FREE_SHARE = 0.02  # dark pixels in a place that counts as free
_PLACES = 8
_LETTERS = np.array(list(string.ascii_lowercase * 4 + string.ascii_uppercase + string.digits * 2))
_INK_RGB = (25, 25, 30)


def words(rng: np.random.Generator, *, most: int = 13) -> str:
    """Return words of no language.

    Args:
        rng: Source of the letters.
        most: Words at most.
    """
    lengths = rng.integers(1, 11, int(rng.integers(1, most + 1)))
    return " ".join("".join(rng.choice(_LETTERS, int(length))) for length in lengths)


def with_paragraphs(page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
    """Print up to three blocks of text wherever a page is free; more than half get none."""
    for _ in range(int(rng.choice([0, 0, 0, 0, 1, 2, 3]))):
        count, most = int(rng.choice([1, 1, 2, 3, 4, 8])), int(rng.choice([2, 4, 13]))
        page = printed(
            page,
            tuple(words(rng, most=most) for _ in range(count)),
            rng,
            role="header",
            y_mm=lambda height_mm: float(rng.uniform(2, height_mm)),
        )
    return page


def printed(
    page: RenderedPage,
    texts: tuple[str, ...],
    rng: np.random.Generator,
    *,
    role: str,
    y_mm: Callable[[float], float],
) -> RenderedPage:
    """Print lines of text in a free place, if one is found in a few trials.

    Args:
        page: Before anything happened to it.
        texts: Line by line.
        rng: Source of the face, the size and the place.
        role: See ``TextTruth``.
        y_mm: Draws where the first line stands, given the height of the page.
    """
    truth, mm = page.truth, page.truth.px_per_mm_x
    capital = round(float(rng.uniform(1.5, 3.0)) * mm, 1)
    face = str(rng.choice(face_names()))
    lines = set_type(tuple((text, capital) for text in texts), face=face)
    pitch = capital * float(rng.uniform(1.6, 2.4))
    width = max(line.share.shape[1] for line in lines)
    for _ in range(_PLACES):
        x = rng.uniform(3 * mm, max(truth.width_px - width - 3 * mm, 4 * mm))
        y = y_mm(truth.height_px / mm) * mm
        top, bottom = round(y) - lines[0].rise_px, round(y + pitch * (len(lines) - 1) + capital / 3)
        around = page.pixels[max(top, 0) : bottom, round(x) : round(x) + width]
        if x + width >= truth.width_px or bottom >= truth.height_px or around.size == 0:
            continue
        if (around.max(axis=2) < 110).mean() < _FREE_SHARE:  # grids are lighter in a channel
            pixels, told = page.pixels.copy(), []
            for number, (text, line) in enumerate(zip(texts, lines, strict=True)):
                foot = (float(round(x)), float(round(y + number * pitch)))
                ink = line.at(*foot)
                pen.apply(pixels, ink, rgb=_INK_RGB)
                told.append(TextTruth(text, role, ink.box_px, foot, line.capital_px))
            return RenderedPage(pixels, replace(truth, texts=(*truth.texts, *told)))
    return page
