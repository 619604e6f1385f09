"""Faults of networks, their weights and their devices; ids carry their numbers.

A page whose network fails is one row of ``quarantine``; weights that are not what their card says
stop the run before it publishes a page.
"""

import hashlib
import json
import pickle
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file, save_file

from ecgbatch import schema
from ecgbatch.config import RunConfig
from ecgbatch.errors import ChecksumError, ConfigError, RunError
from ecgbatch.flow.run import convert
from ecgbatch.models import card as card_module
from ecgbatch.models.card import shipped_card
from ecgbatch.models.segmenter import ALIGN_PX, HEIGHT_PX
from ecgbatch.models.trace_reader import TraceReader
from ecgbatch.stages.rows import map_rows
from jobs.convert import stages
from tests.factories_flow import rows_of
from tests.pages_published import sheet

WIDTH_PX = 4 * ALIGN_PX


@pytest.fixture
def reader():
    return TraceReader(shipped_card("segmenter"), device=torch.device("cpu"))


def windows(count):
    rng = np.random.default_rng(3)
    planes = [rng.integers(0, 255, (2, HEIGHT_PX, WIDTH_PX), np.uint8) for _ in range(count)]
    return planes, [(256.0, 100.0)] * count


def test_fault_97_a_device_without_memory_gets_smaller_batches_and_gives_the_same(
    reader, monkeypatch
):
    planes, lines = windows(3)
    expected = reader.read(planes, lines)
    run, sizes = reader._run, []

    def scarce(batch, told):
        sizes.append(len(batch))
        if len(batch) > 1:
            raise torch.OutOfMemoryError
        return run(batch, told)

    monkeypatch.setattr(reader, "_run", scarce)
    monkeypatch.setattr(reader, "_batch_px", 2 * WIDTH_PX * HEIGHT_PX)
    found = reader.read(planes, lines)
    assert sizes[0] == 2
    assert sizes[-3:] == [1, 1, 1]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.y_px, other.y_px, atol=0.01)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(torch.OutOfMemoryError(), "device_error", id="fault_97_gpu_memory"),
        pytest.param(torch.AcceleratorError(), "device_error", id="fault_97_gpu_lost"),
        pytest.param(MemoryError(), "memory_limit", id="fault_94_memory_of_the_worker"),
        pytest.param(
            np._core._exceptions._ArrayMemoryError((9,), np.dtype("u1")),
            "memory_limit",
            id="fault_94_array",
        ),
    ],
)
def test_a_machine_that_fails_a_page_is_no_defect_of_ours(error, reason):
    def fail(row):
        if row["scan_id"] == "b" * 32:
            raise error
        yield {}

    rows = [{"scan_id": name * 32, "version": "1", "page_no": 1, "page_count": 1} for name in "abc"]
    table = pa.Table.from_pylist(rows, schema=schema.READ)
    found = [
        row["error"] and row["error"]["reason"]
        for out in map_rows(table, fail, stage="x", reads=schema.READ, writes=schema.READ)
        for row in out.to_pylist()
    ]
    assert found == [None, reason, None]


def test_fault_97_numbers_that_are_none_are_never_written(reader, monkeypatch):
    squares = reader._network.squares

    def broken(planes, told):
        out, nothing = squares(planes, told)
        return torch.full_like(out, torch.nan), torch.full_like(nothing, torch.nan)

    monkeypatch.setattr(reader._network, "squares", broken)
    (reading,) = reader.read(*windows(1))
    assert np.isnan(reading.y_px).all()
    assert (reading.certainty == 0).all()
    assert (reading.ink == 0).all()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return the folder of weights that a run will load from."""
    folder = tmp_path / "weights"
    shutil.copytree(str(files("ecgbatch.models").joinpath("weights")), folder)
    monkeypatch.setattr("ecgbatch.models.card.shipped_card", lambda name: folder / f"{name}.json")
    return folder


def rehash(folder):
    """Write the hash of what stands there into the card, as an attacker would."""
    path = folder / "segmenter.json"
    values = json.loads(path.read_text())
    data = (folder / "segmenter.safetensors").read_bytes()
    path.write_text(json.dumps({**values, "sha256": hashlib.sha256(data).hexdigest()}))


class Planted:
    """A pickle that runs a command of its own when it is loaded."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return (open, (str(self.witness), "w"))


def _missing(weights):
    weights.unlink()


def _truncated(weights):
    weights.write_bytes(weights.read_bytes()[:-100])


def _changed(weights):
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)


def _pickled(weights):
    weights.write_bytes(pickle.dumps(Planted(weights.with_name("executed"))))
    rehash(weights.parent)


def _reshaped(weights):
    tensors = load_file(weights)
    name = next(name for name, tensor in tensors.items() if tensor.ndim > 1)
    tensors[name] = tensors[name][:, :-1].contiguous()
    save_file(tensors, weights)
    rehash(weights.parent)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        pytest.param(_missing, ConfigError, id="fault_101_missing"),
        pytest.param(_truncated, ChecksumError, id="fault_101_truncated"),
        pytest.param(_changed, ChecksumError, id="fault_101_wrong_hash"),
        pytest.param(_pickled, ConfigError, id="fault_101_pickle"),
        pytest.param(_reshaped, ConfigError, id="fault_101_shapes"),
    ],
)
def test_weights_that_are_not_those_of_the_card_stop_the_run_and_nothing_is_executed(
    installed, tmp_path, spoil, error
):
    import cv2

    spoil(installed / "segmenter.safetensors")
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), sheet(dpi=100.0).pixels)
    config = RunConfig()
    with pytest.raises(RunError) as refused:
        convert(
            str(source), str(out), stages=stages(config, str(source)), config=config, local=True
        )
    assert isinstance(refused.value, error)
    assert rows_of(out, "pages") == rows_of(out, "quarantine") == []
    assert not (installed / "executed").exists()


def test_fault_101_a_card_that_leads_elsewhere_is_refused(installed):
    path = installed / "segmenter.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "sha256": "../../etc/passwd"}))
    with pytest.raises(ConfigError, match="sha256"):
        card_module.read_card(Path(path))
