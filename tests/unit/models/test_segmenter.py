"""The network's windows in, heights out: distributions read right, memory ending, no NaN."""

import numpy as np
import pytest
import torch

from ecgbatch.errors import ConfigError, PageError, Reason
from ecgbatch.models.card import InputContract, ModelCard, write_model
from ecgbatch.models.segmenter import (
    CHANNELS,
    CLASSES,
    HEIGHT_PX,
    NORMALISATION,
    PX_PER_MM,
    STEPS_PER_PX,
    Segmenter,
    TraceReader,
    read_heights,
    ridges,
)


def card(**changes) -> ModelCard:
    contract = {
        "px_per_mm": PX_PER_MM,
        "channels": CHANNELS,
        "normalisation": NORMALISATION,
    } | changes
    return ModelCard(
        name="segmenter",
        version="0.0.1",
        sha256="0" * 64,
        licence="Apache-2.0",
        data="none",
        command="none",
        input=InputContract(**contract),
        classes=CLASSES,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("model")
    network = Segmenter()
    network.train()
    with torch.no_grad():  # so that the normalisations hold other numbers than 0 and 1
        network(torch.randint(0, 255, (2, 2, HEIGHT_PX, 64)), torch.rand(2, 2, HEIGHT_PX))
    write_model(network, card(), folder)
    return folder / "segmenter.json"


def windows(*widths):
    rng = np.random.default_rng(3)
    planes = [rng.integers(0, 255, (2, HEIGHT_PX, width), np.uint8) for width in widths]
    return planes, [(256.0, 100.0)] * len(widths)


def distribution(peaks, absent=0.0):
    share = torch.zeros(101)
    for row, mass in peaks.items():
        share[row] = mass
    share[-1] = absent
    return torch.log(share + 1e-12).expand(1, 4, 101)


def test_a_height_between_two_rows_is_read_to_a_fraction_of_a_pixel():
    y, spread, certainty = read_heights(distribution({40: 0.75, 41: 0.25}))
    assert y[0, 0].item() == pytest.approx(40.25, abs=1e-4)
    assert spread[0, 0].item() == pytest.approx(np.sqrt(0.75 * 0.25), abs=1e-3)
    assert certainty[0, 0].item() == pytest.approx(1.0, abs=1e-6)


def test_where_it_wavers_between_two_traces_the_likelier_is_read_and_not_their_middle():
    y, _, _ = read_heights(distribution({20: 0.4, 80: 0.6}))
    assert y[0, 0].item() == pytest.approx(80.0, abs=0.01)


def test_at_a_crossing_the_trace_goes_on_where_it_came_from():
    steps = [distribution({20: 1.0})[:, :2]] * 6
    crossing = distribution({20: 0.45, 80: 0.55})[:, :2]  # another trace is likelier for a moment
    y, _, _ = read_heights(torch.cat([*steps, crossing, *steps], dim=1))
    assert (y - 20).abs().max() < 0.1


def test_a_peak_is_followed_all_the_way():
    up = [distribution({90 - 10 * step: 1.0})[:, :2] for step in range(9)]
    y, _, _ = read_heights(torch.cat([*up, *up[::-1]], dim=1))
    assert y.min().item() == pytest.approx(10.0, abs=0.1)


def test_certainty_is_what_absence_leaves():
    _, _, certainty = read_heights(distribution({30: 0.3}, absent=0.7))
    assert certainty[0, 0].item() == pytest.approx(0.3, abs=1e-5)


def test_ridges_stand_on_the_own_line_and_on_the_others():
    own, other = ridges([256.0, 100.0, 400.0])
    assert own.argmax() == 256
    assert set(np.flatnonzero(other == 1)) == {100, 400}
    assert not ridges([256.0])[1].any()


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
    from safetensors.torch import load_file

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


@pytest.mark.parametrize("wrong", [{"px_per_mm": 8.0}, {"channels": ("darkness",)}])
def test_the_card_of_another_network_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"segmenter@0\.0\.1"):
        Segmenter(card(**wrong))
