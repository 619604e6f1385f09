"""Ink images with a known centre line, for tests of tracing."""

from __future__ import annotations

import cv2
import numpy as np

from ecgbatch.types import ByteArray, DoubleArray, Region

FINE = 8  # sub-pixels per pixel while drawing


def draw_ink(
    lines: list[tuple[DoubleArray, DoubleArray]], *, shape: tuple[int, int], width_px: float
) -> ByteArray:
    """Draw polylines with a round pen; a pixel is as dark as the share of it that is inked."""
    fine = np.zeros((shape[0] * FINE, shape[1] * FINE), np.uint8)
    for x_px, y_px in lines:
        points = np.stack([(x_px + 0.5) * FINE - 0.5, (y_px + 0.5) * FINE - 0.5], axis=1)
        cv2.polylines(
            fine,
            [np.round(points * 16).astype(np.int32)],
            isClosed=False,
            color=255,
            thickness=round(width_px * FINE),
            shift=4,
        )
    return cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA)


def beats_mv(count: int, *, fs_hz: float = 500.0, period_s: float = 0.8) -> DoubleArray:
    """One lead of plain beats: P 0.15, R 1.2, S -0.3 and T 0.3 mV."""
    t = np.arange(count) / fs_hz % period_s
    waves = [(0.12, 0.15, 0.02), (0.28, 1.2, 0.011), (0.31, -0.3, 0.012), (0.52, 0.3, 0.045)]
    return sum(peak * np.exp(-0.5 * ((t - at) / width) ** 2) for at, peak, width in waves)


def region(lead: str = "II", **changes: float | str) -> Region:
    """A region of a page at 10 px/mm; every default is a healthy strip."""
    values: dict[str, float | str] = {
        "lead": lead,
        "role": "strip",
        "name_source": "read",
        "left_px": 0,
        "top_px": 0,
        "right_px": 600,
        "bottom_px": 300,
        "baseline_px": 150,
        "t0_ms": 0.0,
    }
    return Region(**(values | changes))
