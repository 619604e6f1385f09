"""A record's traces alone, as a cart would lay them out: no paper, no grid, no letters.

It takes milliseconds, so that a network may see others in every step of its training.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ecgbatch.synth.layouts import Layout
from ecgbatch.synth.plan import Slot, plan_page
from ecgbatch.synth.style import Style
from ecgbatch.types import ByteArray, FloatArray

_SHIFT = 4  # OpenCV counts in sixteenths of a pixel


def draw_traces(
    signals_mv: Mapping[str, FloatArray],
    *,
    fs_hz: float,
    layout: Layout,
    style: Style,
    px_per_mm: float,
    rng: np.random.Generator,
) -> tuple[ByteArray, list[tuple[Slot, float, float]]]:
    """Draw traces, black on white.

    Args:
        signals_mv: Lead name to ``(sample,)`` in millivolts.
        fs_hz: Samples per second.
        layout: Which lead stands where.
        style: Of which scales, margins and the line's width count.
        px_per_mm: Scale of what is drawn.
        rng: Of where pre-printed paper happens to lie.

    Returns:
        ``(row, column)`` uint8, and each lead with the left and the right end of its trace.

    Raises:
        ConfigError: The page does not hold the layout.
    """
    plan = plan_page(layout, style, dpi=25.4 * px_per_mm, rng=rng)
    pixels = np.full((plan.height_px, plan.width_px), 255, np.uint8)
    thick = max(1, round(style.line_width_mm * px_per_mm))
    drawn = []
    for slot in plan.slots:
        first = round(slot.start_s * fs_hz)
        stop = round((slot.start_s + slot.duration_s) * fs_hz)
        values = signals_mv[slot.lead][first:stop].astype(np.float64)
        gain = style.gain_of(slot.lead) * (-1.0 if slot.printed_name.startswith("-") else 1.0)
        x = slot.left_px + np.arange(len(values)) / fs_hz * style.speed_mm_per_s * px_per_mm
        y = slot.baseline_px - values * gain * px_per_mm
        points = np.rint(2**_SHIFT * np.stack([x, y], axis=1)).astype(np.int32)
        cv2.polylines(pixels, [points], False, 0, thick, cv2.LINE_AA, _SHIFT)
        drawn.append((slot, float(x[0]), float(x[-1])))
    return pixels, drawn
