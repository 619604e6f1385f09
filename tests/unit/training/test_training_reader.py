import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ecgbatch.errors import ChecksumError
from ecgbatch.models.card import read_card
from ecgbatch.models.locator import LocatorNet
from ecgbatch.models.networks import PageNetworks
from ecgbatch.models.reader import NAMES, ReaderNet
from ecgbatch.training.examples import Cut, Pool
from ecgbatch.training.locator_cards import ship
from ecgbatch.training.locator_task import LocatorTask
from ecgbatch.training.loop import BEST
from ecgbatch.training.reader_task import ReaderTask, _set_line, _set_name, read_scores
from ecgbatch.training.settle import settled


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    return Pool(tmp_path_factory.mktemp("pages"), records=None, seed=5)


def test_batches_hold_as_many_symbols_as_they_say(pool):
    pool.fill(8)
    batch = ReaderTask(pool, 8, pool, 1, names=12, lines=4).batch(np.random.default_rng(0))
    assert batch["names"].shape == (12, 32, 96)
    assert len(batch["name"]) == 12
    assert batch["name"].min() >= 0
    assert batch["name"].max() < len(NAMES)
    for line, length in zip(batch["line"], batch["length"], strict=True):
        assert (line[:length] > 0).all()
        assert (line[length:] == 0).all()
    assert (batch["length"] < batch["lines"].shape[2] / 4).all()  # or the symbols would not fit


def test_a_few_steps_teach_the_names_of_one_batch(pool):
    pool.fill(8)
    task = ReaderTask(pool, 8, pool, 1, names=12, lines=2)
    torch.manual_seed(0)
    network = task.network()
    batch = {k: torch.from_numpy(v) for k, v in task.batch(np.random.default_rng(1)).items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss, figures = task.loss(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(figures["names"])
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("draw", [_set_name, _set_line])
def test_words_that_are_set_stand_in_their_boxes(draw):
    for seed in range(5):
        cut = draw(np.random.default_rng(seed), ())
        left, top, right, bottom = (int(edge) for edge in cut.box_px)
        inside = cut.pixels[top:bottom, left:right]
        assert inside.min() < np.median(cut.pixels) - 40
        assert cut.text


def test_a_reader_that_knows_nothing_reads_no_scale():
    torch.manual_seed(0)
    cuts = [_set_line(np.random.default_rng(seed), ()) for seed in range(3)]
    cuts.append(Cut(cuts[0].pixels, cuts[0].box_px, "name", "V1"))
    figures = read_scores(ReaderNet().eval(), cuts)
    assert figures["scale_read"] == 0
    assert figures["scale_wrong"] == 0
    assert figures["scale_unread"] == 1


def test_what_was_trained_is_settled_shipped_with_cards_and_loads(tmp_path, pool):
    pool.fill(8)
    tasks = {
        "locator": LocatorTask(pool, 8, pool, 1, batch_pages=1),
        "reader": ReaderTask(pool, 8, pool, 1, names=8, lines=2),
    }
    networks = {}
    for name, task in tasks.items():
        (tmp_path / name).mkdir()
        untrained = {key: value.contiguous() for key, value in task.network().state_dict().items()}
        save_file(untrained, tmp_path / name / BEST)
        networks[name] = settled(task, tmp_path / name, batches=3)
        counts = {
            int(value)
            for key, value in networks[name].state_dict().items()
            if key.endswith("num_batches_tracked")
        }
        assert max(counts) >= 3
        assert not networks[name].training
    figures = {"locator": {"name_ap50": 0.5, "score": 0.1}, "reader": {}}
    where = tmp_path / "weights"
    written = ship(networks, where, version="0.1.0", figures=figures, data="nothing")
    assert [card.identity for card in written] == ["locator@0.1.0", "reader@0.1.0"]
    card = read_card(where / "locator.json")
    assert [(each.figure, each.value) for each in card.measured] == [("boxes of names, AP50", 0.5)]
    networks = PageNetworks(folder=where)
    page = np.full((400, 700), 240, np.uint8)
    assert 0 <= networks.find(page, px_per_mm=10.0).ecg <= 1


def test_weights_of_another_training_are_refused(tmp_path):
    networks = {"locator": LocatorNet(), "reader": ReaderNet()}
    ship(networks, tmp_path, version="0.1.0", figures={}, data="nothing")
    other = (tmp_path / "reader.safetensors").read_bytes()
    (tmp_path / "locator.safetensors").write_bytes(other)
    with pytest.raises(ChecksumError, match="sha256"):
        PageNetworks(folder=tmp_path)
