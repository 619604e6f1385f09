"""What a network is shown of a page."""

import numpy as np

from ecgbatch.imaging.windows import cut, cut_window, page_planes
from ecgbatch.types import Region


def region(*, left, right, baseline, top=None, bottom=None) -> Region:
    top = baseline - 100 if top is None else top
    bottom = baseline + 100 if bottom is None else bottom
    return Region("I", "strip", "read", left, top, right, bottom, baseline, 0.0)


def test_a_window_beyond_the_page_shows_bare_paper_there():
    plane = np.full((20, 30), 9, np.uint8)
    window = cut(plane, top=-5, left=25, shape=(12, 10))
    assert (window[5:, :5] == 9).all()
    assert window.sum() == 9 * 7 * 5
    assert not cut(plane, top=100, left=0, shape=(4, 4)).any()


def test_the_own_zero_line_comes_first_and_rows_beside_it_follow():
    regions = [
        region(left=100, right=300, baseline=200),
        region(left=300, right=500, baseline=205),  # the same row goes on
        region(left=100, right=300, baseline=420),
        region(left=120, right=500, baseline=640),
        region(left=400, right=500, baseline=50),  # nowhere beside it
    ]
    planes = np.zeros((2, 800, 600), np.uint8)
    window = cut_window(
        planes, 0, regions, columns=(70, 330), px_per_mm=10, height_px=512, align_px=64
    )
    assert window.planes.shape == (2, 512, 320)
    assert (window.left_px, window.top_px) == (70, 200 - 256)
    assert [zero + window.top_px for zero in window.baselines_px] == [200, 420, 640]


def test_a_lead_without_a_known_zero_line_is_looked_for_in_the_middle_of_its_box():
    unknown = region(left=0, right=64, baseline=np.nan, top=100, bottom=300)
    planes = np.zeros((2, 400, 100), np.uint8)
    window = cut_window(
        planes, 0, [unknown], columns=(0, 64), px_per_mm=10, height_px=512, align_px=64
    )
    assert window.top_px + window.baselines_px[0] == 200


def test_faint_ink_in_a_shadow_is_as_dark_as_full_ink_in_the_light():
    def darkness(ink_level):
        page = np.full((300, 600), 240.0)
        page *= np.linspace(1.0, 0.5, 600)  # a shadow falls over the right half
        page[150:153] *= ink_level
        ink = np.zeros((300, 600), np.uint8)
        ink[150:153] = 255
        return page_planes(page.astype(np.uint8), ink, px_per_mm=10)[0]

    full, faint = darkness(0.2), darkness(0.7)
    assert abs(int(full[151, 60]) - int(faint[151, 60])) < 12
    assert abs(int(full[151, 60]) - int(full[151, 540])) < 12
    assert full[100].max() < 20
