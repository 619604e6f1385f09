"""The usual beat of each lead."""

import numpy as np

from ecgbatch.signal.measure import measure
from ecgbatch.signal.shapes import SHAPE_HZ, SHAPE_SAMPLES, shapes_of
from ecgbatch.types import LEADS
from tests.factories_hearts import columns, full, heart


def test_a_usual_beat_has_its_complex_in_the_middle_and_counts_from_the_level_before_it():
    shapes = shapes_of(measure(full(heart(1))))
    assert shapes.shape == (12, SHAPE_SAMPLES)
    second = shapes[1]
    assert abs(int(np.abs(second).argmax()) - int(0.3 * SHAPE_HZ)) <= 3
    assert abs(float(np.median(second[22:26]))) < 20
    assert second.max() > 400


def test_columns_show_the_same_beats_as_whole_leads():
    record = heart(2)
    whole, printed = (shapes_of(measure(leads(record))) for leads in (full, columns))
    middle = slice(20, 60)
    for place, name in enumerate(LEADS):
        error = np.nanmedian(np.abs(whole[place, middle] - printed[place, middle]))
        assert error < 40, name


def test_what_is_not_shown_is_missing():
    some = shapes_of(measure(full(heart(1), names=("II", "V2"))))
    shown = np.isfinite(some).any(axis=1)
    assert [name for name, there in zip(LEADS, shown, strict=True) if there] == ["II", "V2"]
    assert np.isnan(shapes_of(measure([]))).all()
