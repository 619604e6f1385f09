"""Charts as SVG, to stand inside a page: no script, no font or picture from elsewhere.

Every text is escaped here. Colours come from the page's style by class, so that they follow its
light or dark face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH_PX = 640
_NAME_PX = 190
_VALUE_PX = 110
_ROW_PX = 24
_PLOT_LEFT_PX, _PLOT_RIGHT_PX = 52, 12
_PLOT_TOP_PX, _PLOT_HEIGHT_PX, _AXIS_PX = 10, 170, 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is called, how long it is, and what is written behind it."""

    name: str
    value: float
    note: str
    kind: str = "bar"  # a class of the page's style


def bars(rows: Sequence[Bar], *, title: str) -> Markup:
    """Draw horizontal bars from 0, the longest as long as there is room."""
    most = max((row.value for row in rows), default=0.0) or 1.0
    room_px = _WIDTH_PX - _NAME_PX - _VALUE_PX
    parts = []
    for number, row in enumerate(rows):
        y = number * _ROW_PX
        length_px = max(1.0, room_px * row.value / most) if row.value > 0 else 0.0
        parts.append(_text(_NAME_PX - 8, y + 16, row.name, anchor="end"))
        parts.append(
            f'<rect class="{escape(row.kind)}" x="{_NAME_PX}" y="{y + 4}" '
            f'width="{length_px:.1f}" height="{_ROW_PX - 8}" rx="2"/>'
        )
        parts.append(_text(_NAME_PX + length_px + 6, y + 16, row.note, kind="quiet"))
    return _svg(parts, height_px=max(1, len(rows)) * _ROW_PX, title=title)


def share(parts_of: Sequence[Bar], *, title: str) -> Markup:
    """Draw one bar that is divided in proportion; its parts are the whole."""
    whole = sum(part.value for part in parts_of) or 1.0
    drawn, x = [], 0.0
    for part in parts_of:
        width_px = _WIDTH_PX * part.value / whole
        drawn.append(
            f'<rect class="{escape(part.kind)}" x="{x:.1f}" y="0" width="{width_px:.1f}" '
            f'height="18"><title>{escape(part.name)}: {escape(part.note)}</title></rect>'
        )
        x += width_px
    return _svg(drawn, height_px=18, title=title)


def stacked(counts: Mapping[str, Sequence[int]], *, upto: float, title: str) -> Markup:
    """Draw a histogram from 0 to ``upto``, its kinds on top of each other.

    Args:
        counts: Counts per bin by kind, which is a class of the page's style; all equally long.
        upto: Right end of the last bin.
        title: What it shows.
    """
    bins = max(map(len, counts.values()), default=0)
    heights = [sum(values[place] for values in counts.values()) for place in range(bins)]
    most = max(heights, default=0) or 1
    width_px = (_WIDTH_PX - _PLOT_LEFT_PX - _PLOT_RIGHT_PX) / max(1, bins)
    parts = []
    for place in range(bins):
        base = float(_PLOT_TOP_PX + _PLOT_HEIGHT_PX)
        for kind, values in counts.items():
            height_px = _PLOT_HEIGHT_PX * values[place] / most
            base -= height_px
            if height_px > 0:
                x = _PLOT_LEFT_PX + place * width_px
                parts.append(
                    f'<rect class="{escape(kind)}" x="{x + 1:.1f}" y="{base:.1f}" '
                    f'width="{width_px - 2:.1f}" height="{height_px:.1f}"/>'
                )
    return _plot(parts, x_most=upto, y_most=most, title=title)


def line(points: Sequence[tuple[float, float]], *, x_unit: str, y_unit: str, title: str) -> Markup:
    """Draw a line over steps: each value holds from the point before to its own.

    Args:
        points: ``(x, y)``, none below 0, ``x`` growing.
        x_unit: Written behind the largest ``x``.
        y_unit: Written behind the largest ``y``.
        title: What it shows.
    """
    x_most = max((x for x, _ in points), default=0.0) or 1.0
    y_most = max((y for _, y in points), default=0.0) or 1.0
    across_px = (_WIDTH_PX - _PLOT_LEFT_PX - _PLOT_RIGHT_PX) / x_most
    path, before = [], 0.0
    for x, y in points:
        height = _PLOT_TOP_PX + _PLOT_HEIGHT_PX * (1 - y / y_most)
        path.append(f"{_PLOT_LEFT_PX + before * across_px:.1f},{height:.1f}")
        path.append(f"{_PLOT_LEFT_PX + x * across_px:.1f},{height:.1f}")
        before = x
    drawn = [f'<polyline class="line" points="{" ".join(path)}"/>'] if path else []
    return _plot(drawn, x_most=x_most, y_most=y_most, title=title, x_unit=x_unit, y_unit=y_unit)


def _plot(
    parts: Sequence[str],
    *,
    x_most: float,
    y_most: float,
    title: str,
    x_unit: str = "",
    y_unit: str = "",
) -> Markup:
    bottom = _PLOT_TOP_PX + _PLOT_HEIGHT_PX
    right = _WIDTH_PX - _PLOT_RIGHT_PX
    frame = []
    for place in (0.0, 0.5, 1.0):
        y = bottom - place * _PLOT_HEIGHT_PX
        frame.append(f'<line class="rule" x1="{_PLOT_LEFT_PX}" y1="{y}" x2="{right}" y2="{y}"/>')
        unit = f" {y_unit}" if place == 1.0 and y_unit else ""
        frame.append(_text(_PLOT_LEFT_PX - 6, y + 4, _number(place * y_most), anchor="end"))
        if unit:
            frame.append(_text(_PLOT_LEFT_PX + 4, y + 12, unit.strip(), kind="quiet"))
        x = _PLOT_LEFT_PX + place * (right - _PLOT_LEFT_PX)
        words = _number(place * x_most) + (f" {x_unit}" if place == 1.0 and x_unit else "")
        anchor = {0.0: "start", 0.5: "middle", 1.0: "end"}[place]
        frame.append(_text(x, bottom + 16, words, anchor=anchor))
    return _svg([*frame, *parts], height_px=bottom + _AXIS_PX, title=title)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def _svg(parts: Sequence[str], *, height_px: float, title: str) -> Markup:
    head = (
        f'<svg viewBox="0 0 {_WIDTH_PX} {height_px:g}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
    )
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704  # every text in it is escaped
