import csv

import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.layouts import layout
from ecgbatch.training.looks import UNSEEN_LAYOUTS, drawn_look
from ecgbatch.training.pages import draw_page, rectified
from ecgbatch.training.records import Records, read_records
from ecgbatch.types import LEADS

FEW = 6
DARKER = 25


@pytest.fixture
def records():
    rng = np.random.default_rng(0)
    signals = rng.normal(0, 200, (3, 12, 5000)).astype(np.int16)
    return Records(signals, np.arange(3), 500.0)


def darkness_on_traces(page):
    """Median step in brightness from the trace to a millimetre above and below it."""
    steps = []
    height, width = page.pixels.shape
    for region in page.truth.regions:
        line = region.polyline_px[np.isfinite(region.polyline_px).all(axis=1)]
        x, y = np.rint(line).astype(int).T
        inside = (x >= 0) & (x < width) & (y >= 15) & (y < height - 15)
        x, y = x[inside], y[inside]
        beside = np.maximum(page.pixels[y - 12, x], page.pixels[y + 12, x]).astype(float)
        on = np.min([page.pixels[y + k, x] for k in (-2, -1, 0, 1, 2)], axis=0)
        steps.append(np.median(beside - on))
    return np.array(steps)


@pytest.mark.parametrize("profile", ["clean", "colour_scan", "phone_photo", "folded"])
def test_the_truth_of_an_upright_page_lies_on_its_ink(profile):
    rng = np.random.default_rng(3)
    drawn = draw_page(rng, records=None, layouts=["3x4+1R"], profile=profile, dpi=180)
    page = rectified(drawn, rng, px_per_mm=10.0)
    steps = darkness_on_traces(page)
    assert (steps > DARKER).mean() > 0.9


def test_boxes_of_names_hold_ink():
    rng = np.random.default_rng(5)
    drawn = draw_page(rng, records=None, layouts=["6x2"], profile="colour_scan", dpi=200)
    page = rectified(drawn, rng, px_per_mm=10.0)
    boxes = [r.name_box_px for r in page.truth.regions if r.name_box_px is not None]
    assert len(boxes) == 12
    paper = np.median(page.pixels)
    for left, top, right, bottom in boxes:
        cut = page.pixels[int(top) : int(bottom), int(left) : int(right)]
        assert cut.min() < paper - 60


def test_without_jitter_a_millimetre_has_the_size_that_was_asked_for():
    rng = np.random.default_rng(1)
    drawn = draw_page(rng, records=None, layouts=["3x4"], profile="phone_photo", dpi=150)
    page = rectified(drawn, rng, px_per_mm=8.0, jitter=0.0)
    scale = page.truth.homography[0, 0] * page.truth.px_per_mm_x
    assert scale == pytest.approx(8.0, rel=1e-6)
    assert abs(page.truth.homography[0, 1]) < 1e-9


def test_the_same_seed_draws_the_same_page(records):
    pages = []
    for _ in range(2):
        rng = np.random.default_rng(11)
        pages.append(rectified(draw_page(rng, records=records), rng, px_per_mm=5.0))
    assert np.array_equal(pages[0].pixels, pages[1].pixels)
    assert pages[0].truth.to_json() == pages[1].truth.to_json()


def test_layouts_kept_out_of_training_are_never_drawn():
    rng = np.random.default_rng(0)
    unseen = {(len(layout(n).rows), layout(n).columns) for n in UNSEEN_LAYOUTS}
    for _ in range(400):
        drawn = drawn_look(rng).layout
        assert (len(drawn.rows), drawn.columns) not in unseen


def test_layouts_kept_out_are_drawn_where_they_are_named(records):
    rng = np.random.default_rng(0)
    names = {
        draw_page(
            rng, records=records, layouts=UNSEEN_LAYOUTS, profile="clean", dpi=100
        ).truth.layout
        for _ in range(FEW * 2)
    }
    assert names == set(UNSEEN_LAYOUTS)


def write_folder(folder, *, fs_hz=500):
    np.savez(
        folder / "a.npz",
        signal_uv=np.arange(4 * 12 * 50).reshape(4, 12, 50).astype(np.int16),
        ecg_id=np.arange(1, 5),
        fs_hz=fs_hz,
    )
    with (folder / "labels.csv").open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["ecg_id", "strat_fold"])
        rows.writerows([(1, 1), (2, 9), (3, 8), (4, 10)])


def test_records_are_chosen_by_fold(tmp_path):
    write_folder(tmp_path)
    found = read_records(tmp_path, folds={1, 8})
    assert found.record_id.tolist() == [1, 3]
    drawn = found.drawn(np.random.default_rng(0))
    assert list(drawn) == list(LEADS)
    assert found.seconds == 0.1


def test_a_folder_without_records_of_the_folds_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"labels\.csv"):
        read_records(tmp_path, folds={1})
    write_folder(tmp_path, fs_hz=100)
    with pytest.raises(ConfigError, match="500 Hz"):
        read_records(tmp_path, folds={1})
