"""Pages drawn with paper and ruler: a millimetre grid, traces, names and text, bent on purpose.

Everything is drawn in millimetres on flat paper and then seen through a map that is known
exactly, so that a test can ask where any millimetre lies on the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

PAPER_MM = (279.0, 216.0)
ORIGIN_MM = (10.0, 13.0)  # the first crossing of two 5-mm lines on the paper
LEADS_3X4 = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))

PINK = (247, 180, 190)
RED = (230, 70, 70)
BLUE = (150, 180, 235)
GREEN = (150, 215, 160)
ORANGE = (250, 190, 130)
GREY = (190, 190, 190)
BLACK = (60, 60, 60)
COLOURS = {
    "pink": PINK,
    "red": RED,
    "blue": BLUE,
    "green": GREEN,
    "orange": ORANGE,
    "grey": GREY,
    "black": BLACK,
}


@dataclass(frozen=True)
class Sheet:
    """What is printed.

    Attributes:
        grid_rgb: Colour of the lines, None for paper without a grid.
        thin: Whether 1-mm lines are printed between the 5-mm lines.
        bold: Whether every fifth line is heavier.
        dotted: Whether the 1-mm lines are rows of dots, as black-and-white printers make them.
        grid_width_mm: Width of a thin line; a bold one is twice as wide.
        header: Whether a head of text is printed.
        pulses: Whether each row starts with a calibration pulse.
        names: Whether the leads are named.
        bpm: Heart rate.
    """

    grid_rgb: tuple[int, int, int] | None = PINK
    paper_rgb: tuple[int, int, int] = (255, 252, 250)
    ink_rgb: tuple[int, int, int] = (20, 20, 25)
    thin: bool = True
    bold: bool = True
    dotted: bool = False
    grid_width_mm: float = 0.14
    header: bool = True
    pulses: bool = True
    names: bool = True
    bpm: float = 72.0
    seed: int = 1


@dataclass(frozen=True)
class View:
    """How the paper is seen.

    Attributes:
        px_per_mm: Pixels per millimetre across and down, before the paper is turned.
        turn_deg: Clockwise turn of the paper in the picture.
        perspective: Share by which the far edge of the paper is shorter.
        curl_mm: How far the middle of the paper is displaced along both axes.
        margin_mm: Table around the paper.
        noise: Standard deviation of the sensor's noise in grey levels.
        jpeg: Quality of a JPEG between drawing and reading, or None.
        shadow: Share of light that is missing in one corner.
    """

    px_per_mm: tuple[float, float] = (7.874, 7.874)
    turn_deg: float = 0.0
    perspective: float = 0.0
    curl_mm: float = 0.0
    margin_mm: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None
    shadow: float = 0.0


@dataclass(frozen=True)
class Drawn:
    """A picture, and where each of its millimetres lies.

    Attributes:
        pixels: ``(row, column, 3)`` uint8.
        view: How it was made.
        shape_mm: Width and height of the paper.
    """

    pixels: np.ndarray
    view: View
    shape_mm: tuple[float, float]

    def to_picture(self, points_mm: np.ndarray) -> np.ndarray:
        """Take ``(n, 2)`` millimetres on the paper to ``(n, 2)`` pixels of the picture."""
        return _to_picture(np.asarray(points_mm, float), self.view, self.shape_mm)

    def nodes_mm(self, step_mm: float = 15.0) -> np.ndarray:
        """Return crossings of 5-mm lines all over the paper."""
        width, height = self.shape_mm
        x = np.arange(ORIGIN_MM[0], width - 5, step_mm)
        y = np.arange(ORIGIN_MM[1], height - 5, step_mm)
        return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def draw(sheet: Sheet | None = None, view: View | None = None) -> Drawn:
    """Print ``sheet`` and look at it through ``view``."""
    sheet = sheet or Sheet()
    view = view or View()
    rng = np.random.default_rng(sheet.seed)
    scale = 2.0 * max(view.px_per_mm)  # twice as fine as it is seen
    flat = _print(sheet, scale)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float) * PAPER_MM
    seen = _to_picture(corners, view, PAPER_MM)
    columns, rows = np.ceil(seen.max(axis=0) + 0.5).astype(int)
    fine = 2
    across = ((np.arange(columns * fine) + 0.5) / fine - 0.5).astype(np.float32)
    down = ((np.arange(rows * fine) + 0.5) / fine - 0.5).astype(np.float32)
    at_mm = _to_paper(across, down, view)
    x = (at_mm[..., 0] * scale - 0.5).astype(np.float32)
    y = (at_mm[..., 1] * scale - 0.5).astype(np.float32)
    table = (70, 60, 55) if view.margin_mm or view.perspective else (255, 255, 255)
    picture = cv2.remap(flat, x, y, cv2.INTER_LINEAR, borderValue=table)
    picture = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    return Drawn(_damage(picture, view, rng), view, PAPER_MM)


def _damage(picture: np.ndarray, view: View, rng: np.random.Generator) -> np.ndarray:
    rows, columns = picture.shape[:2]
    values = picture.astype(np.float32)
    if view.shadow:
        light = np.add.outer(np.linspace(0, 0.5, rows), np.linspace(0, 0.5, columns))
        values *= (1 - view.shadow * light)[..., None].astype(np.float32)
    if view.noise:
        values += view.noise * rng.standard_normal(picture.shape, np.float32)
    picture = np.clip(values, 0, 255).astype(np.uint8)
    if view.jpeg is not None:
        ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, view.jpeg])
        assert ok
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return picture


# ---------------------------------------------------------------- from paper to picture and back


def _forward(view: View, shape_mm: tuple[float, float]) -> np.ndarray:
    """Homography from (bent) paper millimetres to pixels."""
    width, height = shape_mm
    scale = np.diag([view.px_per_mm[0], view.px_per_mm[1], 1.0])
    centre = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    angle = np.deg2rad(view.turn_deg)  # rows count downwards: a positive angle is clockwise
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    tilt = np.eye(3)
    tilt[2, 1] = -view.perspective / height
    tilt[2, 0] = 0.5 * view.perspective / width
    forward = turn @ scale @ tilt @ centre
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    seen = _apply(forward, corners)
    margin = view.margin_mm * np.array(view.px_per_mm)
    move = np.eye(3)
    move[:2, 2] = margin - seen.min(axis=0)
    return move @ forward


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = points[..., 0], points[..., 1]
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    return np.stack(
        [
            (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / w,
            (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / w,
        ],
        axis=-1,
    )


def _curl(points_mm: np.ndarray, view: View, shape_mm: tuple[float, float]) -> np.ndarray:
    """Displacement in mm of a sheet that does not lie flat: one smooth wave on each axis."""
    u = points_mm / np.asarray(shape_mm, points_mm.dtype)
    wave = np.sin(np.pi * u[..., 0]) * np.cos(0.7 * np.pi * u[..., 1])
    return np.stack([0.6 * view.curl_mm * wave, view.curl_mm * wave], axis=-1)


def _to_picture(points_mm: np.ndarray, view: View, shape_mm: tuple[float, float]) -> np.ndarray:
    bent = points_mm + _curl(points_mm, view, shape_mm)
    return _apply(_forward(view, shape_mm), bent)


def _to_paper(across: np.ndarray, down: np.ndarray, view: View) -> np.ndarray:
    back = np.linalg.inv(_forward(view, PAPER_MM)).astype(np.float32)
    seen = np.stack(np.meshgrid(across, down), axis=-1)
    bent = _apply(back, seen)
    at = bent
    if view.curl_mm:
        for _ in range(4):  # the displacement is gentle: a few steps of substitution settle it
            at = bent - _curl(at, view, PAPER_MM)
    return at


# ------------------------------------------------------------------------------------- the print


@lru_cache(maxsize=4)
def _print(sheet: Sheet, scale: float) -> np.ndarray:
    width, height = (round(side * scale) for side in PAPER_MM)
    page = np.empty((height, width, 3), np.float32)
    page[:] = sheet.paper_rgb
    if sheet.grid_rgb is not None:
        share = _grid(sheet, scale, width, height)[..., None]
        page += share * (np.array(sheet.grid_rgb, np.float32) - page)
    ink = _ink(sheet, scale, width, height).astype(np.float32)[..., None] / 255
    page += ink * (np.array(sheet.ink_rgb, np.float32) - page)
    return np.clip(page + 0.5, 0, 255).astype(np.uint8)


def _comb(
    count: int, scale: float, origin_mm: float, step_mm: float, width_mm: float
) -> np.ndarray:
    """Share of each pixel of a row that lines every ``step_mm`` cover."""
    at_mm = (np.arange(count) + 0.5) / scale - origin_mm
    off_mm = np.abs(at_mm - step_mm * np.round(at_mm / step_mm))
    return np.clip((width_mm / 2 - off_mm) * scale + 0.5, 0, 1).astype(np.float32)


def _grid(sheet: Sheet, scale: float, width: int, height: int) -> np.ndarray:
    share = np.zeros((height, width), np.float32)
    thin_mm = sheet.grid_width_mm
    bold_mm = 2 * thin_mm if sheet.bold else thin_mm
    if sheet.thin:
        across = _comb(width, scale, ORIGIN_MM[0], 1.0, thin_mm)[None, :]
        down = _comb(height, scale, ORIGIN_MM[1], 1.0, thin_mm)[:, None]
        if sheet.dotted:
            dots_x = _comb(width, scale, ORIGIN_MM[0], 0.5, 0.25)[None, :]
            dots_y = _comb(height, scale, ORIGIN_MM[1], 0.5, 0.25)[:, None]
            share = np.maximum(across * dots_y, down * dots_x)
        else:
            share = np.maximum(across, down)
    if sheet.bold or not sheet.thin:
        across = _comb(width, scale, ORIGIN_MM[0], 5.0, bold_mm)[None, :]
        down = _comb(height, scale, ORIGIN_MM[1], 5.0, bold_mm)[:, None]
        share = np.maximum(share, np.maximum(across, down))
    return share


def heart(at_s: np.ndarray, *, bpm: float, scale_mv: float) -> np.ndarray:
    """A plain PQRST as a sum of bells; the T wave follows the sharp R, as it does on paper."""
    phase = np.mod(at_s, 60 / bpm)
    bells = (
        (0.15, 0.12, 0.025),
        (0.24, -0.10, 0.008),
        (0.26, 1.00, 0.011),
        (0.285, -0.25, 0.010),
        (0.50, 0.28, 0.045),
    )
    wave = sum(size * np.exp(-0.5 * ((phase - at) / wide) ** 2) for at, size, wide in bells)
    return scale_mv * wave


def _ink(sheet: Sheet, scale: float, width: int, height: int) -> np.ndarray:
    ink = np.zeros((height, width), np.uint8)
    rng = np.random.default_rng(sheet.seed)
    line = max(1, round(0.3 * scale))
    gains = {"aVR": -0.8, "V1": -0.6, "V2": 0.7, "aVL": 0.4, "III": 0.5, "V4": 1.4, "V5": 1.2}

    def polyline(points_mm: np.ndarray) -> None:
        points = np.round((points_mm * scale - 0.5) * 16).astype(np.int32)
        cv2.polylines(
            ink, [points], isClosed=False, color=255, thickness=line, lineType=16, shift=4
        )

    def text(words: str, x_mm: float, y_mm: float, size_mm: float = 3.0) -> None:
        place = (round(x_mm * scale), round(y_mm * scale))
        cv2.putText(
            ink, words, place, cv2.FONT_HERSHEY_SIMPLEX, size_mm * scale / 22, 255, line, 16
        )

    rows = [*LEADS_3X4, ("II",)]
    for number, names in enumerate(rows):
        base_mm = 75.0 + 33.0 * number
        if sheet.pulses:
            steps = [(10, 0), (11, 0), (11, -10), (16, -10), (16, 0), (17, 0)]
            polyline(np.array([(x, base_mm + y) for x, y in steps], float))
        for column, name in enumerate(names):
            start_mm = 18.0 + 62.5 * column
            length_mm = 250.0 / len(names)
            at_mm = np.arange(0, length_mm, 0.1)
            mv = heart(
                at_mm / 25 + 2.5 * column, bpm=sheet.bpm, scale_mv=gains.get(name, 1.0)
            ) + rng.normal(0, 0.004, at_mm.size)
            polyline(np.column_stack([start_mm + at_mm, base_mm - 10 * mv]))
            if sheet.names:
                text(name, start_mm + 1.5, base_mm - 7)
    if sheet.header:
        for number, words in enumerate(
            (
                "ID: 000000   ANY NAME",
                "Vent. rate 72 bpm",
                "PR interval 160 ms",
                "QRS duration 92 ms",
            )
        ):
            text(words, 14, 18 + 6 * number, 3.2)
        text("Sinus rhythm, normal axis, unconfirmed", 120, 18, 3.2)
        text("25 mm/s   10 mm/mV   0.05-150 Hz", 14, 208, 2.6)
    return ink
