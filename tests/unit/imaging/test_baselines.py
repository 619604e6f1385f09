"""Rows of a page, where their lines are unlike each other."""

import numpy as np
import pytest

from ecgbatch.imaging.baselines import find_baselines

SCALE = 5.0
PITCH = 40
ROWS = [100 + PITCH * k for k in range(12)]


def lines(*, thickness=None, wander=None) -> np.ndarray:
    """Draw twelve level lines, two pixels thick, 240 mm long; some thicker, some wandering."""
    thickness, wander = thickness or {}, wander or {}
    level = np.zeros((640, 1300), np.bool_)
    x = np.arange(50, 1250)
    for number, y in enumerate(ROWS):
        thick = thickness.get(number, 2)
        middle = y + wander.get(number, 0.0) * np.sin(x / 190)
        for step in range(thick):
            level[np.round(middle).astype(int) + step - thick // 2, x] = True
    return level


def found(level: np.ndarray) -> list[float]:
    return [row.y_px for row in find_baselines(level, level, px_per_mm=SCALE)]


def test_bare_rows_are_rows_beside_others_that_tremble():
    rows = found(lines(thickness=dict.fromkeys(range(7), 6)))
    assert rows == pytest.approx(ROWS, abs=2)


def test_the_rest_of_a_grid_is_thinner_than_any_row():
    level = lines(thickness=dict.fromkeys(range(12), 3))
    level[600, 50:1250] = True
    assert found(level) == pytest.approx(ROWS, abs=2)


def test_a_row_that_wanders_is_found_between_its_neighbours():
    rows = found(lines(wander={10: 19.0}))
    assert len(rows) == 12
    assert rows[10] == pytest.approx(ROWS[10], abs=PITCH / 3)
    assert rows[:10] == pytest.approx(ROWS[:10], abs=2)
