"""A network runs with the weights that its card was written for, or not at all."""

import hashlib
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ecgbatch.errors import ChecksumError, ConfigError
from ecgbatch.models.card import (
    InputContract,
    Measured,
    ModelCard,
    load_weights,
    read_card,
    write_model,
)


def card(**changes) -> ModelCard:
    values = {
        "name": "line",
        "version": "1.2.0",
        "sha256": "0" * 64,
        "licence": "Apache-2.0",
        "data": "numbers",
        "command": "python jobs/train_line.py",
        "input": InputContract(px_per_mm=10, channels=("darkness",), normalisation="levels / 255"),
        "classes": ("ink",),
        "measured": (Measured(figure="error in mm", value=0.1, data="other numbers"),),
    }
    return ModelCard.model_validate(values | changes)


@pytest.fixture
def written(tmp_path):
    network = nn.Linear(3, 2)
    return network, write_model(network, card(), tmp_path), tmp_path / "line.safetensors"


def hashed(path, of: ModelCard) -> ModelCard:
    return of.model_copy(update={"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})


def test_what_was_written_is_read_with_its_card(written):
    network, saved, path = written
    fresh = nn.Linear(3, 2)
    load_weights(fresh, read_card(path.with_suffix(".json")), path)
    assert torch.equal(fresh.weight, network.weight)
    assert saved.identity == "line@1.2.0"
    assert read_card(path.with_suffix(".json")) == saved


def test_weights_that_are_not_there_are_refused_with_the_command_that_makes_them(written):
    _, saved, path = written
    path.unlink()
    with pytest.raises(ConfigError, match="train_line"):
        load_weights(nn.Linear(3, 2), saved, path)


def test_truncated_weights_are_refused_before_they_are_read(written):
    _, saved, path = written
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ChecksumError, match=saved.sha256):
        load_weights(nn.Linear(3, 2), saved, path)


def test_a_pickle_is_refused_and_nothing_of_it_is_executed(written, tmp_path):
    class Planted:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    _, saved, path = written
    path.write_bytes(pickle.dumps(Planted()))
    with pytest.raises(ConfigError, match="no safetensors"):
        load_weights(nn.Linear(3, 2), hashed(path, saved), path)  # even if its hash were known
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(4, 2), r"weight is \(2, 3\) and not \(2, 4\)"),
        (nn.Linear(3, 2, bias=False), "does not know, bias"),
        (nn.BatchNorm1d(3), "misses num_batches_tracked"),
    ],
)
def test_tensors_of_another_network_are_refused_by_name(written, network, message):
    _, saved, path = written
    with pytest.raises(ConfigError, match=message):
        load_weights(network, saved, path)


def test_weights_that_are_not_finite_are_refused(written):
    _, saved, path = written
    save_file({"weight": torch.full((2, 3), torch.nan), "bias": torch.zeros(2)}, path)
    with pytest.raises(ConfigError, match="not finite"):
        load_weights(nn.Linear(3, 2), hashed(path, saved), path)


def test_a_card_with_a_wrong_key_or_no_card_is_refused_by_name(tmp_path):
    path = tmp_path / "line.json"
    with pytest.raises(ConfigError, match="no model card"):
        read_card(path)
    path.write_text(card().model_dump_json().replace('"licence"', '"license"'))
    with pytest.raises(ConfigError, match="licence"):
        read_card(path)
    path.write_text(card().model_dump_json().replace("0" * 64, "abc"))
    with pytest.raises(ConfigError, match="sha256"):
        read_card(path)
