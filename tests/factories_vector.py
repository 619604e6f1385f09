"""PDFs of ECGs as matplotlib draws them, in millimetres, with the samples that were drawn."""

from __future__ import annotations

import io
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from tests.factories_files import NAME

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
COLUMNS = (LEADS[:3], LEADS[3:6], LEADS[6:9], LEADS[9:])


@dataclass(frozen=True)
class Chart:
    """What is drawn.

    Attributes:
        layout: ``3x4+1R`` or ``12x1``.
        fs_hz: Points per second.
        grid: ``both`` weights of lines, ``heavy`` ones alone, or ``none``.
        names: Whether leads are named.
        scale_text: What is printed of speed and gain; empty for nothing.
        gain_mm_per_mv: Deflection of a millivolt.
        pulses: Whether rows begin with a pulse.
        size: Millimetres of the PDF page per printed millimetre.
        simplify: Whether matplotlib leaves out points on straight stretches.
        dashes: Line style of the traces.
        clip_mv: Where the traces are cut off, above and below their zero lines; 0 for nowhere.
        curved: Whether traces are drawn as Bezier curves.
        upright: False for content that is turned a quarter clockwise on the page.
    """

    layout: str = "3x4+1R"
    fs_hz: int = 250
    grid: str = "both"
    names: bool = True
    scale_text: str = "25 mm/s   10 mm/mV"
    gain_mm_per_mv: float = 10.0
    pulses: bool = True
    size: float = 1.0
    simplify: bool = False
    dashes: str = "-"
    clip_mv: float = 0.0
    curved: bool = False
    upright: bool = True


@dataclass(frozen=True)
class Printed:
    """A lead as it was drawn."""

    lead: str
    t0_ms: float
    signal_uv: np.ndarray


WIDTH_MM, HEIGHT_MM, LEFT_MM = 280.0, 200.0, 15.0


def signal_mv(lead: str, fs_hz: int, seconds: float) -> np.ndarray:
    """Return beats with a little noise, in whole microvolts."""
    rng = np.random.default_rng(LEADS.index(lead))
    t = np.arange(round(fs_hz * seconds)) / fs_hz
    height = rng.uniform(0.4, 1.2) * rng.choice([-1, 1, 1])
    signal = 0.02 * rng.standard_normal(t.size)
    for beat in np.arange(0.3, seconds, 0.83):
        signal += height * np.exp(-(((t - beat) / 0.012) ** 2))
        signal += 0.25 * np.exp(-(((t - beat - 0.28) / 0.06) ** 2))
    return np.round(signal, 3)


def draw(chart: Chart | None = None) -> tuple[bytes, list[Printed]]:
    """Return the PDF and what is on it."""
    chart = chart or Chart()
    seconds = 10.0
    size = (WIDTH_MM, HEIGHT_MM) if chart.upright else (HEIGHT_MM, WIDTH_MM)
    with mpl.rc_context({"path.simplify": chart.simplify}):
        figure = Figure(figsize=tuple(chart.size * side / 25.4 for side in size))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, size[0])
        axes.set_ylim(0, size[1])
        axes.axis("off")
        _grid(axes, chart, size)
        printed = []
        rows = {}
        for lead, x_mm, y_mm, part in _places(chart.layout):
            signal = signal_mv(lead, chart.fs_hz, seconds)
            cut = slice(*(round(edge * chart.fs_hz) for edge in part))
            _trace(axes, chart, x_mm, y_mm, signal[cut])
            if chart.names:
                _write(axes, chart, x_mm + 1, y_mm + 7, lead, 9)
            printed.append(Printed(lead, 1000 * part[0], 1000 * signal[cut]))
            rows[y_mm] = True
        for y_mm in rows if chart.pulses else ():
            _pulse(axes, chart, y_mm)
        _write(axes, chart, LEFT_MM, 4, chart.scale_text, 8)
        _write(axes, chart, LEFT_MM, 193, f"Name: {NAME}, born in I", 8)
        out = io.BytesIO()
        figure.savefig(out, format="pdf")
    return out.getvalue(), printed


def _places(layout):
    """Yield lead, left end, zero line, and the seconds that are printed there."""
    if layout == "12x1":
        for row, lead in enumerate(LEADS):
            yield lead, LEFT_MM, 180.0 - 15 * row, (0.0, 10.0)
        return
    for column, leads in enumerate(COLUMNS):
        for row, lead in enumerate(leads):
            seconds = (2.5 * column, 2.5 * column + 2.5)
            yield lead, LEFT_MM + 62.5 * column, 160.0 - 35 * row, seconds
    yield "II", LEFT_MM, 45.0, (0.0, 10.0)


def _placed(chart, x, y):
    """Return points where the page has them; a quarter clockwise for content that lies."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    return (x, y) if chart.upright else (y, WIDTH_MM - x)


def _grid(axes, chart, size):
    step = {"both": 1, "heavy": 5}.get(chart.grid)
    for axis, length in enumerate(size):
        for place in range(0, int(length) + 1, step) if step else ():
            across = ([place, place], [0, size[1 - axis]])
            width = 0.6 if place % 5 == 0 else 0.2
            axes.plot(*across[:: 1 - 2 * axis], color="#f2a0a0", lw=width)


def _trace(axes, chart, x_mm, y_mm, signal):
    x = x_mm + np.arange(signal.size) / chart.fs_hz * 25
    x, y = _placed(chart, x, y_mm + chart.gain_mm_per_mv * signal)
    if chart.curved:
        count = (signal.size - 1) // 3 * 3 + 1
        codes = [Path.MOVETO] + [Path.CURVE4] * (count - 1)
        vertices = np.stack([x, y], axis=1)[:count]
        axes.add_patch(PathPatch(Path(vertices, codes), fill=False, lw=0.5))
        return
    (line,) = axes.plot(x, y, color="k", lw=0.5, ls=chart.dashes)
    if chart.clip_mv:
        reach = chart.gain_mm_per_mv * chart.clip_mv
        corners = [(0, y_mm - reach), (WIDTH_MM, y_mm - reach), (WIDTH_MM, y_mm + reach)]
        corners += [(0, y_mm + reach), (0, y_mm - reach)]
        line.set_clip_path(Path(corners, closed=True), axes.transData)


def _pulse(axes, chart, y_mm):
    top = y_mm + chart.gain_mm_per_mv
    x, y = _placed(chart, [5, 6, 6, 11, 11, 12], [y_mm, y_mm, top, top, y_mm, y_mm])
    axes.plot(x, y, color="k", lw=0.5)


def _write(axes, chart, x, y, text, points):
    (x,), (y,) = _placed(chart, [x], [y])
    axes.text(x, y, text, fontsize=points * chart.size, rotation=0 if chart.upright else -90)
