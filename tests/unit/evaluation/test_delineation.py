"""Delineation against what cardiologists drew; needs LUDB for most."""

import os
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecgbatch.evaluation.delineation import border_errors, compare_record, f1, read_drawn

DATA = os.environ.get("ECGBATCH_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="ECGBATCH_DATA names no folder with LUDB")


def write_record(folder, *, shift=0):
    """Two leads of a beat a second, and notes on lead II of the beats at 2, 3 and 4 s."""
    time_s = np.arange(3000) / 500
    beats_s = np.arange(0.5, 6, 1.0)
    signal = sum(
        height * np.exp(-0.5 * ((time_s[:, None] - beats_s - at_s) / sd_s) ** 2).sum(axis=1)
        for height, at_s, sd_s in ((0.15, -0.16, 0.02), (1.2, 0, 0.012), (0.35, 0.28, 0.04))
    )
    wfdb.wrsamp("one", fs=500, units=["mV", "mV"], sig_name=["i", "ii"],
                p_signal=np.stack([signal / 2, signal], axis=1), fmt=["16", "16"],
                write_dir=str(folder))  # fmt: skip
    sample, symbol = [], []
    for beat_s in (1.5, 2.5, 3.5):
        for wave, at_s, half_s in (("p", -0.16, 0.05), ("N", 0, 0.036), ("t", 0.28, 0.09)):
            centre = round((beat_s + at_s) * 500) + shift
            sample += [centre - round(half_s * 500), centre, centre + round(half_s * 500)]
            symbol += ["(", wave, ")"]
    wfdb.wrann("one", "ii", np.array(sample), symbol, fs=500, write_dir=str(folder))
    return folder / "one"


def test_notes_are_read_as_times_of_each_border(tmp_path):
    drawn = read_drawn(write_record(tmp_path))
    assert set(drawn) == {"II"}
    assert drawn["II"].r_ms.tolist() == [1500, 2500, 3500]
    assert drawn["II"].borders_ms["qrs_on"].tolist() == [1464, 2464, 3464]
    assert drawn["II"].borders_ms["t_off"].tolist() == [1870, 2870, 3870]
    assert drawn["II"].borders_ms["p_peak"].tolist() == [1340, 2340, 3340]


def test_beats_outside_of_the_notes_count_neither_way(tmp_path):
    result = compare_record(write_record(tmp_path))
    assert (result.found, result.missed, result.invented) == (3, 0, 0)
    assert result.errors_ms["p_peak"] == pytest.approx([0, 0, 0], abs=6)
    assert f1([result]) == 1


def test_a_shift_of_the_notes_is_an_error_with_its_sign(tmp_path):
    here = border_errors([compare_record(write_record(tmp_path))])
    there = border_errors([compare_record(write_record(tmp_path, shift=10))])
    for name, error in there.items():
        assert error.mean_ms == pytest.approx(here[name].mean_ms - 20, abs=0.1)
        assert error.sensitivity == 1


@pytest.mark.data
@needs_data
def test_borders_on_ludb_are_within_ten_ms_of_those_drawn():
    folder = Path(DATA) / "ludb"
    results = [compare_record(folder / str(number)) for number in range(2, 101, 4)]
    assert f1(results) >= 0.995
    errors = border_errors(results)
    for name in ("p_on", "qrs_on", "qrs_off", "t_off"):
        assert abs(errors[name].mean_ms) <= 10, name
        assert errors[name].sensitivity > 0.95, name
    assert errors["t_off"].sd_ms <= 30.6
