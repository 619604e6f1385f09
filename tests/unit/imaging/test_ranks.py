import numpy as np
import pytest

from ecgbatch.imaging.ranks import levels_at, median


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_the_median_is_that_of_numpy(count):
    values = np.random.default_rng(count).normal(size=count)
    assert median(values) == pytest.approx(np.median(values))


def test_a_percentile_of_levels_is_one_of_them_and_has_as_many_below():
    levels = np.random.default_rng(0).integers(0, 256, (40, 50)).astype(np.uint8)
    wanted = np.percentile(levels, (0, 0.2, 50, 90, 100), method="lower")
    assert levels_at(levels, (0, 0.2, 50, 90, 100)) == pytest.approx(wanted)
