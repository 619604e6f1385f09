"""Impossible data sets: one line that names the option, exit status 2, and nothing written."""

import numpy as np
import pytest

from ecgbatch import cli
from tests.factories_synth import wave, wfdb_record


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(["synth", *arguments, "--local"])
    shown = capsys.readouterr()
    return ended.value.code, shown.out, shown.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--layouts", "5x5"], "'5x5'"),
        (["--styles", "plaid"], "'plaid'"),
        (["--profiles", "clean,fire"], "'fire'"),
        (["--dpi", "9"], "dpi"),
        (["--dpi", "high"], "dpi"),
        (["--count", "0"], "--count"),
        (["--splits", "train"], "--splits"),
        (["--splits", "train=0.5,test=0.6"], "splits"),
        (["--image", "gif"], "image"),
        (["--recipe", "nowhere.toml"], "recipe"),
        (["--source", "nowhere"], "no such folder"),
        (["--source", "in", "--labels", "nowhere.csv"], "labels"),
        (["--recipe", "speed.toml"], "speed"),
        (["--recipe", "size.toml"], "row_pitch_mm"),
        (["--recipe", "typo.toml"], "layuots"),
        (["--recipe", "slow.toml"], "layouts"),
    ],
)
def test_an_impossible_option_is_named_and_nothing_is_written(
    tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    wfdb_record(tmp_path / "in", "r", wave(10, 500))
    (tmp_path / "speed.toml").write_text("speeds = { 33 = 1.0 }\n")
    (tmp_path / "size.toml").write_text("row_pitch_mm = [390.0, 395.0]\n")
    (tmp_path / "typo.toml").write_text('layuots = ["6x2"]\n')
    (tmp_path / "slow.toml").write_text('speeds = [6.25]\nlayouts = ["3x4"]\n')
    status, shown, complaint = run(capsys, "pages", "out", *arguments)
    assert status == 2
    assert words in complaint
    assert "Traceback" not in shown + complaint
    assert not (tmp_path / "out").exists()


def test_an_unknown_kind_is_refused(tmp_path, capsys):
    status, _, complaint = run(capsys, "posters", str(tmp_path / "out"))
    assert (status, "overlap" in complaint) == (2, True)


def two_samples(folder):
    wfdb_record(folder, "r", np.ones((12, 2)))


def other_leads(folder):
    wfdb_record(folder, "r", wave(10, 500, count=2), leads=["vx", "vy"])


def another_unit(folder):
    wfdb_record(folder, "r", wave(10, 500), unit="mmHg")


def a_cut_header(folder):
    wfdb_record(folder, "r", wave(10, 500))
    (folder / "r.hea").write_text("r 12 500\n")


def three_seconds(folder):
    wfdb_record(folder, "r", wave(3, 500))


def no_records(folder):
    signals = np.zeros((0, 12, 5000), np.int16)
    np.savez(folder / "x.npz", signal_uv=signals, ecg_id=np.zeros(0), fs_hz=500)


def samples_elsewhere(folder):
    wfdb_record(folder, "r", wave(10, 500))
    text = (folder / "r.hea").read_text()
    (folder / "r.hea").write_text(text.replace("r.dat", "../r.dat"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (two_samples, ["record r", "0.004 s"]),
        (other_leads, ["record r", "none of its signals"]),
        (another_unit, ["record r", "mmHg"]),
        (a_cut_header, ["record r", "header"]),
        (three_seconds, ["record r", "3 s", "3x4+1R"]),
        (no_records, ["no record"]),
    ],
)
def test_a_record_that_cannot_be_printed_is_named_and_nothing_is_written(
    tmp_path, capsys, damage, words
):
    (tmp_path / "in").mkdir()
    damage(tmp_path / "in")
    out, source = str(tmp_path / "out"), str(tmp_path / "in")
    status, _, complaint = run(
        capsys, "pages", out, "--source", source, "--layouts", "3x4+1R", "--count", "1"
    )
    assert status == 2
    assert all(word in complaint for word in words), complaint
    assert not (tmp_path / "out").exists()


def test_samples_outside_of_the_source_are_never_read(tmp_path, capsys):
    samples_elsewhere(tmp_path / "in")
    (tmp_path / "r.dat").write_bytes((tmp_path / "in/r.dat").read_bytes())
    status, _, complaint = run(
        capsys, "pages", str(tmp_path / "out"), "--source", str(tmp_path / "in"), "--count", "1"
    )
    assert status == 2
    assert "record r: its header" in complaint


@pytest.mark.parametrize("fs_hz", [50, 100, 257, 360, 1000, 4096])
def test_every_rate_is_printed_at_the_rate_of_the_page(tmp_path, capsys, fs_hz):
    wfdb_record(tmp_path / "in", "r", wave(10, fs_hz), fs_hz=fs_hz)
    status, shown, complaint = run(
        capsys, "pages", str(tmp_path / "out"), "--source", str(tmp_path / "in"),
        "--count", "1", "--dpi", "60", "--profiles", "clean",
    )  # fmt: skip
    assert (status, complaint.count("ecgbatch:")) == (0, 0)
    assert "1 of 1 pages" in shown


def test_missing_samples_and_dead_leads_are_printed_as_nothing(tmp_path, capsys):
    signals = wave(10, 500)
    signals[4] = np.nan
    signals[0, 200:900] = np.nan
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in/x.npz", signal_uv=signals[None], ecg_id=[1], fs_hz=500)
    status, _, _ = run(
        capsys, "boxes", str(tmp_path / "out"), "--source", str(tmp_path / "in"),
        "--count", "1", "--dpi", "60", "--profiles", "clean", "--layouts", "12x1",
    )  # fmt: skip
    assert status == 0
    [label] = (tmp_path / "out/labels").rglob("*.txt")
    classes = [int(line.split()[0]) for line in label.read_text().splitlines()]
    assert classes.count(0) == 11
