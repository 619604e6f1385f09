"""Where everything goes on a page: millimetres of paper turned into pixels, before any ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.layouts import Layout, lead_of, printed_name
from ecgbatch.synth.style import Style
from ecgbatch.types import DoubleArray

_FOOT_MM = 2.0  # level line on each side of a pulse
_NAMES_MM = 8.0


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one lead.

    Attributes:
        lead: Its name in the record.
        printed_name: Its name on paper.
        role: ``strip`` or ``rhythm``.
        row: Row of the page.
        column: Column of the matrix.
        start_s: Where in the record it begins.
        page_time_s: Its start on the page's time axis.
        duration_s: Its printed length.
        left_px: Where it begins.
        baseline_px: Its zero line.
    """

    lead: str
    printed_name: str
    role: str
    row: int
    column: int
    start_s: float
    page_time_s: float
    duration_s: float
    left_px: float
    baseline_px: float


@dataclass(frozen=True, slots=True)
class PagePlan:
    """The places of one page, in pixels.

    Attributes:
        width_px: Columns of the page.
        height_px: Rows of the page.
        px_per_mm: Its scale.
        grid_box_px: Where the grid is printed.
        grid_origin_px: A crossing of 5-mm lines.
        slots: The leads, row by row.
        pulse_rows: Rows with a calibration pulse.
        pulse_left_px: Where pulses begin.
        names_left_px: Where names stand that go left of the trace.
        columns_px: Borders between columns.
        baselines_px: Zero line of each row.
        matrix_rows: Rows that have columns.
        form_px: Left end and top of the header, and foot of the footer.
    """

    width_px: int
    height_px: int
    px_per_mm: float
    grid_box_px: tuple[int, int, int, int]
    grid_origin_px: tuple[float, float]
    slots: tuple[Slot, ...]
    pulse_rows: tuple[int, ...]
    pulse_left_px: float
    names_left_px: float
    columns_px: tuple[float, ...]
    baselines_px: tuple[float, ...]
    matrix_rows: int
    form_px: tuple[float, float, float]

    def pulse_corners_px(self, row: int, style: Style) -> DoubleArray:
        """Return the corners of a row's calibration pulse, ``(corner, 2)``."""
        mm, foot = self.px_per_mm, self.baselines_px[row]
        gains = tuple(dict.fromkeys((style.gain_mm_per_mv, style.gain_of("V1"))))
        # With a split gain, carts step the plateau: first the limb leads' height, then the other.
        begin_px = self.pulse_left_px + _FOOT_MM * mm
        x = np.linspace(begin_px, begin_px + style.pulse_width_mm * mm, len(gains) + 1)
        corners = [(self.pulse_left_px, foot), (x[0], foot)]
        for begin, end, gain in zip(x[:-1], x[1:], gains, strict=True):
            corners += [(begin, foot - gain * mm), (end, foot - gain * mm)]
        corners += [(x[-1], foot), (x[-1] + _FOOT_MM * mm, foot)]
        return np.array(corners, dtype=np.float64)

    def separators_px(self, style: Style) -> DoubleArray:
        """Return the marks between columns, ``(mark, 2, 2)`` upper and lower end."""
        mm = self.px_per_mm
        # Upper and lower end of each mark relative to the zero line, in mm downwards.
        marks_mm = {
            "none": [],
            "tick": [(-2.5, 2.5)],
            "bars": [(-7.5, -4.0), (4.0, 7.5)],
            "bar": [(-5.0, 0.0)],
            "dotted": [(top, top + 0.4) for top in np.arange(-11.0, 11.0, 1.0)],
            "dashed": [(top, top + 2.0) for top in np.arange(-11.0, 11.0, 4.0)],
            "line": [],
        }[style.separator]
        ends = [
            [(x, baseline + top * mm), (x, baseline + bottom * mm)]
            for baseline in self.baselines_px[: self.matrix_rows]
            for x in self.columns_px
            for top, bottom in marks_mm
        ]
        if style.separator == "line":
            top = self.baselines_px[0] - 6 * mm
            bottom = self.baselines_px[self.matrix_rows - 1] + 6 * mm
            ends = [[(x, top), (x, bottom)] for x in self.columns_px]
        return np.array(ends, dtype=np.float64).reshape(-1, 2, 2)


def plan_page(layout: Layout, style: Style, *, dpi: float, rng: np.random.Generator) -> PagePlan:
    """Lay a page out.

    Raises:
        ConfigError: The paper is too small for the layout at this speed, or for its rows.
    """
    mm = dpi / 25.4
    width_mm, height_mm = style.paper_mm
    margin = style.margin_mm
    lead_in = _NAMES_MM if style.name_place == "left" else 0.0
    pulse_mm = style.pulse_width_mm + 2 * _FOOT_MM if style.pulse != "none" else 0.0
    column_mm = layout.column_s * style.speed_mm_per_s
    gaps_mm = style.column_gap_mm * (layout.columns - 1)
    traces_mm = column_mm * layout.columns + gaps_mm
    needed_mm = lead_in + pulse_mm + traces_mm + 2 * margin
    if needed_mm > width_mm + 1e-9:
        raise ConfigError(
            f"layout {layout.name} at {style.speed_mm_per_s:g} mm/s needs {needed_mm:.0f} mm of "
            f"paper and style.paper {style.paper} has {width_mm:.0f}: choose a wider paper, a "
            "slower style.speed_mm_per_s or a shorter layout column_s"
        )
    top_mm, foot_mm = margin + style.header_mm, height_mm - margin - style.footer_mm
    pitch_mm = style.row_pitch_mm or (foot_mm - top_mm) / layout.row_count
    rows_mm = pitch_mm * layout.row_count
    if pitch_mm < 3 or rows_mm > foot_mm - top_mm + 1e-9:
        raise ConfigError(
            f"layout {layout.name}: {layout.row_count} rows of {pitch_mm:.1f} mm do not fit "
            f"between header and footer of style.paper {style.paper} ({foot_mm - top_mm:.0f} mm): "
            "choose another style.row_pitch_mm, header_mm or paper"
        )
    left_mm = margin + (width_mm - needed_mm) / 2
    first_mm = top_mm + (foot_mm - top_mm - rows_mm) / 2
    if style.grid_aligned:  # a cart that prints the grid starts its rows and times on it
        left_mm = 5 * np.ceil((left_mm - 1e-9) / 5)
        left_mm = min(left_mm, width_mm - margin - (needed_mm - 2 * margin))
    baselines_mm = [first_mm + (row + 0.5) * pitch_mm for row in range(layout.row_count)]
    trace_left_mm = left_mm + lead_in + (pulse_mm if style.pulse == "left" else 0.0)
    origin_mm = (trace_left_mm, baselines_mm[0])
    if style.grid_aligned:
        baselines_mm = [origin_mm[1] + round(b - origin_mm[1]) for b in baselines_mm]
    else:
        origin_mm = tuple(np.asarray(origin_mm) + rng.uniform(0, 5, 2))

    def px(value_mm: float) -> float:
        return value_mm * mm - 0.5  # pixel centres are whole numbers, edges are halves

    box_mm = (0.0, 0.0, width_mm, height_mm)
    if style.framed:
        box_mm = (margin, top_mm, width_mm - margin, foot_mm)
    if style.framed and style.grid_aligned:  # the frame is a strong line of the grid
        left, top, right, bottom = (
            origin + 5 * np.trunc((edge - origin) / 5)
            for edge, origin in zip(box_mm, origin_mm * 2, strict=True)
        )
        box_mm = (left, top, right, bottom)
    width_px, height_px = round(width_mm * mm), round(height_mm * mm)
    step_mm = column_mm + style.column_gap_mm
    strips = [
        Slot(
            lead=lead_of(name),
            printed_name=printed_name(name, style.names),
            role="strip",
            row=row,
            column=column,
            start_s=layout.starts_s(column),
            page_time_s=column * step_mm / style.speed_mm_per_s,
            duration_s=layout.column_s,
            left_px=px(trace_left_mm + column * step_mm),
            baseline_px=px(baselines_mm[row]),
        )
        for row, names in enumerate(layout.rows)
        for column, name in enumerate(names)
    ]
    rhythm = [
        Slot(
            lead=lead_of(name),
            printed_name=printed_name(name, style.names),
            role="rhythm",
            row=row,
            column=0,
            start_s=0.0,
            page_time_s=0.0,
            duration_s=traces_mm / style.speed_mm_per_s,
            left_px=px(trace_left_mm),
            baseline_px=px(baselines_mm[row]),
        )
        for row, name in enumerate(layout.rhythm, start=len(layout.rows))
    ]
    pulse_mm_left = left_mm + lead_in if style.pulse == "left" else trace_left_mm + traces_mm
    return PagePlan(
        width_px=width_px,
        height_px=height_px,
        px_per_mm=mm,
        grid_box_px=(
            round(box_mm[0] * mm),
            round(box_mm[1] * mm),
            round(box_mm[2] * mm),
            round(box_mm[3] * mm),
        ),
        grid_origin_px=(px(origin_mm[0]), px(origin_mm[1])),
        slots=(*strips, *rhythm),
        pulse_rows=_pulse_rows(layout, style),
        pulse_left_px=px(pulse_mm_left),
        names_left_px=px(left_mm),
        columns_px=tuple(
            px(trace_left_mm + column * step_mm - style.column_gap_mm / 2)
            for column in range(1, layout.columns)
        ),
        baselines_px=tuple(px(value) for value in baselines_mm),
        matrix_rows=len(layout.rows),
        form_px=(px(margin), px(margin), px(height_mm - margin)),
    )


def _pulse_rows(layout: Layout, style: Style) -> tuple[int, ...]:
    if style.pulse == "none":
        return ()
    rows = range(layout.row_count)
    return {"all": tuple(rows), "first": (rows[0],), "last": (rows[-1],)}[style.pulse_rows]
