"""Where ink alone leaves no question, and where it does."""

from itertools import pairwise

import numpy as np
import pytest

from ecgbatch.imaging.doubt import pieces
from ecgbatch.imaging.trace import trace_leads
from tests.factories_ink import beats_mv, draw_ink, region

PX_PER_MM = 10.0


def page(*, pen_px=2.6, others=()):
    mv = beats_mv(1200)
    line = (np.arange(1200) / 2, 150 - 100 * mv)
    return draw_ink([line, *others], shape=(300, 600), width_px=pen_px)


def doubtful(ink):
    """Columns of the only lead in which there is a question; its ends aside."""
    (trace,) = trace_leads(ink, [region()], px_per_mm=PX_PER_MM)
    columns = np.floor(trace.x0_px + np.flatnonzero(trace.doubt_mm) * trace.step_px)
    return columns[(columns > 3) & (columns < 595)]


@pytest.mark.parametrize("pen_px", [1.3, 2.6, 4.0])
def test_a_line_by_itself_is_no_question_not_even_at_its_peaks(pen_px):
    assert doubtful(page(pen_px=pen_px)).size == 0


def test_missing_ink_is_a_question():
    ink = page()
    ink[:, 300:306] = 0
    columns = doubtful(ink)
    assert {300, 305} <= set(columns.tolist())
    assert columns.min() > 290
    assert columns.max() < 316


def test_a_blot_on_the_line_is_a_question():
    ink = page()
    ink[140:165, 200:240] = 255  # over the flat part between two beats
    columns = doubtful(ink)
    assert set(range(205, 235)) <= set(columns.tolist())


def test_a_line_that_crosses_is_a_question_where_it_comes_near():
    other = (np.array([380.0, 480.0]), np.array([60.0, 240.0]))
    columns = doubtful(page(others=[other]))
    assert columns.size > 0
    assert columns.min() > 380
    assert columns.max() < 480


def test_pieces_that_stand_close_are_one_and_everything_doubtful_lies_in_some():
    rng = np.random.default_rng(1)
    doubt = (rng.random(4000) < 0.002).astype(np.float32)
    found = pieces(doubt, per_px=4, beside_px=30, apart_px=128)
    for place in np.flatnonzero(doubt) / 4:
        assert any(first + 29 <= place <= last - 29 for first, last in found)
    gaps = [after[0] - before[1] for before, after in pairwise(found)]
    assert all(gap >= 128 for gap in gaps)
    assert pieces(np.zeros(40, np.float32), per_px=4, beside_px=30, apart_px=128) == []
