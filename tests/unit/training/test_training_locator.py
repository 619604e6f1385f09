import numpy as np
import pytest
import torch

from ecgbatch.imaging.strips import find_strips
from ecgbatch.models.finding import read_maps
from ecgbatch.models.locator import HEATS, PX_PER_MM
from ecgbatch.training.examples import FULL_PX_PER_MM, Example, Pool, reduced
from ecgbatch.training.lines import scale_line
from ecgbatch.training.locator_scores import end_errors_mm, measured
from ecgbatch.training.locator_targets import Places, targets
from ecgbatch.training.locator_task import LocatorTask, focal
from ecgbatch.training.moving import joined, moved
from ecgbatch.training.pages import draw_page, rectified
from ecgbatch.types import Strip


def places_of(example):
    return Places(
        example.regions[:, :6], example.names, example.pulses, example.lines, example.separators
    )


def as_network_says(places, shape_px):
    """Maps of a network that has learned everything."""
    shape = (shape_px[0] // 4, shape_px[1] // 4)
    wanted = targets(places, shape_cells=shape)
    heats = torch.logit(torch.from_numpy(wanted.heats).clamp(1e-4, 1 - 1e-4))
    return torch.cat([heats, torch.from_numpy(wanted.values)])


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(7)
    page = draw_page(rng, records=None, layouts=["3x4+1R"], profile="clean", dpi=200.0)
    return reduced(rectified(page, rng, px_per_mm=FULL_PX_PER_MM), rng)


def test_what_is_asked_of_a_network_gives_the_regions_back(example):
    maps = as_network_says(places_of(example), example.pixels.shape)
    found = read_maps(maps, torch.zeros(6), px_per_mm=PX_PER_MM)
    strips = find_strips(found, px_per_mm=PX_PER_MM)
    assert len(strips) == len(example.regions) == 13
    errors = end_errors_mm(strips, example)
    assert len(errors) == 26
    assert max(errors) < 0.15
    for region in example.regions:
        best = min(
            strips, key=lambda s: abs(s.left_px - region[0]) + abs(s.left_zero_px - region[1])
        )
        assert best.left_zero_px == pytest.approx(region[1], abs=1.0)
        assert best.left_zero_px - best.above_px == pytest.approx(region[4], abs=2.5)


def test_what_is_asked_of_a_network_gives_names_and_pulses_back(example):
    maps = as_network_says(places_of(example), example.pixels.shape)
    found = read_maps(maps, torch.zeros(6), px_per_mm=PX_PER_MM)
    for boxes, true in ((found.names, example.names), (found.pulses, example.pulses)):
        assert len(boxes) >= len(true) > 0
        for box in true:
            assert np.abs(boxes[:, :4] - box).max(axis=1).min() < 0.3


def test_places_on_a_page_of_a_larger_scale_are_larger_by_as_much(example):
    maps = as_network_says(places_of(example), example.pixels.shape)
    small = read_maps(maps, torch.zeros(6), px_per_mm=PX_PER_MM)
    large = read_maps(maps, torch.zeros(6), px_per_mm=5 * PX_PER_MM)
    assert large.names[:, :4] == pytest.approx(5 * small.names[:, :4])
    assert large.starts[:, 0] + 0.5 == pytest.approx(5 * (small.starts[:, 0] + 0.5))
    assert large.cell_px == 5 * small.cell_px


def test_a_moved_page_has_its_places_where_its_ink_is(example):
    rng = np.random.default_rng(2)
    for _ in range(3):
        pixels, places = moved(example, rng, shape_px=(480, 640))
        paper = np.median(pixels)
        for left, top, right, bottom in places.pulses:
            box = pixels[int(max(top, 0)) : int(bottom) + 1, int(max(left, 0)) : int(right) + 1]
            assert box.size == 0 or box.min() < paper
        assert places.regions[:, 0].min() >= 0
        assert places.regions[:, 2].max() <= 639


def test_batches_follow_from_their_generator_alone(tmp_path):
    pool = Pool(tmp_path, records=None, seed=5)
    pool.fill(4)
    task = LocatorTask(pool, 4, pool, 2, batch_pages=2)
    one, other = (task.batch(np.random.default_rng(9)) for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert one["heats"].shape[:2] == (2, len(HEATS))


def test_examples_are_the_same_when_they_are_read_again(tmp_path):
    pool = Pool(tmp_path, records=None, seed=5)
    drawn, again = pool[1], pool[1]
    for name in ("pixels", "regions", "names", "lines"):
        assert np.array_equal(getattr(drawn, name), getattr(again, name))
    assert [cut.text for cut in drawn.cuts] == [cut.text for cut in again.cuts]
    assert all(
        np.array_equal(a.pixels, b.pixels) for a, b in zip(drawn.cuts, again.cuts, strict=True)
    )


def test_a_number_that_is_not_drawn_yet_stands_for_a_lower_one(tmp_path):
    pool = Pool(tmp_path, records=None, seed=5)
    pool.fill(1)
    assert np.array_equal(pool.near(1000).pixels, pool[0].pixels)
    assert not pool.holds(1)


def test_a_step_makes_the_loss_of_one_batch_smaller(tmp_path):
    pool = Pool(tmp_path, records=None, seed=5)
    task = LocatorTask(pool, 2, pool, 1, batch_pages=1)
    torch.manual_seed(0)
    network = task.network()
    batch = {k: torch.from_numpy(v) for k, v in task.batch(np.random.default_rng(1)).items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(6):
        loss, _ = task.loss(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


@pytest.fixture(scope="module")
def turned_batch(tmp_path_factory):
    pool = Pool(tmp_path_factory.mktemp("pool"), records=None, seed=5)
    task = LocatorTask(pool, 4, pool, 1, batch_pages=2)
    for seed in range(60):
        batch = task.batch(np.random.default_rng(seed))
        if not batch["upright"].all():
            return task, {name: torch.from_numpy(part) for name, part in batch.items()}
    raise AssertionError


def test_single_pages_of_a_batch_are_turned_and_the_others_stand(turned_batch):
    _, batch = turned_batch
    upright = batch["upright"]
    assert upright.any()
    assert (batch["sides"][upright, 1:] == 0).all()
    assert (batch["sides"][~upright, 1:] != 0).any(dim=1).all()


def test_what_is_printed_where_is_asked_of_upright_pages_alone(turned_batch):
    task, batch = turned_batch
    network = task.network()
    assert len(batch["heats"]) == batch["upright"].sum()
    _, before = task.loss(network, batch)
    wrong = torch.where(batch["upright"], batch["sides"][:, 1], 3 - batch["sides"][:, 1])
    _, after = task.loss(
        network,
        batch | {"sides": torch.stack([batch["sides"][:, 0], wrong, batch["sides"][:, 2]], 1)},
    )
    assert after["points"] == before["points"]
    assert after["sides"] != before["sides"]


@pytest.mark.parametrize("seed", [0, 1])  # side by side, and one above the other
def test_two_pages_on_one_image_keep_their_places(example, seed):
    both = joined(example, example, np.random.default_rng(seed))
    count = len(example.regions)
    assert len(both.regions) == 2 * count
    assert both.pixels.size > 2 * example.pixels.size
    shift = both.pulses[-1, :2] - example.pulses[-1, :2]
    assert (shift > 0).sum() == 1
    for left, top, right, bottom in both.names:
        box = both.pixels[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
        assert box.min() < np.median(both.pixels)


def test_the_focal_loss_of_a_right_answer_is_next_to_nothing():
    wanted = torch.zeros(1, 1, 5, 5)
    wanted[0, 0, 2, 2] = 1
    right, wrong = torch.full_like(wanted, -9.0), torch.full_like(wanted, -9.0)
    right[0, 0, 2, 2] = 9
    wrong[0, 0, 0, 0] = 9
    assert float(focal(right, wanted)) < 1e-5
    assert float(focal(wrong, wanted)) > 1


def test_a_network_that_knows_nothing_scores_nothing(example):
    network = LocatorTask.network(None)
    network.eval()
    figures = measured(network, [example], device=torch.device("cpu"))
    assert figures["region_ap50"] == 0
    assert 0 <= figures["score"] < 0.2


def test_ends_of_traces_that_were_not_found_have_no_error():
    regions = np.array([[10, 50, 110, 50, 40, 60, 0, 1]], np.float32)
    nothing = np.zeros((0, 4), np.float32)
    page = Example(
        np.zeros((100, 200), np.uint8), "1x1", regions, ("II",), nothing, nothing, nothing,
        np.zeros((0, 5), np.float32), (),
    )  # fmt: skip
    assert end_errors_mm([], page) == []
    [left, right] = end_errors_mm([Strip(11, 50, 109, 50, 10, 10, 0.9)], page)
    assert (left, right) == (0.5, 0.5)


@pytest.mark.parametrize("seed", range(8))
def test_lines_that_tell_the_scale_hold_its_numbers(seed):
    text = scale_line(
        np.random.default_rng(seed), speed_mm_per_s=12.5, gain_mm_per_mv=20.0, chest=20.0
    )
    assert "mm" in text
    assert "12.5" in text or "12,5" in text or "20" in text
