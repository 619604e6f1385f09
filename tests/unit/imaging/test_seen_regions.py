"""Pages seen by networks that know everything: what is left is ours."""

from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.errors import PageError
from ecgbatch.flags import Flag
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import find_regions
from ecgbatch.imaging.seeing import look_at, with_read_names
from ecgbatch.imaging.seen_regions import seen_regions
from ecgbatch.models.reader import name_class
from ecgbatch.training.lines import with_scale_line
from ecgbatch.training.pages import draw_page, rectified
from tests.factories_networks import KnowingNetworks

MM = 10.0


def drawn(layout, *, seed=1, profile="colour_scan"):
    rng = np.random.default_rng(seed)
    while True:
        page = draw_page(rng, records=None, layouts=[layout], profile=profile, dpi=150)
        if all(region.name_box_px is not None for region in page.truth.regions):
            return rectified(page, rng, px_per_mm=MM, jitter=0.2)


def looked_at(pixels, networks):
    findings = networks.find(pixels, px_per_mm=MM)
    return look_at(pixels, find_ink(pixels, px_per_mm=MM), findings, networks, px_per_mm=MM)


def located(page, networks):
    seen = looked_at(page.pixels, networks)
    layout = seen_regions(
        find_ink(page.pixels, px_per_mm=MM),
        seen.layout,
        px_per_mm=MM,
        printed_speed_mm_per_s=seen.scale.speed_mm_per_s,
        printed_gain_mm_per_mv=seen.scale.gain_mm_per_mv,
    )
    return seen, layout


def ends_px(region):
    x = region.polyline_px[np.isfinite(region.polyline_px).all(axis=1), 0]
    return x.min(), x.max()


@pytest.mark.parametrize(
    "name", ["3x4+1R", "3x4+3R", "6x2", "12x1", "4x3+1R", "3x5", "6x2-right", "3x1-monitor", "1x1"]
)
def test_what_was_seen_becomes_regions_with_names_that_were_read(name):
    page = drawn(name)
    _, layout = located(page, KnowingNetworks(page.truth))
    truth = page.truth.regions
    assert [region.lead for region in layout.regions] == [region.lead for region in truth]
    assert [region.role for region in layout.regions] == [region.role for region in truth]
    assert {region.name_source for region in layout.regions} == {"read"}
    for found, true in zip(layout.regions, truth, strict=True):
        left, right = ends_px(true)
        assert found.left_px == pytest.approx(left, abs=MM)
        assert found.right_px == pytest.approx(right, abs=1.2 * MM)
        assert found.top_px < found.baseline_px < found.bottom_px
        assert found.t0_ms == pytest.approx(true.t0_ms, abs=60)


def test_cabreras_avr_is_marked_as_upside_down():
    page = drawn("6x2-cabrera")
    _, layout = located(page, KnowingNetworks(page.truth))
    assert [region.lead for region in layout.regions if region.inverted] == ["aVR"]


def test_names_that_nobody_could_see_are_guessed_and_say_so():
    page = drawn("3x4+1R")
    _, layout = located(page, KnowingNetworks(page.truth, nameless=True))
    assert {region.name_source for region in layout.regions} == {"guessed"}
    assert [region.lead for region in layout.regions][:12] == [
        region.lead for region in page.truth.regions
    ][:12]
    assert Flag.NAMES_GUESSED in layout.flags


def test_the_printed_scale_is_read_and_says_so():
    rng = np.random.default_rng(3)
    while True:
        page = draw_page(
            rng, records=None, layouts=["6x1"], profile="clean", dpi=150, added=with_scale_line
        )
        if any("mm/s" in text.text and "mm/mV" in text.text for text in page.truth.texts):
            break
    page = rectified(page, rng, px_per_mm=MM)
    seen, layout = located(page, KnowingNetworks(page.truth))
    assert seen.scale.speed_mm_per_s == page.truth.speed_mm_per_s
    assert layout.scale.speed_source == "printed"
    assert layout.scale.gain_mm_per_mv == page.truth.gain_mm_per_mv


def text_above_traces(truth):
    highest = min(region.box_px[1] for region in truth.regions)
    return [text.box_px for text in truth.texts if text.box_px[3] < highest - 5 * MM]


def test_ink_of_traces_stays_and_text_goes():
    pages = (drawn("3x4+1R", seed=seed) for seed in range(20))
    page = next(page for page in pages if text_above_traces(page.truth))
    _, layout = located(page, KnowingNetworks(page.truth))
    kept = ~layout.not_trace
    for region in page.truth.regions:
        line = np.rint(region.polyline_px[np.isfinite(region.polyline_px).all(axis=1)])
        line = line.astype(int)
        inside = kept[np.clip(line[:, 1], 0, kept.shape[0] - 1), line[:, 0]]
        assert inside.mean() > 0.95
    for left, top, right, bottom in text_above_traces(page.truth):
        assert kept[int(top) : int(bottom), int(left) : int(right)].mean() < 0.2


def test_a_page_on_which_nothing_is_seen_has_no_layout():
    blank = np.full((800, 1200), 235, np.uint8)
    page = drawn("1x1")
    empty = replace(page.truth, regions=(), pulses=(), texts=(), separators_px=np.zeros((0, 2, 2)))
    seen = looked_at(blank, KnowingNetworks(empty))
    assert seen.layout is None
    assert seen.likelihood == 0


def by_geometry(page):
    return find_regions(find_ink(page.pixels, px_per_mm=MM), px_per_mm=MM)


def names_of(layout):
    return [("-" if each.inverted else "") + each.lead for each in layout.regions]


@pytest.fixture(scope="module")
def cabrera():
    """A page on which geometry finds every trace, and cannot know what they are called."""
    for seed in range(40):
        page = drawn("12x1-cabrera", seed=seed, profile="clean")
        try:
            layout = by_geometry(page)
        except PageError:
            continue
        if len(layout.regions) == 12:
            return page, layout
    raise AssertionError


def test_regions_that_geometry_found_are_called_what_was_read(cabrera):
    page, layout = cabrera
    seen = looked_at(page.pixels, KnowingNetworks(page.truth))
    named, fit = with_read_names(layout, seen, px_per_mm=MM)
    assert fit > seen.fit - 1  # the same traces are as well explained
    true = [region.printed_name for region in page.truth.regions]
    assert names_of(layout)[2] == "III"
    assert [name_class(name) for name in true] == names_of(named)
    assert {region.name_source for region in named.regions} == {"read"}
    assert Flag.NAMES_GUESSED not in named.flags
    kept = ("left_px", "right_px", "baseline_px", "role", "t0_ms")
    for before, after in zip(layout.regions, named.regions, strict=True):
        assert [getattr(before, name) for name in kept] == [getattr(after, name) for name in kept]


def test_without_read_names_geometry_keeps_its_guess(cabrera):
    page, layout = cabrera
    seen = looked_at(page.pixels, KnowingNetworks(page.truth, nameless=True))
    assert with_read_names(layout, seen, px_per_mm=MM)[0] is layout


def test_a_rhythm_row_has_the_lead_of_the_strip_that_its_ink_repeats():
    class MisreadsRhythm(KnowingNetworks):
        def read_names(self, page, boxes_px):
            lowest = max(box[1] for box in boxes_px)
            names = super().read_names(page, boxes_px)
            wrong = dict.fromkeys(names[0], 0.001) | {"III": 0.98}
            return [
                wrong if box[1] == lowest else each
                for box, each in zip(boxes_px, names, strict=True)
            ]

    for seed in range(40):
        page = drawn("3x4+1R", seed=seed, profile="clean")
        try:
            layout = by_geometry(page)
        except PageError:
            continue
        rhythm = page.truth.regions[-1].lead
        found = [each.lead for each in layout.regions]
        if found == [each.lead for each in page.truth.regions] and rhythm != "III":
            break
    seen = looked_at(page.pixels, MisreadsRhythm(page.truth))
    named, _ = with_read_names(layout, seen, px_per_mm=MM)
    last = named.regions[-1]
    assert (last.lead, last.name_source) == (rhythm, "guessed")
    assert {each.name_source for each in named.regions[:-1]} == {"read"}
