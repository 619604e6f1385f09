import numpy as np
import pytest

from ecgbatch.imaging.ranks import levels_at, median, thinned


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_the_median_is_that_of_numpy(count):
    values = np.random.default_rng(count).normal(size=count)
    assert median(values) == pytest.approx(np.median(values))


def test_a_percentile_of_levels_is_one_of_them_and_has_as_many_below():
    levels = np.random.default_rng(0).integers(0, 256, (40, 50)).astype(np.uint8)
    wanted = np.percentile(levels, (0, 0.2, 50, 90, 100), method="lower")
    assert levels_at(levels, (0, 0.2, 50, 90, 100)) == pytest.approx(wanted)


@pytest.mark.parametrize("shape", [(41, 50), (41, 50, 3)])
def test_a_thinned_page_shows_every_part_of_a_page(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    few = thinned(pixels, 4)
    assert few.shape == (11, 13, *shape[2:])
    np.testing.assert_array_equal(few[0, 0], pixels[0, 0])
    assert abs(float(few.mean()) - float(pixels.mean())) < 12.0  # of 143 pixels drawn evenly
