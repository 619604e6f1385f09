"""Damaged pages against their truth: where the truth says ink is, there the ink is."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage import damaged, geometry, scan
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from ecgbatch.types import LEADS

LOOK = style(
    "no_grid",
    paper="wide",
    header="none",
    footer="none",
    pulse="none",
    name_place="none",
    ink_rgb=(0, 0, 0),
    line_width_mm=0.5,
)


@cache
def page_with_one_lead(name="V2"):
    signals = {lead: np.full(5000, np.nan) for lead in LEADS}
    signals[name] = 400 * np.sin(np.arange(5000) / 700)
    page = render(signals, fs_hz=500.0, layout=layout("12x1"), style=LOOK, dpi=100)
    return replace(
        page,
        truth=replace(page.truth, regions=tuple(r for r in page.truth.regions if r.lead == name)),
    )


def drift_px(page):
    """Distance of the ink from the polyline, measured across the line."""
    [region] = page.truth.regions
    dark = page.pixels.max() - page.pixels[..., 0].astype(np.float64)
    line = region.polyline_px[60:-60:25]
    ahead = region.polyline_px[61:-59:25] - line
    across = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    reach = np.linspace(-4, 4, 81)
    x = line[:, :1] + across[:, :1] * reach
    y = line[:, 1:] + across[:, 1:] * reach
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - column, y - row
    shade = (
        dark[row, column] * (1 - fx) * (1 - fy)
        + dark[row, column + 1] * fx * (1 - fy)
        + dark[row + 1, column] * (1 - fx) * fy
        + dark[row + 1, column + 1] * fx * fy
    )
    shade -= np.minimum(shade[:, :1], shade[:, -1:])
    shade = np.clip(shade - 0.25 * shade.max(axis=1, keepdims=True), 0, None)
    return (shade * reach).sum(axis=1) / shade.sum(axis=1)


@pytest.mark.parametrize(
    "step",
    [
        lambda page: geometry.turned(page, quarter_turns=1),
        lambda page: geometry.turned(page, quarter_turns=2),
        lambda page: geometry.turned(page, quarter_turns=-1),
        lambda page: geometry.skewed(page, angle_deg=7.0),
        lambda page: geometry.skewed(page, angle_deg=-3.0, scale=1.7),
        lambda page: geometry.skewed(page, scale=0.5),
        lambda page: geometry.skewed(page, lean=0.2),
        lambda page: geometry.skewed(
            geometry.turned(page, quarter_turns=3), angle_deg=2, lean=-0.1
        ),
    ],
)
def test_geometry_moves_ink_and_truth_alike(step):
    page = step(page_with_one_lead())
    assert np.abs(drift_px(page)).max() < 0.25
    [region] = page.truth.regions
    left, top, right, bottom = (int(edge) for edge in region.box_px)
    dark = 255.0 - page.pixels[..., 0]
    assert dark[top:bottom, left:right].sum() >= 0.995 * dark.sum()


def test_a_quarter_turn_four_times_is_no_turn():
    page = page_with_one_lead()
    again = page
    for _ in range(4):
        again = geometry.turned(again, quarter_turns=1)
    assert (again.pixels == page.pixels).all()
    assert np.allclose(again.truth.homography, np.eye(3))


def test_a_clockwise_turn_brings_the_top_to_the_right():
    page = geometry.turned(page_with_one_lead("I"), quarter_turns=1)
    [region] = page.truth.regions
    assert region.box_px[0] > 0.6 * page.truth.width_px


def test_a_bitonal_scan_has_two_values():
    page = damaged(page_with_one_lead(), profile="bitonal_scan", seed=4)
    assert set(np.unique(page.pixels)) == {0, 255}


def test_damage_is_the_same_for_the_same_seed():
    first, second, other = (
        damaged(page_with_one_lead(), profile="phone_photo", seed=seed) for seed in (5, 5, 6)
    )
    assert (first.pixels == second.pixels).all()
    assert first.pixels.shape != other.pixels.shape or (first.pixels != other.pixels).any()


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda page: damaged(page, profile="fire", seed=0), "profile.*phone"),
        (lambda page: geometry.skewed(page, scale=0.0), "scale"),
        (lambda page: geometry.skewed(page, lean=0.9), "lean"),
        (lambda page: scan.black_and_white(page, threshold=1.5), "threshold"),
        (lambda page: scan.compressed(page, quality=0), "quality"),
    ],
)
def test_impossible_damage_is_refused_by_the_name_of_the_option(step, words):
    with pytest.raises(ConfigError, match=words):
        step(page_with_one_lead())
