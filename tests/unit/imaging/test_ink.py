import cv2
import numpy as np
import pytest

from ecgbatch.imaging.ink import find_ink

PX_PER_MM = 10.0
ROWS, COLUMNS = 600, 1200


def paper(shade=240):
    return np.full((ROWS, COLUMNS), float(shade))


def wave(y=300.0, height=80.0):
    x = np.arange(COLUMNS)
    return x, y - height * np.exp(-(((x % 300) - 150) ** 2) / (2 * 12.0**2))


def draw(page, x, y, *, ink=20.0, width=3.0):
    """Ink pixels by their share, as an ideal pen and scanner would."""
    share = np.zeros(page.shape, np.uint8)
    points = np.rint(np.stack([x, y], axis=1) * 16).astype(np.int32)
    cv2.polylines(
        share,
        [points],
        isClosed=False,
        color=255,
        thickness=round(width),
        shift=4,
        lineType=cv2.LINE_AA,
    )
    part = share / 255
    return page * (1 - part) + ink * part, share


def as_page(page, noise=0.0):
    noisy = page + np.random.default_rng(0).normal(0, noise, page.shape) if noise else page
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def lined(page, *, shade, dotted=False):
    page = page.copy()
    if dotted:
        page[::10, ::10] = shade
        page[::10, 1::10] = shade
        return page
    for k in range(0, max(page.shape), 10):
        width = 2 if k % 50 == 0 else 1
        if k < page.shape[0]:
            page[k : k + width] = np.minimum(page[k : k + width], shade)
        if k < page.shape[1]:
            page[:, k : k + width] = np.minimum(page[:, k : k + width], shade)
    return page


def test_the_share_of_ink_in_a_pixel_is_kept_at_the_edges_of_a_line():
    page, share = draw(paper(), *wave())

    ink = find_ink(as_page(page), px_per_mm=PX_PER_MM)

    edges = (share > 30) & (share < 225)
    assert edges.sum() > 1000
    assert np.abs(ink[edges].astype(float) - share[edges]).mean() < 6


def test_faint_ink_is_as_dark_as_strong_ink():
    page, share = draw(paper(), *wave(), ink=170.0)

    ink = find_ink(as_page(page), px_per_mm=PX_PER_MM)

    assert np.median(ink[share == 255]) > 245


def test_a_shadow_is_not_ink_and_ink_in_it_is():
    page, share = draw(paper(), *wave())
    page *= np.linspace(1.0, 0.45, COLUMNS)

    ink = find_ink(as_page(page), px_per_mm=PX_PER_MM)

    assert np.percentile(ink[share == 0], 99.9) < 20
    assert np.median(ink[:, 900:][share[:, 900:] == 255]) > 230


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("shade", [200, 110])
def test_a_grey_grid_goes_and_the_trace_stays(shade, dotted):
    page, share = draw(lined(paper(), shade=shade, dotted=dotted), *wave(304.0))

    ink = find_ink(as_page(page, noise=2), px_per_mm=PX_PER_MM)

    far = cv2.dilate(share, np.ones((9, 9), np.uint8)) == 0
    assert (ink[far] > 96).mean() < 0.002
    assert (ink[share == 255] > 96).mean() > 0.97


def test_a_baseline_that_runs_along_a_grid_line_is_kept():
    x = np.arange(COLUMNS)
    page, share = draw(lined(paper(), shade=150), x, np.full(COLUMNS, 300.5), width=3)

    ink = find_ink(as_page(page), px_per_mm=PX_PER_MM)

    assert (ink[share == 255] > 96).mean() > 0.97


def test_a_page_of_two_levels_keeps_its_lines():
    page, _ = draw(paper(255), *wave(), ink=0.0)
    bilevel = np.where(as_page(page) < 128, 0, 255).astype(np.uint8)

    ink = find_ink(bilevel, px_per_mm=PX_PER_MM)

    assert np.array_equal(ink > 127, bilevel == 0)


def test_bare_paper_has_no_ink():
    ink = find_ink(as_page(paper(), noise=3), px_per_mm=PX_PER_MM)

    assert (ink > 127).mean() < 1e-3
