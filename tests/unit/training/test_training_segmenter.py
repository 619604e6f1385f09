"""Tiles show the truth, and windows keep it however they are moved and mirrored."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ecgbatch.errors import ConfigError
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.windows import page_planes
from ecgbatch.models.segmenter import HEIGHT_PX, STEPS_PER_PX, Segmenter
from ecgbatch.models.trace_reader import TraceReader
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from ecgbatch.training.loop import BEST
from ecgbatch.training.segmenter import SegmenterTask, _height_loss, _ink_loss
from ecgbatch.training.segmenter_card import ship
from ecgbatch.training.segmenter_windows import WIDTH_PX, window
from ecgbatch.training.tiles import ABSENT, PRESENT, TILE_PX, TileFile, cut_tiles, save


def page(signal_uv):
    """A lead of 10 s on a page of 10 px/mm, as printed."""
    return render(
        {"II": signal_uv},
        fs_hz=500.0,
        layout=layout("1x1", rhythm=()),
        style=style("pink_letter", pulse="none", name_place="none", header="none"),
        dpi=254.0,
    )


def planes_of(pixels):
    grey = np.ascontiguousarray(pixels.max(axis=2))
    return page_planes(grey, find_ink(grey.copy(), px_per_mm=10), px_per_mm=10)


@pytest.fixture(scope="module")
def tiles():
    beats = 1000 * np.exp(-((((np.arange(5000) % 400) - 200.0) / 12) ** 2))
    beats[2000:2500] = np.nan  # the pen was lifted for a second
    drawn = page(beats)
    rng = np.random.default_rng(0)
    return cut_tiles(planes_of(drawn.pixels), drawn.truth, count=12, rng=rng)


def ink_at(ink, height, steps):
    rows = np.rint(height[steps]).astype(int)
    return ink[rows, np.rint((steps + 0.5) / STEPS_PER_PX - 0.5).astype(int)]


def test_ink_stands_where_the_tile_says_that_the_trace_is(tiles):
    for tile in tiles:
        steps = np.flatnonzero(tile.state == PRESENT)[2:-2]
        assert tile.ink.shape == TILE_PX
        assert (ink_at(tile.ink, tile.height_px, steps) > 60).mean() > 0.98
        assert (ink_at(tile.planes[0], tile.height_px, steps) > 60).mean() > 0.95


def test_a_lifted_pen_leaves_no_trace_and_no_ink(tiles):
    lifted = [tile for tile in tiles if (tile.state == ABSENT).any()]
    assert lifted
    for tile in lifted:
        columns = np.flatnonzero((tile.state == ABSENT).reshape(-1, STEPS_PER_PX).all(axis=1))
        inner = columns[3:-3]
        assert np.isnan(tile.height_px[tile.state == ABSENT]).all()
        assert tile.ink[:, inner].mean() < 1


def test_a_trace_under_white_paint_is_not_asked_for():
    drawn = page(np.zeros(5000))
    planes = planes_of(drawn.pixels)
    planes[:, :, 800:1400] = 0
    tiles = cut_tiles(planes, drawn.truth, count=12, rng=np.random.default_rng(1))
    hidden = [tile for tile in tiles if np.isfinite(tile.height_px[tile.state == ABSENT]).any()]
    assert hidden
    for tile in hidden:
        under = np.flatnonzero((tile.state == ABSENT) & np.isfinite(tile.height_px))
        assert ink_at(tile.planes[0], tile.height_px, under).max() < 40


def test_tiles_come_back_from_their_file(tiles, tmp_path):
    path = tmp_path / "tiles.npz"
    save(tiles, path)
    with TileFile(path) as file:
        assert len(file) == len(tiles)
        for number, tile in enumerate(tiles):
            np.testing.assert_array_equal(file[number].planes, tile.planes)
            np.testing.assert_array_equal(file[number].height_px, tile.height_px)
        with pytest.raises(IndexError):
            file[len(tiles)]
    assert list(tmp_path.iterdir()) == [path]


def test_moved_and_mirrored_windows_keep_the_trace_on_its_ink(tiles):
    rng = np.random.default_rng(2)
    for _ in range(40):
        drawn = window(tiles[int(rng.integers(len(tiles)))], rng)
        assert drawn["planes"].shape == (2, HEIGHT_PX, WIDTH_PX)
        steps = np.flatnonzero(drawn["state"] == PRESENT)
        if steps.size > 8:
            assert (ink_at(drawn["ink"], drawn["height"], steps[2:-2]) > 60).mean() > 0.97
            own = drawn["ridges"][0].argmax()
            assert abs(own - np.median(drawn["height"][steps])) < 30


def test_the_same_generator_draws_the_same_batch(tiles, tmp_path):
    save(tiles, tmp_path / "0.npz")
    task = SegmenterTask((tmp_path,), (tmp_path,), windows=3)
    first, again = (task.batch(np.random.default_rng(5)) for _ in range(2))
    assert first["planes"].shape[0] == 3
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_the_loss_of_heights_is_least_at_the_truth():
    def loss(row, *, absent):
        logits = torch.full((1, 1, 33), -9.0)
        logits[0, 0, 32 if absent else row] = 9.0
        state = torch.tensor([[PRESENT]])
        contested = torch.tensor([[0]])
        return float(_height_loss(logits, torch.tensor([[10.4]]), state, contested))

    by_row = [loss(row, absent=False) for row in range(32)]
    assert int(np.argmin(by_row)) == 10
    assert by_row[11] < by_row[9]
    assert loss(0, absent=True) > by_row[10]


def test_errors_beside_other_ink_cost_more():
    logits = torch.zeros((1, 2, 33))
    logits[0, 0, 5] = 9.0  # the first step is far off, the second one knows nothing
    heights, state = torch.tensor([[10.0, 10.0]]), torch.full((1, 2), PRESENT)

    def of_heights(*contested):
        return float(_height_loss(logits, heights, state, torch.tensor([contested])))

    assert of_heights(1, 0) > of_heights(0, 0) > of_heights(0, 1)
    invented = torch.full((1, 8, 8), -9.0)
    invented[0, 2, 2] = 9.0
    none = torch.zeros((1, 8, 8))
    elsewhere, here = none.clone(), none.clone()
    elsewhere[0, 6, 6] = here[0, 2, 2] = 1
    assert _ink_loss(invented, none, here) > _ink_loss(invented, none, elsewhere)


def test_a_window_knows_which_ink_and_which_steps_are_contested(tiles):
    drawn = window(tiles[0], np.random.default_rng(0), altered=False)
    foreign = drawn["foreign"].astype(bool)
    assert (drawn["planes"][1][foreign] > 127).all()
    assert (drawn["ink"][foreign] == 0).all()
    alone = replace(tiles[0], planes=np.stack([tiles[0].planes[0], 0 * tiles[0].planes[1]]))
    bare = window(alone, np.random.default_rng(0), altered=False)
    assert bare["foreign"].sum() == bare["contested"].sum() == 0


def test_a_segmenter_learns_a_tile_by_heart(tiles, tmp_path):
    save(tiles[:1], tmp_path / "0.npz")
    task = SegmenterTask((tmp_path,), (tmp_path,), windows=1, valid_pages=1)
    torch.manual_seed(0)
    network = task.network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for step in range(12):
        batch = {
            name: torch.from_numpy(part)
            for name, part in task.batch(np.random.default_rng(step)).items()
        }
        loss, _ = task.loss(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    figures = task.validate(network, torch.device("cpu"))
    assert 0 <= figures["iou"] <= 1
    assert np.isfinite(figures["score"])


def test_what_was_trained_is_shipped_with_what_was_measured(tiles, tmp_path):
    save(tiles[:1], tmp_path / "0.npz")
    task = SegmenterTask((tmp_path,), (tmp_path,), windows=1, valid_pages=1)
    weights = {name: part.contiguous() for name, part in task.network().state_dict().items()}
    save_file(weights, tmp_path / BEST)
    card = ship(task, tmp_path, version="1.0.0", command="python train.py", data="a tile")
    reader = TraceReader(tmp_path / "weights" / "segmenter.json", device=torch.device("cpu"))
    assert reader.card == card
    assert len(card.measured) == 5
    assert all(np.isfinite(each.value) for each in card.measured)


def test_a_folder_without_tiles_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds none"):
        SegmenterTask((tmp_path,), (tmp_path,))


def test_the_network_is_small_enough_to_ship():
    assert sum(part.numel() for part in Segmenter().state_dict().values()) * 4 < 5_000_000
