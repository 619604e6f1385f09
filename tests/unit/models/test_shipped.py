"""Models that come with the package are named without loading them, and are whole."""

import subprocess
import sys

import pytest
import torch

from ecgbatch.config import DiagnoseSettings, LocateSettings, RunConfig, TraceSettings
from ecgbatch.errors import ChecksumError, ConfigError
from ecgbatch.models.card import read_card, shipped_card
from ecgbatch.models.shipped import identities
from ecgbatch.models.trace_reader import TraceReader
from ecgbatch.stages.trace import Trace


def test_the_shipped_segmenter_opens_and_is_who_its_card_says():
    reader = TraceReader(shipped_card("segmenter"), device=torch.device("cpu"))
    assert identities(["segmenter"]) == (reader.card.identity,)
    assert reader.card.measured


def test_a_model_that_is_not_installed_is_named():
    with pytest.raises(ConfigError, match="nobody"):
        identities(["nobody"])


@pytest.mark.parametrize(
    ("weights", "expected"), [(b"other bytes", ChecksumError), (None, ConfigError)]
)
def test_other_or_missing_weights_are_refused_before_a_run_starts(
    tmp_path, monkeypatch, weights, expected
):
    card = shipped_card("segmenter")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / card.name).write_bytes(card.read_bytes())
    if weights is not None:
        (tmp_path / "weights" / "segmenter.safetensors").write_bytes(weights)
    monkeypatch.setattr("ecgbatch.models.shipped.files", lambda package: tmp_path)
    with pytest.raises(expected, match="segmenter"):
        identities(["segmenter"])


def test_settings_tell_which_models_look_at_pages():
    assert RunConfig().networks() == ("locator", "reader", "segmenter", "diagnosis", "page")
    blind = RunConfig(
        locate=LocateSettings(networks=False),
        trace=TraceSettings(network=False),
        diagnose=DiagnoseSettings(enabled=False),
    )
    assert blind.networks() == ()
    assert blind.fingerprint() != RunConfig().fingerprint()
    unnamed = RunConfig(locate=LocateSettings(networks=False))
    assert unnamed.networks() == ("segmenter", "diagnosis", "page")
    untraced = RunConfig(
        trace=TraceSettings(enabled=False), diagnose=DiagnoseSettings(pixels=False)
    )
    assert untraced.networks() == ("locator", "reader", "diagnosis")


def test_naming_models_loads_no_torch():
    code = (
        "import sys; from ecgbatch.models.shipped import identities; identities(['segmenter']);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_does_not_start_with_other_weights_than_those_of_the_card(tmp_path, monkeypatch):
    card = shipped_card("segmenter")
    here = tmp_path / card.name
    here.write_bytes(card.read_bytes())
    here.with_suffix(".safetensors").write_bytes(b"other bytes")
    monkeypatch.setattr("ecgbatch.models.card.shipped_card", lambda name: here)
    with pytest.raises(ChecksumError, match=read_card(card).sha256):
        Trace(TraceSettings()).open()
