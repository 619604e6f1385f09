"""Every profile against ruler and eye: lines drawn on the page are found where the truth says."""

from functools import cache

import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage import (
    Step,
    damaged,
    drawn_profile,
    named_profile,
    profile_names,
    read_profiles,
)
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from ecgbatch.types import LEADS

LOOK = style("no_grid", pulse="none", name_place="none", ink_rgb=(0, 0, 0), line_width_mm=0.5)


@cache
def ruled_page():
    """Print a swinging line in every row, so that both directions are measured everywhere."""
    time_s = np.arange(5000) / 500
    signals = {lead: 300 * np.sin(2 * np.pi * time_s + number) for number, lead in enumerate(LEADS)}
    return render(signals, fs_hz=500.0, layout=layout("12x1"), style=LOOK, dpi=100)


def found_px(page):
    """Distance of the ink from each polyline, measured across it; NaN where there is none to see.

    Stains, grain and pen marks move the darkness of single places; whole stretches that lie beside
    their truth are drift. So each value is the median of nine neighbours.
    """
    dark = 255 - page.pixels.mean(axis=2)
    height, width = dark.shape
    reach = np.linspace(-5, 5, 101)
    stretches = []
    for region in page.truth.regions:
        line = region.polyline_px[::12]
        ahead = region.polyline_px[1::12][: len(line)] - line[: len(region.polyline_px[1::12])]
        line = line[: len(ahead)]
        across = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        x = line[:, :1] + across[:, :1] * reach
        y = line[:, 1:] + across[:, 1:] * reach
        with np.errstate(invalid="ignore"):
            inside = ((x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)).all(axis=1)
        x, y = np.where(inside[:, None], x, 5), np.where(inside[:, None], y, 5)
        column, row = np.floor(x).astype(int), np.floor(y).astype(int)
        fx, fy = x - column, y - row
        shade = (
            dark[row, column] * (1 - fx) * (1 - fy)
            + dark[row, column + 1] * fx * (1 - fy)
            + dark[row + 1, column] * (1 - fx) * fy
            + dark[row + 1, column + 1] * fx * fy
        )
        shade -= shade[:, :1] + (shade[:, -1:] - shade[:, :1]) * np.linspace(0, 1, 101)
        peak = shade.max(axis=1)
        shade = np.clip(shade - 0.35 * peak[:, None], 0, None)
        drift = (shade * reach).sum(axis=1) / np.maximum(shade.sum(axis=1), 1e-9)
        drift[~inside | (peak < 40)] = np.nan
        windows = np.lib.stride_tricks.sliding_window_view(drift, 9)
        known = np.isfinite(windows).sum(axis=1) >= 5
        stretch = np.full(len(windows), np.nan)
        stretch[known] = np.nanmedian(windows[known], axis=1)
        stretches.append(stretch)
    return np.concatenate(stretches)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("profile", profile_names())
def test_no_profile_lets_truth_drift_by_half_a_pixel(profile, seed):
    found = found_px(damaged(ruled_page(), profile=profile, seed=seed))
    seen = np.isfinite(found)
    assert seen.mean() > 0.9
    assert np.percentile(np.abs(found[seen]), 99) <= 0.5
    assert abs(np.median(found[seen])) < 0.05


@pytest.mark.parametrize("seed", range(12))
def test_no_drawn_chain_lets_truth_drift_by_half_a_pixel(seed):
    chain = drawn_profile(np.random.default_rng(seed), turned=True)
    found = found_px(damaged(ruled_page(), profile=chain, seed=seed))
    seen = np.isfinite(found)
    assert seen.mean() > 0.4
    assert np.percentile(np.abs(found[seen]), 99) <= 0.5


def test_a_shift_of_the_truth_would_be_found():
    page = damaged(ruled_page(), profile="phone_photo", seed=3)
    shift = np.array([[1.0, 0, 0.0], [0, 1, 0.8], [0, 0, 1]])
    height, width = page.pixels.shape[:2]
    wrong = type(page)(page.pixels, page.truth.moved(shift, width_px=width, height_px=height))
    found = found_px(wrong)
    assert np.percentile(np.abs(found[np.isfinite(found)]), 99) > 0.5


@pytest.mark.parametrize("profile", sorted(set(profile_names()) - {"clean"}))
def test_every_profile_leaves_its_mark(profile):
    page, before = damaged(ruled_page(), profile=profile, seed=1), ruled_page()
    assert page.pixels.dtype == np.uint8
    assert page.pixels.shape[:2] == (page.truth.height_px, page.truth.width_px)
    assert page.pixels.shape != before.pixels.shape or (page.pixels != before.pixels).any()


@pytest.mark.parametrize("profile", ["phone_photo", "torn", "extensive", "handwritten"])
def test_the_same_seed_gives_the_same_page(profile):
    first, second = (damaged(ruled_page(), profile=profile, seed=9) for _ in range(2))
    assert (first.pixels == second.pixels).all()
    assert first.truth.to_json(polylines=False) == second.truth.to_json(polylines=False)
    for one, other in zip(first.truth.regions, second.truth.regions, strict=True):
        assert np.array_equal(one.polyline_px, other.polyline_px, equal_nan=True)


def test_profiles_compose():
    page = damaged(ruled_page(), profile="turned+bitonal_scan", seed=2)
    assert set(np.unique(page.pixels)) == {0, 255}
    assert len(named_profile("turned+bitonal_scan").steps) == 9


def test_nobody_is_asked_to_find_ink_on_paper_that_is_gone():
    hole = Step("torn", 1.0, {"side": "right", "depth_mm": 60.0})
    page = hole(ruled_page(), np.random.default_rng(1))
    before = ruled_page().truth.regions
    for region, whole in zip(page.truth.regions, before, strict=True):
        assert np.isnan(region.polyline_px[-100:]).all()
        assert np.isfinite(region.polyline_px[:1500]).all()
        assert region.box_px[2] < whole.box_px[2] - 50


def test_a_name_on_a_missing_corner_is_missing():
    page = render(
        {lead: np.zeros(5000) for lead in LEADS},
        fs_hz=500.0,
        layout=layout("12x1"),
        style=style("pink_letter"),
        dpi=100,
    )
    tear = Step("torn", 1.0, {"side": "left", "depth_mm": 90.0})
    after = tear(page, np.random.default_rng(0)).truth
    assert all(region.name_box_px is not None for region in page.truth.regions)
    assert all(region.name_box_px is None for region in after.regions)
    assert len(after.texts) < len(page.truth.texts)


def test_holes_are_where_the_standard_puts_them():
    punch = Step("punched", 1.0, {"count": 2, "side": "left", "rgb": [0, 0, 255]})
    page = punch(ruled_page(), np.random.default_rng(4))
    blue = page.pixels[..., 2] - page.pixels[..., 0].astype(int) > 127
    rows, columns = np.nonzero(blue)
    mm = 100 / 25.4
    upper = rows < rows.mean()
    assert abs(rows[~upper].mean() - rows[upper].mean() - 80 * mm) < 1
    assert abs(columns.mean() - 12 * mm) < 4 * mm
    assert abs(blue.sum() - 2 * np.pi * (3 * mm) ** 2) < 0.05 * blue.sum()


def test_a_fax_has_the_dots_of_its_machine():
    send = Step("faxed", 1.0, {"mode": "standard", "threshold": 0.6, "lost_lines": 0.0})
    before, page = ruled_page(), send(ruled_page(), np.random.default_rng(0))
    # 8 dots and 3.85 lines per millimetre.
    assert abs(page.pixels.shape[1] - before.pixels.shape[1] / 100 * 25.4 * 8) <= 1
    assert abs(page.pixels.shape[0] - before.pixels.shape[0] / 100 * 25.4 * 3.85) <= 1


def test_curled_paper_bends_level_lines_but_keeps_the_length_along_them():
    page = render(
        {lead: np.zeros(5000) for lead in LEADS},
        fs_hz=500.0,
        layout=layout("12x1"),
        style=LOOK,
        dpi=100,
    )
    bend = {"height": 0.03, "waves": 0.5, "axis_deg": 0.0, "phase": 0.0}
    line = Step("curled", 1.0, bend)(page, np.random.default_rng(0)).truth.regions[0].polyline_px
    straight = np.linspace(line[0], line[-1], len(line))
    assert np.abs(line - straight)[:, 1].max() > 1
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    whole = np.ptp(page.truth.regions[0].polyline_px[:, 0])
    assert abs(length / whole - 1) < 0.02


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[a]\nabout = 'x'\nsteps = [{ do = 'burned' }]", "profile a.*burned.*stained"),
        ("[a]\nabout = 'x'\nsteps = [{ do = 'blurred', sigma = 1 }]", "blurred.*sigma.*sigma_px"),
        ("[a]\nabout = 'x'\nsteps = [{ do = 'blurred' }]", "sigma_px must be given"),
        ("[a]\nabout = 'x'\nsteps = [{ profile = 'b' }]", "profile a.*b"),
        ("[a]\nabout = 'x'\nsteps = [{ do = 'blurred', sigma_px = { even = 1 } }]", "uniform"),
        ("[a", "not TOML"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_by_name(text, words):
    with pytest.raises(ConfigError, match=words):
        read_profiles(text)


@pytest.mark.parametrize(
    ("do", "parameters", "words"),
    [
        ("glared", {"strength": 2.0, "size": 0.1}, "strength"),
        ("torn", {"side": "front", "depth_mm": 5.0}, "side.*front"),
        ("faxed", {"mode": "coarse", "threshold": 0.5, "lost_lines": 0.0}, "mode.*coarse"),
        ("crumpled", {"creases": 0, "steepness": 0.1}, "creases"),
        ("cut", {"left": 0.9}, "left"),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(do, parameters, words):
    step = Step(do, 1.0, parameters)
    with pytest.raises(ConfigError, match=words):
        step(ruled_page(), np.random.default_rng(0))


def test_an_unknown_profile_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"'fire'.*phone_photo"):
        damaged(ruled_page(), profile="stained+fire", seed=0)
