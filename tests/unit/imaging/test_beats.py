"""Rows that beat like a heart, and what only looks like them."""

import cv2
import numpy as np
import pytest

from ecgbatch.imaging.beats import Beats, find_beats
from tests.factories_pages import Sheet, View, draw

SCALE = 4.0
SHAPE = (600, 800)


def beating(*, step_px: int, height_px: int, darkness: int = 255, rows: int = 3) -> np.ndarray:
    """Draw level lines that shoot up for a moment every ``step_px``."""
    ink = np.zeros(SHAPE, np.uint8)
    for y in range(150, 150 + 120 * rows, 120):
        points = [[60, y]]
        for x in range(80, 720, step_px):
            points += [[x, y], [x + 3, y - height_px], [x + 6, y + height_px // 3], [x + 8, y]]
        line = np.array([*points, [740, y]])
        cv2.polylines(ink, [line], isClosed=False, color=darkness, thickness=1)
    return ink


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "ink",
    [
        pytest.param(beating(step_px=60, height_px=8), id="2 mm high"),
        pytest.param(beating(step_px=200, height_px=12), id="a beat in 50 mm"),
        pytest.param(beating(step_px=60, height_px=30, darkness=40), id="faint"),
        pytest.param(beating(step_px=40, height_px=30, rows=1), id="one row"),
    ],
)
def test_rows_that_beat_are_seen_on_both_sides_of_a_page(ink, turned):
    lying = np.ascontiguousarray(np.rot90(ink)) if turned else ink
    beats, sideways = find_beats(lying, px_per_mm=SCALE)
    assert beats.are_enough
    assert sideways == turned


def cells() -> np.ndarray:
    ink = np.zeros(SHAPE, np.uint8)
    for y in range(100, 500, 40):
        cv2.line(ink, (60, y), (740, y), 255, 1)
    for x in range(60, 741, 85):
        cv2.line(ink, (x, 140), (x, 220), 255, 1)
    return ink


def words() -> np.ndarray:
    ink = np.zeros(SHAPE, np.uint8)
    for number, y in enumerate(range(80, 560, 24)):
        text = "the heart of the matter is illegible"[number % 7 :]
        cv2.putText(ink, text, (60, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    return ink


def curve() -> np.ndarray:
    ink = np.zeros(SHAPE, np.uint8)
    x = np.arange(60, 740)
    points = np.stack([x, 300 - 120 * np.sin(x / 150)], axis=1).astype(np.int32)
    cv2.polylines(ink, [points], isClosed=False, color=255, thickness=2)
    return ink


@pytest.mark.parametrize("ink", [cells(), words(), curve(), np.zeros(SHAPE, np.uint8)])
def test_tables_words_trends_and_bare_paper_do_not_beat(ink):
    assert not find_beats(ink, px_per_mm=SCALE)[0].are_enough


def test_lines_without_end_need_more_beats():
    assert Beats(in_rows=3, waves=0, wavy_lines=0, level_mm=300).are_enough
    assert not Beats(in_rows=3, waves=0, wavy_lines=0, level_mm=3000).are_enough
    assert not Beats(in_rows=0, waves=9, wavy_lines=2, level_mm=300).are_enough
    assert Beats(in_rows=0, waves=9, wavy_lines=3, level_mm=300).are_enough


def test_a_drawn_page_beats_once_per_complex_that_stands_alone():
    ink = 255 - draw(Sheet(grid_rgb=None), View(px_per_mm=(SCALE, SCALE))).pixels[..., 0]
    beats, sideways = find_beats(ink, px_per_mm=SCALE)
    assert not sideways
    assert beats.in_rows > 20
