"""What a data set says of a page is what stands on it."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ecgbatch.synth.damage import damaged, profile_names
from ecgbatch.synth.dataset.crops import make_crops
from ecgbatch.synth.dataset.masks import mask_of
from ecgbatch.synth.dataset.pages import make_page
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout, layout_names
from ecgbatch.synth.paper import render
from ecgbatch.synth.sources import Simulated
from ecgbatch.synth.style import style
from tests.factories_synth import recipe


def source(chosen):
    return Simulated(seed=5, count=10, seconds=10.0, conditions=chosen.source.conditions)


def picture(made, path):
    return np.asarray(Image.open(BytesIO(made.files[path])))


def reread_uv(region, page):
    """Read a polyline of the JSON with ruler and set square, through the page's homography."""
    line = np.array(region["polyline_px"], dtype=float)
    whole = np.concatenate([line, np.array(region["baseline_px"])])
    flat = np.linalg.inv(np.array(page["homography"], dtype=float)) @ np.vstack(
        [whole.T, np.ones(len(whole))]
    )
    _, y = flat[:2] / flat[2]
    mm = (y[-2:].mean() - y[:-2]) / page["px_per_mm_y"]
    return 1000 * mm / region["gain_mm_per_mv"]


@pytest.mark.parametrize("profile", ["clean", "turned"])
@pytest.mark.parametrize("name", layout_names())
def test_rereading_our_own_polylines_gives_45_db(name, profile):
    chosen = recipe(layouts=[name], profiles=[profile], dpi=["200"], split_gain=0.5)
    made = make_page(chosen, source(chosen), 0)
    [row] = made.index
    page = json.loads(made.files[row["truth"]])["page"]
    records = source(chosen)
    ref = next(r for r in map(records.ref, range(10)) if r.record_id == row["record_id"])
    record = records.load(ref, start_s=0.0, seconds=10.0)
    first = round(row["start_s"] * 500)
    assert len(page["regions"]) == len(layout(name).rhythm) + sum(map(len, layout(name).rows))
    for region in page["regions"]:
        begin, end = first + region["first_sample"], first + region["stop_sample"]
        truth = record[region["lead"]][begin:end]
        error = reread_uv(region, page) - truth
        assert 10 * np.log10(np.sum(truth**2) / np.sum(error**2)) >= 45


def test_the_signals_of_a_page_are_those_of_its_record():
    chosen = recipe()
    made = make_page(chosen, source(chosen), 0)
    page = json.loads(made.files[made.index[0]["truth"]])["page"]
    assert len(made.signals) == len(page["regions"])
    for signal, region in zip(made.signals, page["regions"], strict=True):
        assert (signal["lead"], signal["role"]) == (region["lead"], region["role"])
        assert len(signal["samples_uv"]) == len(region["polyline_px"])


@pytest.mark.parametrize("profile", profile_names())
def test_every_box_holds_the_ink_of_its_lead(profile):
    """The ink of one lead is what a page with it has more than the same page without it."""
    leads = simulate(3).by_name()
    boxes, pages = [], []
    for shown in (True, False):
        signals = leads if shown else {**leads, "V2": np.full(5000, np.nan)}
        page = render(
            signals,
            fs_hz=500.0,
            layout=layout("3x4+1R"),
            style=style("no_grid", row_pitch_mm=18.0, ink_rgb=(0, 0, 0), line_width_mm=0.4),
            dpi=90,
            seed=4,
        )
        page = damaged(page, profile=profile, seed=4)
        pages.append(page.pixels.mean(axis=2))
        boxes += [region.box_px for region in page.truth.regions if region.lead == "V2"]
    darker = pages[1] - pages[0]
    ink = darker > max(25, 0.5 * darker.max())  # what compression spreads is fainter
    left, top, right, bottom = map(int, boxes[0])
    assert ink.sum() > 150
    assert ink[top:bottom, left:right].sum() >= 0.995 * ink.sum()


@pytest.mark.parametrize("profile", ["clean", "turned", "phone_photo", "torn"])
def test_the_mask_of_a_lead_covers_its_ink_and_little_else(profile):
    leads = simulate(3).by_name()
    shown, bare = (
        damaged(
            render(
                {**leads, "II": leads["II"] if with_it else np.full(5000, np.nan)},
                fs_hz=500.0,
                layout=layout("3x4"),
                style=style("no_grid", ink_rgb=(0, 0, 0), line_width_mm=0.5),
                dpi=100,
            ),
            profile=profile,
            seed=4,
        )
        for with_it in (True, False)
    )
    [region] = [region for region in shown.truth.regions if region.lead == "II"]
    mask = mask_of(region, (0, 0, shown.truth.width_px, shown.truth.height_px)) > 0
    ink = bare.pixels.mean(axis=2) - shown.pixels.mean(axis=2)
    strong = ink > 0.5 * np.percentile(ink[mask], 80)
    assert (mask & strong).sum() / (mask | strong).sum() > 0.7
    assert strong[mask].mean() > 0.75


def test_boxes_are_yolo_text_in_the_published_order():
    chosen = recipe(
        "boxes", profiles=["clean"], layouts=["3x4+1R"], styles=["red_a4"], other_rhythm=0
    )
    made = make_page(chosen, source(chosen), 0)
    [row] = made.index
    [text] = [data.decode() for path, data in made.files.items() if path.startswith("labels/")]
    lines = [line.split() for line in text.splitlines()]
    classes = [int(line[0]) for line in lines]
    assert classes.count(0) == 13
    assert sorted(set(classes)) == list(range(13))
    assert classes.count(2) == 2  # II in the matrix and below it
    shape = picture(made, row["image"]).shape
    assert shape[:2] == (row["height_px"], row["width_px"])
    for line, box in zip(lines, row["boxes"], strict=True):
        x, y, width, height = map(float, line[1:])
        assert 0 < width <= 1
        assert 0 < height <= 1
        assert abs((x - width / 2) * shape[1] - box["left"]) < 0.01
        assert abs((y + height / 2) * shape[0] - box["bottom"]) < 0.01


def test_crops_have_masks_of_their_own_size_and_truth_in_their_own_pixels():
    chosen = recipe("crops", layouts=["6x2"], profiles=["clean"], image="png")
    made = make_crops(chosen, source(chosen), 0)
    assert len(made.index) == 12
    for row in made.index:
        image, mask = picture(made, row["image"]), picture(made, row["mask"])
        assert image.shape[:2] == mask.shape == (row["height_px"], row["width_px"])
        assert set(np.unique(mask)) == {0, 255}
        truth = json.loads(made.files[row["truth"]])
        line = np.array(truth["region_truth"]["polyline_px"])
        column, line_row = np.rint(line).astype(int).T
        assert (mask[line_row, column] == 255).mean() > 0.97


def test_overlap_is_known_per_second_and_agrees_with_the_ink():
    chosen = recipe(
        "overlap", layouts=["6x2"], profiles=["clean"], styles=["no_grid"], dpi=["120"],
        row_pitch_mm=(8.0, 9.0), gains=["20"], speeds=["25"],
    )  # fmt: skip
    made = make_crops(chosen, source(chosen), 0)
    assert made.index
    for row in made.index:
        shares = np.array(row["overlap_per_s"])
        assert len(shares) == 5
        assert 0 < row["overlap"] <= 1
        assert abs(shares.mean() - row["overlap"]) < 1e-6
    assert max(row["overlap"] for row in made.index) > 0.02


def test_rows_far_apart_do_not_overlap():
    chosen = recipe("crops", layouts=["3x4"], profiles=["clean"], gains=["5"], split_gain=0.0)
    made = make_crops(chosen, source(chosen), 0)
    assert all(row["overlap"] == 0 for row in made.index)


def test_what_is_torn_away_is_missing_in_the_signals_too():
    chosen = recipe(profiles=["torn"], layouts=["12x1"], count=20)
    lost = 0
    for index in range(8):
        made = make_page(chosen, source(chosen), index)
        page = json.loads(made.files[made.index[0]["truth"]])["page"]
        for signal, region in zip(made.signals, page["regions"], strict=True):
            gone = np.array([point[1] is None for point in region["polyline_px"]])
            assert np.isnan(signal["samples_uv"])[gone].all()
            lost += gone.sum()
    assert lost > 0
