"""Beats in rows: what every ECG shows, however low or fast it is, and whatever grid it lies on.

A trace is one thin line that runs level by itself, shoots up or down, and comes back to the same
level; the next rows do so, too, and each of them many times along one straight line. Letters have
no level line of their own, ruled lines do not shoot up, and a handwritten word does not return to
a straight line for the length of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.marks import Pieces, connected
from ecgbatch.imaging.masks import BoolArray, rare_long_runs
from ecgbatch.types import ByteArray, DoubleArray

_LEVELS = (80, 48, 32)
"""Darkness of ink, from the usual to the faintest: flanks of thin lines are paler than the rest."""
_SPECK_MM = 1.0
_RULE_MM = 30.0  # higher than the steepest complex runs straight
_STEEP_MM = 1.25  # of ink in one column: a line a third of that thick, which climbs
_ALONE_MM = (1.0, 1.5)  # above and below a line, where nothing else may be
_THREAD_MM = 2.5  # level for 0.1 s
_BEAT_MM = (1.5, 6.0)
"""Height from which on, and width up to which, steep ink is a complex: 0.15 mV, and 0.24 s."""
_TOUCH_MM = 1.0
_STEP_MM = 3.0  # from the level before a complex to that after it
_END_MM, _BESIDE_MM = 0.5, (0.5, 1.0)  # of an upright, where it may run into another line
_ROW_SLOPE = 0.06  # 3 degrees and what perspective leaves
_ROW_MM = 20.0
_ON_ROW_MM = 1.0
_MOST_PAIRS = 400
_WAVE_LAG_MM = 2.5
_WAVE_MM = 0.6
# Per 100 mm of level lines; a heart beats every 10 to 60 mm, a form has lines and few accidents.
# Chosen on 199 drawn ECGs and 79 other pages, see ``benchmarks/is_ecg.py``.
_FEW, _FEW_PER_100_MM = 3, 0.8
_SOME, _SOME_PER_100_MM = 5, 0.45
_AS_STORED = 1.5  # of the beats in rows, in columns: files have a side up for a reason
_WAVES, _WAVY_LINES = 5, 3


@dataclass(frozen=True, slots=True)
class Beats:
    """What was found of rows that beat.

    Attributes:
        in_rows: Complexes that stand on a straight row together with at least two others.
        waves: Bends of level lines that rise or fall by more than half a millimetre and come back.
        wavy_lines: How many level lines have such bends.
        level_mm: Length of all level lines.
    """

    in_rows: int
    waves: int
    wavy_lines: int
    level_mm: float

    def tell_more_than(self, upright: Beats) -> bool:
        """Say whether the page lies on its side, if these are what it shows there."""
        if self.are_enough != upright.are_enough:
            return self.are_enough
        return (self.in_rows, self.waves) > (_AS_STORED * upright.in_rows, upright.waves)

    @property
    def are_enough(self) -> bool:
        """Whether this is an ECG: enough of them for as much line as there is."""
        per_100_mm = 100 * self.in_rows / max(self.level_mm, 1.0)
        beating = (self.in_rows >= _FEW and per_100_mm >= _FEW_PER_100_MM) or (
            self.in_rows >= _SOME and per_100_mm >= _SOME_PER_100_MM
        )
        waves_per_100_mm = 100 * self.waves / max(self.level_mm, 1.0)
        return beating or (
            self.waves >= _WAVES
            and self.wavy_lines >= _WAVY_LINES
            and waves_per_100_mm >= _FEW_PER_100_MM
        )


def find_beats(ink: ByteArray, *, px_per_mm: float) -> tuple[Beats, bool]:
    """Look for beats in rows, on the page as it lies and on its side.

    Args:
        ink: ``(row, column)`` uint8 darkness, straight to the axes but for quarter turns.
        px_per_mm: Its scale; 4 is enough.

    Returns:
        The first that are enough, from usual ink to faint ink, or the last that were looked at;
        and whether they stand in the columns of the page rather than in its rows.
    """
    found, sideways = Beats(0, 0, 0, 0.0), False
    for level in _LEVELS:
        inked = _without_specks(ink > level, px_per_mm=px_per_mm)
        found = _beats(inked, px_per_mm=px_per_mm)
        turned = _beats(np.ascontiguousarray(np.rot90(inked)), px_per_mm=px_per_mm)
        sideways = turned.tell_more_than(found)
        found = turned if sideways else found
        if found.are_enough:
            break
    return found, sideways


def _without_specks(inked: BoolArray, *, px_per_mm: float) -> BoolArray:
    joined = cv2.morphologyEx(inked.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    pieces = connected(joined.view(np.bool_))
    sides = np.maximum(pieces.right - pieces.left, pieces.bottom - pieces.top)
    large = sides >= _SPECK_MM * px_per_mm
    large[0] = False
    return np.asarray(inked & pieces.of(large))


def _beats(inked: BoolArray, *, px_per_mm: float) -> Beats:
    rules = rare_long_runs(inked, length_px=round(_RULE_MM * px_per_mm), axis=0)
    beside = cv2.dilate(rules.view(np.uint8), np.ones((1, 3), np.uint8)).view(np.bool_)
    inked = inked & ~beside
    steep = cv2.morphologyEx(
        inked.view(np.uint8), cv2.MORPH_OPEN, np.ones((round(_STEEP_MM * px_per_mm), 1), np.uint8)
    )
    threads = _threads(inked, inked & ~steep.view(np.bool_), px_per_mm=px_per_mm)
    near = cv2.morphologyEx(steep, cv2.MORPH_CLOSE, np.ones((1, 3), np.uint8))
    places = _complexes(inked, connected(near.view(np.bool_)), threads, px_per_mm=px_per_mm)
    waves, wavy = _waves(threads, px_per_mm=px_per_mm)
    return Beats(
        in_rows=_on_rows(places / px_per_mm),
        waves=waves,
        wavy_lines=wavy,
        level_mm=float((threads.right - threads.left).sum() / px_per_mm),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Threads:
    """Stretches of line with bare paper above and below.

    Attributes:
        pieces: Of which they are some.
        numbers: Their numbers among these.
        left, right: First column, and one past the last.
        left_y, right_y: Mean row of both ends.
    """

    pieces: Pieces
    numbers: npt.NDArray[np.intp]
    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    left_y: DoubleArray
    right_y: DoubleArray


def _threads(inked: BoolArray, thin: BoolArray, *, px_per_mm: float) -> _Threads:
    near, far = (round(reach * px_per_mm) for reach in _ALONE_MM)
    reach = np.zeros((2 * far + 1, 1), np.uint8)
    reach[: far - near + 1] = 1
    crowded = cv2.dilate(inked.view(np.uint8), reach) | cv2.dilate(
        inked.view(np.uint8), np.ascontiguousarray(reach[::-1])
    )
    lone = (thin & ~crowded.view(np.bool_)).view(np.uint8)
    lone = cv2.morphologyEx(lone, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    pieces = connected(lone.view(np.bool_))
    width, height = pieces.right - pieces.left, pieces.bottom - pieces.top
    level = (width >= _THREAD_MM * px_per_mm) & (height <= np.maximum(width / 2, px_per_mm))
    level[0] = False
    numbers = np.flatnonzero(level)
    row, column = np.divmod(pieces.pixels, pieces.shape[1])
    ends = []
    for at_end in (
        column - pieces.left[pieces.labels] <= 1,
        pieces.right[pieces.labels] - 1 - column <= 1,
    ):
        of = pieces.labels[at_end]
        count = np.bincount(of, minlength=width.size)
        total = np.bincount(of, weights=row[at_end], minlength=width.size)
        ends.append((total / np.maximum(count, 1))[numbers])
    return _Threads(pieces, numbers, pieces.left[numbers], pieces.right[numbers], *ends)


def _complexes(
    inked: BoolArray, steep: Pieces, threads: _Threads, *, px_per_mm: float
) -> DoubleArray:
    """Find where steep ink ties two level lines of one row together.

    Returns:
        ``(complex, 2)``: column, and row of the level lines.
    """
    touch = _TOUCH_MM * px_per_mm
    width, height = steep.right - steep.left, steep.bottom - steep.top
    least, widest = (side * px_per_mm for side in _BEAT_MM)
    found = []
    likely = (height >= least) & (width <= widest)
    likely[0] = False
    for number in np.flatnonzero(likely):
        top, bottom = steep.top[number] - touch, steep.bottom[number] + touch
        before = threads.right_y[np.abs(threads.right - steep.left[number]) <= touch]
        after = threads.left_y[np.abs(threads.left - steep.right[number]) <= touch]
        before = before[(before > top) & (before < bottom)]
        after = after[(after > top) & (after < bottom)]
        pairs = np.abs(np.subtract.outer(before, after)) <= _STEP_MM * px_per_mm
        if not pairs.any():
            continue
        level = float(np.concatenate([before, after]).mean())
        ends = steep.top[number], steep.bottom[number] - 1
        far = max(ends, key=lambda end: abs(end - level))
        sides = int(steep.left[number]), int(steep.right[number])
        if not _ends_at_a_line(inked, int(far), sides, px_per_mm=px_per_mm):
            found.append(((steep.left[number] + steep.right[number]) / 2, level))
    return np.array(found, np.float64).reshape(-1, 2)


def _ends_at_a_line(
    inked: BoolArray, end: int, sides: tuple[int, int], *, px_per_mm: float
) -> bool:
    """Say whether ink goes on to both sides of an upright's end, as at the sides of cells."""
    reach = round(_END_MM * px_per_mm)
    rows = inked[max(0, end - reach) : end + reach + 1]
    near, far = (round(side * px_per_mm) for side in _BESIDE_MM)
    before = rows[:, max(0, sides[0] - far) : max(0, sides[0] - near)]
    after = rows[:, sides[1] + near : sides[1] + far]
    return bool(before.all(axis=1).any() and after.all(axis=1).any())


def _on_rows(places_mm: DoubleArray) -> int:
    """Count the complexes that lie three or more on one straight row, the fullest rows first."""
    count = 0
    while len(places_mm) >= _FEW:
        ahead = places_mm[None, :, 0] - places_mm[:, None, 0]
        fall = places_mm[None, :, 1] - places_mm[:, None, 1]
        first, second = np.nonzero((ahead >= _ROW_MM) & (np.abs(fall) <= _ROW_SLOPE * ahead))
        every = max(1, len(first) // _MOST_PAIRS)
        first, second = first[::every], second[::every]
        slope = fall[first, second] / ahead[first, second]
        line = places_mm[first, 1][:, None] + slope[:, None] * ahead[first]
        on = np.abs(line - places_mm[None, :, 1]) <= _ON_ROW_MM
        if not on.size or on.sum(axis=1).max() < _FEW:
            break
        best = on[int(on.sum(axis=1).argmax())]
        count += int(best.sum())
        places_mm = places_mm[~best]
    return count


def _waves(threads: _Threads, *, px_per_mm: float) -> tuple[int, int]:
    """Count bends of level lines, and the lines that have any."""
    lag = round(_WAVE_LAG_MM * px_per_mm)
    waves = lines = 0
    for number in threads.numbers[threads.right - threads.left > 2 * lag]:
        first, last = threads.pieces.edges(int(number))
        middle = (first + last) / 2.0
        bend = middle[lag:-lag] - (middle[: -2 * lag] + middle[2 * lag :]) / 2
        high = np.concatenate([[False], np.abs(bend) > _WAVE_MM * px_per_mm]).view(np.int8)
        starts = int(np.count_nonzero(np.diff(high) == 1))
        waves += starts
        lines += starts > 0
    return waves, lines
