"""Rows and columns by names alone, where the starts and ends of traces were hardly seen."""

import numpy as np
import pytest

from ecgbatch.imaging.named_table import rows_by_names
from ecgbatch.types import LEADS, Findings

MM = 10.0
CELL = 20.0
LEFT, WIDTH, PITCH = 300.0, 600.0, 250.0
STANDARD = [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"]]
NOTHING = np.zeros((0, 3))


def seen(rows, *, starts=(), ends=()):
    """Faint zero lines, and next to no ends."""
    shape = (100, 150)
    row = np.zeros(shape, np.float32)
    for y in rows:
        row[int(y / CELL), int(LEFT / CELL) : int((LEFT + 4 * WIDTH) / CELL)] = 0.3
    flat = np.zeros(shape, np.float32)
    points = [np.array(each, float).reshape(-1, 3) for each in (starts, ends)]
    boxes = np.zeros((0, 5))
    return Findings(
        *points, boxes, boxes, boxes, row, flat, flat + 80, flat + 40, flat, flat, CELL,
        1.0, (1.0, 0.0, 0.0, 0.0), 0.0,
    )  # fmt: skip


def named(table, *, rhythm=(), without=(), likely=0.9):
    """Names 6 mm above zero lines and 1 mm into their columns."""
    boxes, read = [], []
    for row, leads in enumerate([*table, *([lead] for lead in rhythm)]):
        for column, lead in enumerate(leads):
            if lead in without:
                continue
            x, y = LEFT + 10 + column * WIDTH, zero(row) - 60
            boxes.append((x, y - 12, x + 30, y + 12, likely))
            read.append(dict.fromkeys((*LEADS, ""), 0.001) | {lead: 0.98})
    return np.array(boxes).reshape(-1, 5), tuple(read)


def zero(row):
    return 410.0 + PITCH * row


def rows_of(names, findings):
    return rows_by_names(findings, *names, px_per_mm=MM)


def test_a_table_of_names_tells_rows_and_columns_without_any_start_or_end():
    found = rows_of(named(STANDARD), seen([zero(row) for row in range(3)]))
    assert [len(row) for row in found] == [4, 4, 4]
    for number, row in enumerate(found):
        for column, strip in enumerate(row):
            assert strip.left_px == pytest.approx(LEFT + column * WIDTH, abs=15)
            assert strip.right_px == pytest.approx(LEFT + (column + 1) * WIDTH, abs=15)
            assert strip.left_zero_px == pytest.approx(zero(number), abs=CELL)


def test_starts_and_ends_that_were_seen_tell_how_far_traces_are_from_their_names():
    starts = [(LEFT - 40 + WIDTH * column, zero(1), 0.3) for column in range(4)]
    ends = [(LEFT - 60 + 4 * WIDTH, zero(2), 0.3)]
    found = rows_of(named(STANDARD), seen(map(zero, range(3)), starts=starts, ends=ends))
    assert [strip.left_px for strip in found[0]] == [x for x, _, _ in starts]
    assert {row[-1].right_px for row in found} == {ends[0][0]}


def test_single_names_below_the_table_are_rhythm_rows():
    names = named(STANDARD, rhythm=["II", "V1"])
    found = rows_of(names, seen([zero(row) for row in range(5)]))
    assert [len(row) for row in found] == [4, 4, 4, 1, 1]
    assert found[-1][0].right_px == found[0][-1].right_px


def test_a_name_that_was_not_read_leaves_its_cell_in_place():
    found = rows_of(named(STANDARD, without={"aVL"}), seen([zero(row) for row in range(3)]))
    assert [len(row) for row in found] == [4, 4, 4]


@pytest.mark.parametrize(
    "names",
    [
        named(STANDARD[:1]),
        named([["I", "V1"], ["II", "V2"]]),
        named([["I"], ["II"], ["III"], ["aVR"], ["aVL"], ["aVF"], ["V1"]]),
        named([["I", "I", "I"], ["I", "I", "I"]]),
        named(STANDARD, likely=0.4),
        named(STANDARD, without={"I", "V5", "aVF", "V1"}),
    ],
    ids=["one row", "few", "one column", "one name", "hardly names", "gaps"],
)
def test_what_is_no_table_of_names_tells_nothing(names):
    assert rows_of(names, seen([zero(row) for row in range(3)])) == []


def test_names_beside_which_no_trace_runs_tell_nothing():
    assert rows_of(named(STANDARD), seen([])) == []


def test_names_between_rows_that_may_belong_to_either_tell_nothing():
    assert rows_of(named(STANDARD), seen([zero(row) - 180 for row in range(4)])) == []
