"""A page as a vector PDF, as carts and archives export it: lines and text, no pixels."""

from __future__ import annotations

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.pdf import DOCUMENT_FACES, PdfPage, text_operators
from ecgbatch.synth.style import Colour, Style
from ecgbatch.synth.truth import PageTruth, unbroken
from ecgbatch.types import DoubleArray


def vector_page(truth: PageTruth, style: Style) -> PdfPage:
    """Return what ``render`` drew as drawing operators.

    Args:
        truth: Of a page that has not been moved since.
        style: It was drawn with.

    Raises:
        ConfigError: The style has a dotted grid or another face than files declare, or the page
            was moved.
    """
    if "dot" in {style.minor_grid, style.major_grid}:
        raise ConfigError(f"style {style.name}: a dotted grid has no vector form here")
    if style.face not in DOCUMENT_FACES:
        raise ConfigError(f"style.face: {style.face!r} is not in {DOCUMENT_FACES}")
    if not np.array_equal(truth.homography, np.eye(3)):
        raise ConfigError("truth: only a page as printed has a vector form")
    scale = 72 / truth.dpi
    height_pt = truth.height_px * scale

    def points(px: DoubleArray) -> DoubleArray:
        """Pixel centres, downwards, to points upwards."""
        return np.stack([(px[..., 0] + 0.5) * scale, height_pt - (px[..., 1] + 0.5) * scale], -1)

    left, top, right, bottom = truth.grid_box_px
    (x, y), (x_end, y_end) = points(np.array([[left, bottom], [right, top]]) - 0.5).tolist()
    content = [
        b"1 J 1 j\n",  # round ends and corners, as a pen
        _colour(style.field_rgb, b"rg"),
        f"{x:.2f} {y:.2f} {x_end - x:.2f} {y_end - y:.2f} re f\n".encode(),
    ]
    for kind, step_mm, width_mm, rgb in (
        (style.minor_grid, 1, style.minor_width_mm, style.minor_rgb),
        (style.major_grid, 5, style.major_width_mm, style.major_rgb),
    ):
        if kind == "line":
            lines = points(_grid_lines(truth, step_mm))
            content.append(_pen(rgb, width_mm * truth.px_per_mm_x * scale) + _paths(lines))
    line_pt = style.line_width_mm * truth.px_per_mm_x * scale
    content.append(_pen(style.ink_rgb, line_pt))
    content += [_paths(unbroken(points(region.polyline_px))) for region in truth.regions]
    content.append(_paths([points(pulse.polyline_px) for pulse in truth.pulses]))
    content.append(_paths(points(truth.separators_px)))
    content.append(_colour(style.text_rgb, b"rg"))
    for text in truth.texts:
        x, y = points(np.array(text.foot_px)).tolist()
        content.append(
            text_operators(
                text.text,
                x_pt=x,
                y_pt=y,
                capital_pt=text.capital_px * scale,
                face=style.face,
                shape=style.letter_shape,
            )
        )
    return PdfPage(truth.width_px * scale, height_pt, b"".join(content))


def _grid_lines(truth: PageTruth, step_mm: int) -> DoubleArray:
    """Return the ends of all grid lines of the page, ``(line, 2, 2)`` in pixels."""
    pitch = step_mm * truth.px_per_mm_x
    left, top, right, bottom = (edge - 0.5 for edge in truth.grid_box_px)
    across, down = (
        origin + pitch * np.arange(np.ceil((low - origin) / pitch), (high - origin) / pitch)
        for origin, low, high in zip(
            truth.grid_origin_px, (left, top), (right, bottom), strict=True
        )
    )
    upright = [[(x, top), (x, bottom)] for x in across]
    level = [[(left, y), (right, y)] for y in down]
    return np.array(upright + level)


def _paths(lines_pt: DoubleArray | list[DoubleArray]) -> bytes:
    """Return the operators that stroke each line."""
    drawn = []
    for line in lines_pt:
        (x, y), *rest = line.tolist()
        steps = "".join(f"{a:.3f} {b:.3f} l\n" for a, b in rest)
        drawn.append(f"{x:.3f} {y:.3f} m\n{steps}S\n")
    return "".join(drawn).encode()


def _pen(rgb: Colour, width_pt: float) -> bytes:
    return _colour(rgb, b"RG") + f"{width_pt:.3f} w\n".encode()


def _colour(rgb: Colour, operator: bytes) -> bytes:
    red, green, blue = (part / 255 for part in rgb)
    return f"{red:.3f} {green:.3f} {blue:.3f} ".encode() + operator + b"\n"
