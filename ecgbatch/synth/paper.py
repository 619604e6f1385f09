"""The page renderer: signals on printed paper, with the place of every sample known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ecgbatch.errors import ConfigError
from ecgbatch.synth import pen
from ecgbatch.synth.forms import PrintedForm, footer, header
from ecgbatch.synth.grid import paint_grid
from ecgbatch.synth.layouts import Layout
from ecgbatch.synth.plan import PagePlan, Slot, plan_page
from ecgbatch.synth.style import Style
from ecgbatch.synth.text import SetLine, set_type
from ecgbatch.synth.truth import (
    Box,
    PageTruth,
    PulseTruth,
    RegionTruth,
    TextTruth,
    box_around,
    clipped,
)
from ecgbatch.types import ByteArray, DoubleArray, FloatArray

Signal: TypeAlias = npt.NDArray[np.floating] | npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPage:
    """A page and everything known of it.

    Attributes:
        pixels: ``(row, column, 3)`` RGB uint8.
        truth: Places, times and scales.
    """

    pixels: ByteArray
    truth: PageTruth


def render(
    signals: Mapping[str, Signal],
    *,
    fs_hz: float,
    layout: Layout,
    style: Style,
    dpi: float = 200.0,
    seed: int = 0,
) -> RenderedPage:
    """Print a record.

    Args:
        signals: Lead name to ``(sample,)`` in microvolts; NaN is not printed.
        fs_hz: Samples per second.
        layout: Which lead stands where.
        style: Look and scale of the page.
        dpi: Dots per inch, 50 to 1200.
        seed: Of the invented lettering and of where pre-printed paper happens to lie.

    Raises:
        ConfigError: A lead of the layout is missing, a signal has fewer than two samples or an
            infinite one, a rate or resolution is impossible, or the page does not hold the layout
            at this speed.
    """
    _check(signals, fs_hz=fs_hz, layout=layout, dpi=dpi)
    rng = np.random.default_rng(seed)
    plan = plan_page(layout, style, dpi=dpi, rng=rng)
    sheet = _Sheet(plan, style, pen.grain(plan.width_px, plan.px_per_mm, style.ink_grain, rng))
    regions = [sheet.lead(slot, signals[slot.lead], fs_hz) for slot in plan.slots]
    if style.joined:
        sheet.join(regions)
    pulses = [sheet.pulse(row) for row in plan.pulse_rows]
    separators = sheet.separators()
    above = sheet.form(header(style, rng), foot=False)
    below = sheet.form(footer(style, rng), foot=True)
    truth = PageTruth(
        layout=layout.name,
        style=style.name,
        seed=seed,
        width_px=plan.width_px,
        height_px=plan.height_px,
        dpi=dpi,
        px_per_mm_x=plan.px_per_mm,
        px_per_mm_y=plan.px_per_mm,
        speed_mm_per_s=style.speed_mm_per_s,
        gain_mm_per_mv=style.gain_mm_per_mv,
        chest_gain_mm_per_mv=style.gain_of("V1"),
        fs_hz=fs_hz,
        grid_box_px=plan.grid_box_px,
        grid_origin_px=plan.grid_origin_px,
        homography=np.eye(3),
        regions=tuple(regions),
        pulses=tuple(pulses),
        separators_px=separators,
        texts=(*sheet.texts, *above, *below),
        header_box_px=_around([text.box_px for text in above]),
    )
    return RenderedPage(sheet.pixels, truth)


def _check(
    signals: Mapping[str, Signal],
    *,
    fs_hz: float,
    layout: Layout,
    dpi: float,
) -> None:
    if not 20 <= fs_hz <= 20_000:
        raise ConfigError(f"fs_hz: {fs_hz} is not between 20 and 20000")
    if not 50 <= dpi <= 1200:
        raise ConfigError(f"dpi: {dpi} is not between 50 and 1200")
    missing = [lead for lead in layout.leads if lead not in signals]
    if missing:
        raise ConfigError(f"signals: layout {layout.name} prints {', '.join(missing)} as well")
    for lead in layout.leads:
        signal = np.asarray(signals[lead])
        if signal.ndim != 1 or signal.size < 2:
            raise ConfigError(f"signals: {lead} must be a row of at least two samples")
        if np.isinf(signal).any():
            raise ConfigError(f"signals: {lead} has an infinite sample")


@dataclass(slots=True, eq=False)
class _Sheet:
    """The page while it is being printed."""

    plan: PagePlan
    style: Style
    grain: FloatArray
    pixels: ByteArray = field(init=False)
    texts: list[TextTruth] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        plan, style = self.plan, self.style
        self.pixels = np.empty((plan.height_px, plan.width_px, 3), np.uint8)
        if style.framed:
            self.pixels[:] = np.tile(np.asarray(style.paper_rgb, np.uint8), (plan.width_px, 1))
        paint_grid(
            self.pixels,
            box_px=plan.grid_box_px,
            origin_px=plan.grid_origin_px,
            px_per_mm=plan.px_per_mm,
            style=style,
        )

    @property
    def _line_px(self) -> float:
        return self.style.line_width_mm * self.plan.px_per_mm

    def _ink(self, ink: pen.Coverage) -> None:
        style = self.style
        pen.apply(self.pixels, ink, rgb=style.ink_rgb, density=style.ink_density)

    def lead(
        self,
        slot: Slot,
        signal_uv: Signal,
        fs_hz: float,
    ) -> RegionTruth:
        """Print one lead with its name."""
        plan, style = self.plan, self.style
        # The samples that fall on the printed span; a border belongs to the column right of it.
        first, stop = (
            int(np.ceil(edge_s * fs_hz - 1e-6))
            for edge_s in (slot.start_s, slot.start_s + slot.duration_s)
        )
        printed = np.asarray(signal_uv[first:stop], dtype=np.float64)
        if printed.size < 2:
            raise ConfigError(
                f"signals: {slot.lead} ends before its column at {slot.start_s:g} s; choose a "
                "layout with a shorter column_s, or one with fewer columns"
            )
        stop = first + printed.size
        time_s = np.arange(first, stop) / fs_hz - slot.start_s
        gain = style.gain_of(slot.lead) * (-1.0 if slot.printed_name.startswith("-") else 1.0)
        x = slot.left_px + time_s * style.speed_mm_per_s * plan.px_per_mm
        y = slot.baseline_px - printed / 1000 * gain * plan.px_per_mm
        for ink in pen.stroke(x, y, width_px=self._line_px):
            self._ink(pen.uneven(ink, self.grain) if self.grain.size else ink)
        line = np.stack([x, y], axis=1)
        line[np.isnan(y)] = np.nan
        right_px = slot.left_px + slot.duration_s * style.speed_mm_per_s * plan.px_per_mm
        return RegionTruth(
            lead=slot.lead,
            printed_name=slot.printed_name,
            role=slot.role,
            row=slot.row,
            column=slot.column,
            t0_ms=1000 * slot.page_time_s,
            first_sample=first,
            stop_sample=stop,
            gain_mm_per_mv=gain,
            baseline_px=np.array([[slot.left_px, slot.baseline_px], [right_px, slot.baseline_px]]),
            polyline_px=line,
            line_width_px=self._line_px,
            box_px=self._inside(box_around(line, width_px=self._line_px)),
            name_box_px=self._name(slot),
        )

    def _name(self, slot: Slot) -> Box | None:
        style, mm = self.style, self.plan.px_per_mm
        if style.name_place == "none":
            return None
        capital = style.text_mm * mm
        x, y = (
            slot.left_px + style.name_shift_mm * mm,
            slot.baseline_px - style.name_distance_mm * mm,
        )
        if style.name_place == "below":
            y = slot.baseline_px + style.name_distance_mm * mm + capital
        if style.name_place == "left" and slot.column == 0:
            x, y = self.plan.names_left_px, slot.baseline_px - 1.5 * mm
        names = tuple(dict.fromkeys(other.printed_name for other in self.plan.slots))
        words = self._set(tuple((name, capital) for name in names))
        word = words[names.index(slot.printed_name)]
        text = self._write(word, (x, y), slot.printed_name, "lead")
        self.texts.append(text)
        return text.box_px

    def join(self, regions: list[RegionTruth]) -> None:
        """Keep the pen down from one column to the next."""
        for left, right in pairwise(regions):
            if left.row != right.row or not len(left.polyline_px) or not len(right.polyline_px):
                continue
            (x, y), (x_next, y_next) = left.polyline_px[-1], right.polyline_px[0]
            if not np.isfinite([y, y_next]).all():
                continue
            between = np.array([[x, y], [x_next, y], [x_next, y_next]])
            self._ink(pen.angular(between, width_px=self._line_px))

    def pulse(self, row: int) -> PulseTruth:
        """Print the calibration pulse of one row."""
        plan, style = self.plan, self.style
        corners = plan.pulse_corners_px(row, style)
        self._ink(pen.angular(corners, width_px=self._line_px))
        gains = tuple(dict.fromkeys((style.gain_mm_per_mv, style.gain_of("V1"))))
        return PulseTruth(
            row=row,
            polyline_px=corners,
            amplitude_mv=1.0,
            gains_mm_per_mv=gains,
            box_px=self._inside(box_around(corners, width_px=self._line_px)),
        )

    def separators(self) -> DoubleArray:
        """Print the marks between columns and return their ends."""
        marks = self.plan.separators_px(self.style)
        width = max(self._line_px, 0.25 * self.plan.px_per_mm)
        if self.style.separator_width_mm is not None:
            width = self.style.separator_width_mm * self.plan.px_per_mm
        for (x, top), (_, bottom) in marks:
            self._ink(pen.rectangle(x - width / 2, top, x + width / 2, bottom))
        return marks

    def form(self, form: PrintedForm, *, foot: bool) -> list[TextTruth]:
        """Print the header or the footer."""
        mm = self.plan.px_per_mm
        left, top, bottom = self.plan.form_px
        for box in form.boxes_mm:
            edges = np.array(box) * mm + (left, top, left, top)
            pen.apply(self.pixels, pen.rectangle(*edges), rgb=self.style.text_rgb)
        words = self._set(tuple((line.text, line.capital_mm * mm) for line in form.lines))
        written = []
        for line, word in zip(form.lines, words, strict=True):
            y = bottom - line.y_mm * mm if foot else top + line.y_mm * mm
            written.append(self._write(word, (left + line.x_mm * mm, y), line.text, line.role))
        return written

    def _set(self, lines: tuple[tuple[str, float], ...]) -> tuple[SetLine, ...]:
        style = self.style
        dots = style.text_dots_per_mm
        dot_px = None if dots is None else self.plan.px_per_mm / dots
        return set_type(lines, face=style.face, shape=style.letter_shape, dot_px=dot_px)

    def _write(
        self, word: SetLine, place_px: tuple[float, float], text: str, role: str
    ) -> TextTruth:
        ink = word.at(*place_px)
        pen.apply(self.pixels, ink, rgb=self.style.text_rgb)
        foot = (float(round(place_px[0])), float(round(place_px[1])))
        return TextTruth(text, role, self._inside(ink.box_px), foot, word.capital_px)

    def _inside(self, box_px: Box) -> Box:
        plan = self.plan
        return clipped(box_px, width_px=plan.width_px, height_px=plan.height_px)


def _around(boxes: list[Box]) -> Box | None:
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return (min(left), min(top), max(right), max(bottom))
