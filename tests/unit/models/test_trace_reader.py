"""The network's windows in, heights out: in order, with memory ending, without NaN."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ecgbatch.errors import PageError, Reason
from ecgbatch.models.heights import read_heights
from ecgbatch.models.segmenter import HEIGHT_PX, STEPS_PER_PX, Segmenter, ridges
from ecgbatch.models.trace_reader import TraceReader
from tests.factories_segmenter import card, windows, write_untrained


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_untrained(tmp_path_factory.mktemp("model"))


def test_windows_of_several_widths_come_back_in_their_order(model):
    planes, lines = windows(128, 64, 128, 192)
    readings = TraceReader(model).read(planes, lines)
    for window, reading in zip(planes, readings, strict=True):
        assert reading.ink.shape == window.shape[1:]
        assert reading.y_px.shape == (window.shape[2] * STEPS_PER_PX,)
        assert ((reading.certainty >= 0) & (reading.certainty <= 1)).all()
    one = TraceReader(model, batch_px=1).read(planes, lines)
    for each, alone in zip(readings, one, strict=True):
        np.testing.assert_allclose(each.certainty, alone.certainty, atol=1e-4)


def test_folding_the_normalisations_changes_no_number(model):
    network = Segmenter(card())
    network.load_state_dict(load_file(model.with_suffix(".safetensors")))
    planes, lines = windows(64)
    with torch.inference_mode():
        _, heights = network.eval()(torch.from_numpy(planes[0])[None],
                                    torch.from_numpy(ridges(lines[0]))[None])  # fmt: skip
    _, _, certainty = read_heights(heights)
    (reading,) = TraceReader(model).read(planes, lines)
    np.testing.assert_allclose(reading.certainty, certainty[0], atol=1e-4)


def test_when_memory_ends_batches_shrink_and_nothing_is_lost(model, monkeypatch):
    reader = TraceReader(model, batch_px=4 * 64 * HEIGHT_PX)
    run, sizes = reader._run, []

    def scarce(planes, told):
        sizes.append(len(planes))
        if len(planes) > 1:
            raise torch.OutOfMemoryError
        return run(planes, told)

    monkeypatch.setattr(reader, "_run", scarce)
    planes, lines = windows(64, 64, 64, 64, 64)
    assert len(reader.read(planes, lines)) == 5
    assert sizes == [4, 2, 1, 1, 1, 1, 1]


def test_without_memory_for_a_single_window_the_page_can_be_tried_again(model, monkeypatch):
    reader = TraceReader(model, device=torch.device("cpu"))

    def none(planes, told):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(reader, "_run", none)
    with pytest.raises(PageError) as failure:
        reader.read(*windows(64, 64))
    assert failure.value.reason is Reason.DEVICE_ERROR
    assert failure.value.reason.retriable


def test_a_gpu_without_memory_gives_way_to_the_cpu(model, monkeypatch):
    reader = TraceReader(model, device=torch.device("cpu"))
    reader._device = torch.device("meta")  # any that is not the CPU
    run = reader._run

    def scarce(planes, told):
        if reader._device.type != "cpu":
            raise torch.OutOfMemoryError
        return run(planes, told)

    monkeypatch.setattr(reader, "_run", scarce)
    assert len(reader.read(*windows(64))) == 1


def test_a_gpu_that_fails_otherwise_is_not_asked_again(model, monkeypatch):
    reader = TraceReader(model)
    reader._device = torch.device("meta")  # any that is not the CPU
    run, asked = reader._run, []

    def broken(planes, told):
        asked.append(reader._device.type)
        if reader._device.type != "cpu":
            raise RuntimeError("CUDA error: unspecified launch failure")
        return run(planes, told)

    monkeypatch.setattr(reader, "_run", broken)
    assert len(reader.read(*windows(64, 64))) == 2
    assert asked == ["meta", "cpu"]


def test_a_defect_on_the_cpu_is_not_taken_for_memory(model, monkeypatch):
    reader = TraceReader(model)

    def broken(planes, told):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(reader, "_run", broken)
    with pytest.raises(RuntimeError, match="mat1"):
        reader.read(*windows(64))


def test_memory_of_the_cpu_ends_in_words_alone(model, monkeypatch):
    reader = TraceReader(model, batch_px=2 * 64 * HEIGHT_PX)
    run, sizes = reader._run, []

    def scarce(planes, told):
        sizes.append(len(planes))
        if len(planes) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")
        return run(planes, told)

    monkeypatch.setattr(reader, "_run", scarce)
    assert len(reader.read(*windows(64, 64))) == 2
    assert sizes == [2, 1, 1]


def test_heights_are_read_bit_by_bit_where_memory_for_all_of_them_ends(model, monkeypatch):
    planes, lines = windows(64, 64, 64)
    whole = TraceReader(model).read(planes, lines)
    sizes = []

    def scarce(logits):
        sizes.append(len(logits))
        if len(logits) > 1:
            raise torch.OutOfMemoryError
        return read_heights(logits)

    monkeypatch.setattr("ecgbatch.models.trace_reader.read_heights", scarce)
    bits = TraceReader(model, batch_px=64 * HEIGHT_PX).read(planes, lines)
    assert sizes == [3, 1, 1, 1]
    for one, other in zip(whole, bits, strict=True):
        np.testing.assert_allclose(one.certainty, other.certainty, atol=1e-2)


def test_half_numbers_change_heights_by_less_than_the_pen(model):
    reader = TraceReader(model)
    planes, lines = windows(128)
    (half,) = reader.read(planes, lines)
    reader._dtype = torch.float32
    reader._network = reader._whole
    (whole,) = reader.read(planes, lines)
    np.testing.assert_allclose(half.certainty, whole.certainty, atol=0.02)
    np.testing.assert_allclose(half.ink, whole.ink, atol=4)


def test_a_number_that_is_none_is_never_a_height(model, monkeypatch):
    reader = TraceReader(model)
    squares = reader._network.squares

    def broken(planes, told):
        out, nothing = squares(planes, told)
        out, nothing = out.clone(), nothing.clone()
        out[:, 4:, 100, 5] = torch.nan
        out[:, :4] = torch.nan
        return out, nothing

    monkeypatch.setattr(reader._network, "squares", broken)
    (reading,) = reader.read(*windows(64))
    steps = slice(5 * 2 * STEPS_PER_PX, 6 * 2 * STEPS_PER_PX)
    assert np.isnan(reading.y_px[steps]).all()
    assert (reading.certainty[steps] == 0).all()
    assert np.isfinite(np.delete(reading.y_px, np.r_[steps])).all()
    assert (reading.ink == 0).all()
