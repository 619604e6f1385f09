import numpy as np
import pytest

from ecgbatch.imaging.tiles import cut_tiles


@pytest.fixture(scope="module")
def tiles():
    page = np.random.default_rng(0).integers(100, 156, (400, 500)).astype(np.uint8)
    return page, cut_tiles(page, size_px=96)


def test_the_spectrum_of_a_tile_is_that_of_its_pixels_below_a_window(tiles):
    page, found = tiles
    window = np.hanning(97)[:-1]
    left, top = (found.centre_px[0] - 48).astype(int)
    tile = page[top : top + 96, left : left + 96] * np.outer(window, window)
    expected = np.fft.rfft2(tile)
    assert found.spectrum[0] == pytest.approx(expected, abs=2e-6 * np.abs(expected).max())


def test_bins_of_either_sign_are_conjugates(tiles):
    _, found = tiles
    ky, kx = np.array([[5, -7, 0, 12]]), np.array([[3, 9, 11, 0]])
    assert found.at(-ky, -kx) == pytest.approx(found.at(ky, kx).conj(), rel=1e-4, abs=1e-2)


def test_tiles_that_stray_stay_on_the_page_and_leave_their_rows(tiles):
    page, straight = tiles
    strayed = cut_tiles(page, size_px=96, strayed=True)
    assert len(strayed.centre_px) == len(straight.centre_px)
    assert (strayed.centre_px >= 48).all()
    assert (strayed.centre_px <= np.array([500, 400]) - 48).all()
    assert len(np.unique(strayed.centre_px[:, 1])) > 2 * len(np.unique(straight.centre_px[:, 1]))
