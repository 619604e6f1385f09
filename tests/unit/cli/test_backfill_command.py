"""``ecgbatch backfill`` on real pages, by its command line."""

import json
import os
import shutil
from pathlib import Path

import pytest

from ecgbatch import cli

SAMPLES = Path(__file__).parents[3] / "samples" / "archive"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    shown = capsys.readouterr()
    return ended.value.code, shown.out, shown.err


def test_pages_of_two_nights_are_converted_once_and_estimated_before(tmp_path, capsys):
    source, out, report = tmp_path / "in", str(tmp_path / "out"), tmp_path / "report.json"
    source.mkdir()
    pages = sorted(SAMPLES.rglob("ECG_00011[79].*"))
    for page, seconds in zip(pages, (1_700_000_000, 1_700_050_000), strict=True):
        copied = shutil.copy(page, source)
        os.utime(copied, (seconds, seconds))
    fast = tmp_path / "fast.toml"
    fast.write_text("[trace]\nnetwork = false\n")
    common = [
        *(str(source), out, "--config", str(fast), "--local", "--window", "1d"),
        *("--since", "2023-11-14", "--until", "2023-11-16", "--catch-up", "all"),
    ]
    status, shown, _ = run(
        capsys, "backfill", *common, "--estimate", "--pages-per-s", "1", "--price-per-hour", "3600"
    )
    assert status == 0
    assert "2 slots due" in shown
    assert "2.00 at the price given" in shown
    assert not Path(out).exists()

    status, shown, _ = run(capsys, "backfill", *common, "--json", str(report))
    assert status == 0
    assert shown.index("time          unknown") < shown.index("pages         1 in")
    slots = json.loads(report.read_text())["slots"]
    assert [(slot["scans_done"], slot["state"]) for slot in slots] == [(1, "done"), (1, "done")]

    status, shown, _ = run(capsys, "backfill", *common)
    assert (status, shown) == (0, "nothing is due: every slot up to now is settled\n")
    assert run(capsys, "verify", out, "--config", str(fast))[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--catch-up", "some"],
        ["--deleted", "burn"],
        ["--window", "1m"],
        ["--zone", "Mars"],
        ["--since", "yesterday"],
        ["--since", "2024-01-02", "--until", "2024-01-01"],
    ],
)
def test_what_is_impossible_is_refused_before_anything_is_written(tmp_path, capsys, arguments):
    (tmp_path / "in").mkdir()
    status, _, complaint = run(
        capsys, "backfill", str(tmp_path / "in"), str(tmp_path / "out"), *arguments
    )
    assert status == 2
    assert complaint
    assert not (tmp_path / "out").exists()
