"""Damage drawn at random, and the steps of printers and apps that it is made of."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage import Step, damaged, drawn_profile, profile_names
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from ecgbatch.types import LEADS


def page_of(name="pink_letter", **changes):
    leads = {lead: np.zeros(5000) for lead in LEADS}
    return render(leads, fs_hz=500.0, layout=layout("12x1"), style=style(name, **changes), dpi=100)


def after(do, page, **parameters):
    return Step(do, 1.0, parameters)(page, np.random.default_rng(5))


def test_drawn_damage_is_mostly_mild_and_sometimes_everything():
    rng = np.random.default_rng(1)
    names = [drawn_profile(rng, turned=True).name for _ in range(2000)]
    parts = Counter(part for name in names for part in name.split("+"))
    assert set(parts) == set(profile_names()) - {"extensive", "mouldy_bitonal"}
    assert 0.02 < parts["clean"] / len(names) < 0.2
    assert max(name.count("+") for name in names) >= 3


def test_pages_stand_upright_unless_asked_otherwise():
    rng = np.random.default_rng(1)
    assert not any("turned" in drawn_profile(rng).name for _ in range(500))


def test_drawn_damage_can_be_applied():
    page = page_of()
    for seed in range(12):
        profile = drawn_profile(np.random.default_rng(seed))
        result = damaged(page, profile=profile, seed=seed)
        assert result.pixels.shape[:2] == (result.truth.height_px, result.truth.width_px)


def test_a_laser_printer_breaks_grey_lines_and_keeps_black_ones():
    page = page_of("grey_a4", header="none", footer="none")
    printed = after("halftoned", page, lines_per_mm=3.0, softness=0.0)
    left, top, right, _ = page.truth.grid_box_px
    assert left < 200 < right
    line = round(page.truth.regions[0].baseline_px[0, 1])
    assert printed.pixels[line, 300:600].mean() < 40
    # A grey line of the grid, beside the traces: dashes of black and white whose mean is its grey.
    before = page.pixels[top:line, 300:800, 0].mean(axis=1)
    row = top + int(before[:-8].argmin())
    grey, dashes = (each.pixels[row, 300:800, 0].astype(float) for each in (page, printed))
    assert dashes.std() > 2 * grey.std()
    assert dashes.mean() == pytest.approx(grey.mean(), abs=25)


def test_photograph_mode_has_two_shades_and_keeps_the_light():
    page = page_of("grey_a4", header="none", footer="none")
    bits = after("dithered", page, dots_per_mm=40.0, contrast=1.0)
    assert set(np.unique(bits.pixels)) == {0, 255}
    assert 0.05 < (bits.pixels[20:60, 20:60] == 0).mean() < 0.25


def test_stretched_axes_are_not_alike():
    page = after("stretched", page_of(), across=1.05, down=0.97)
    before = page_of().truth
    ratio = page.truth.width_px / before.width_px, page.truth.height_px / before.height_px
    assert ratio == pytest.approx((1.05, 0.97), abs=0.002)
    line, was = page.truth.regions[3].polyline_px, before.regions[3].polyline_px
    assert np.ptp(line[:, 0]) / np.ptp(was[:, 0]) == pytest.approx(1.05, abs=1e-3)


def test_sharpening_leaves_halos_beside_ink():
    page = page_of("no_grid", header="none", footer="none", line_width_mm=0.8)
    grey = replace(page, pixels=(page.pixels // 2 + 60).astype(np.uint8))
    sharp = after("sharpened", grey, amount=1.5, radius_px=1.5)
    row = round(page.truth.regions[2].baseline_px[0, 1])
    column = sharp.pixels[row - 8 : row + 9, 500, 0].astype(int)
    assert column.max() > grey.pixels.max() + 5
    assert column.min() < grey.pixels.min()


def test_an_app_takes_the_light_out_of_a_photograph():
    page = page_of("no_grid", header="none", footer="none")
    dark = after("shaded", page, strength=0.6, angle_deg=0.0)
    white = after("whitened", dark, amount=1.0, reach_mm=6.0)
    row = slice(4, 20)
    assert np.ptp(dark.pixels[row].mean(axis=(0, 2))) > 100
    assert np.ptp(white.pixels[row].mean(axis=(0, 2))) < 12
    assert white.pixels[row].mean() > 235


def test_the_other_side_shines_through_mirrored():
    page = page_of("no_grid", footer="none")
    through = after("shone_through", page, strength=0.3)
    lost = page.pixels.astype(int) - through.pixels
    mirrored = 255 - page.pixels[:, ::-1].astype(int)
    blank = page.pixels.min(axis=2) == 255
    assert lost[blank].min() >= -1
    assert np.corrcoef(lost[blank].ravel(), mirrored[blank].ravel())[0, 1] > 0.8


def test_phones_leave_blotches_of_colour_and_keep_the_mean():
    page = page_of("grey_a4", header="none", footer="none")
    grey = replace(page, pixels=np.full_like(page.pixels, 128))
    pixels = after("speckled", grey, sigma=4.0).pixels.astype(float)
    assert abs(pixels.mean() - 128) < 1
    assert 2 < pixels.std() < 6
    assert abs(np.corrcoef(pixels[..., 0].ravel(), pixels[..., 2].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("do", "parameters"),
    [
        ("labelled", {"count": 6, "width_mm": 80.0}),
        ("held", {"fingers": 8, "reach_mm": 90.0, "rgb": [220, 170, 140]}),
    ],
)
def test_what_lies_on_the_page_hides_ink_from_the_truth_and_only_there(do, parameters):
    page = page_of("no_grid", header="none", footer="none", line_width_mm=0.6)
    after_it = after(do, page, **parameters)
    hidden = 0
    for region, before in zip(after_it.truth.regions, page.truth.regions, strict=True):
        lost = np.isnan(region.polyline_px[:, 1])
        hidden += lost.sum()
        x, y = np.rint(before.polyline_px).astype(int).T
        changed = np.abs(after_it.pixels[y, x].astype(int) - page.pixels[y, x]).max(axis=1) > 60
        assert lost.sum() < 50 or changed[lost].mean() > 0.5  # bars are as dark as ink
        assert changed[~lost].mean() < 0.05
    assert hidden > 200


def test_clear_tape_hides_nothing_and_yellows_corners():
    page = page_of("no_grid", header="none", footer="none")
    mended = after("taped", page, strips=12, width_mm=19.0)
    assert mended.truth is page.truth
    yellow = mended.pixels[..., 0].astype(int) - mended.pixels[..., 2] > 10
    assert 0.005 < yellow.mean() < 0.2


@pytest.mark.parametrize(
    ("do", "parameters", "words"),
    [
        ("halftoned", {"lines_per_mm": 0.1, "softness": 0.0}, "lines_per_mm"),
        ("dithered", {"dots_per_mm": 8.0, "contrast": 9.0}, "contrast"),
        ("stretched", {"across": 9.0}, "across"),
        ("whitened", {"amount": 2.0, "reach_mm": 5.0}, "amount"),
        ("sharpened", {"amount": 1.0, "radius_px": 0.0}, "radius_px"),
        ("shone_through", {"strength": 1.5}, "strength"),
        ("speckled", {"sigma": -1.0}, "sigma"),
        ("labelled", {"count": 99, "width_mm": 50.0}, "count"),
        ("held", {"fingers": 99, "reach_mm": 9.0, "rgb": (1, 2, 3)}, "fingers"),
        ("taped", {"strips": 1, "width_mm": 0.1}, "width_mm"),
    ],
)
def test_impossible_parameters_are_refused_by_name(do, parameters, words):
    with pytest.raises(ConfigError, match=words):
        after(do, page_of(), **parameters)
