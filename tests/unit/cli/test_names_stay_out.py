"""What a run prints and publishes never tells who is on a page.

The name stands where names stand in archives: in a folder, in file names, in a file's bytes, on
the page. The addresses of scans are in ``runs/`` (see docs/operating.md) and nowhere else.
"""

import os
import re
import subprocess
import sys

import cv2
import pytest

from ecgbatch.cli import main
from ecgbatch.storage import scan_id
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style

NAME = "CANARYSON"
KEY = "a-secret-that-nobody-may-see"


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """An archive with a readable page, a cover sheet and two kinds of damage, converted once."""
    folder = tmp_path_factory.mktemp("archive")
    archive = folder / f"{NAME}^JOHN"
    archive.mkdir()
    page = render(
        simulate(1).by_name(), fs_hz=500.0, layout=layout("3x4+1R"), style=style("pink_letter")
    ).pixels
    cv2.putText(page, NAME, (60, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2)
    encoded = cv2.imencode(".jpg", page[:, :, ::-1])[1].tobytes()
    (archive / f"{NAME}_19450102.jpg").write_bytes(encoded)
    (archive / f"{NAME}_cut.jpg").write_bytes(encoded[: len(encoded) // 2])
    (archive / f"{NAME}.html").write_bytes(f"<html>{NAME}</html>".encode())
    (archive / f"{NAME}\x1b[2J.pdf").write_bytes(f"%PDF-1.4 /Title ({NAME})".encode())
    out = folder / "out"
    done = subprocess.run(
        [sys.executable, "-m", "ecgbatch", "convert", str(archive), str(out), "--local"],
        env={**os.environ, "ECGBATCH_ID_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return archive, out, done.stdout + done.stderr


def test_every_page_is_accounted_for(converted):
    assert re.search(r"4 in = 1 published \+ 3 quarantined", converted[2])


def test_nothing_that_is_printed_names_anybody(converted):
    archive, _, printed = converted
    assert NAME not in printed.replace(str(archive), "")
    assert KEY not in printed
    assert "\x1b" not in printed


def test_nothing_below_tables_names_anybody(converted):
    _, out, _ = converted
    files = [path for path in (out / "tables").rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        assert NAME not in str(path.relative_to(out))
        data = path.read_bytes()
        assert NAME.encode() not in data
        assert KEY.encode() not in data


def test_names_stand_in_the_plan_and_the_records_of_runs_alone(converted):
    _, out, _ = converted
    holding = {
        path.relative_to(out).parts[0]
        for path in out.rglob("*")
        if path.is_file() and NAME.encode() in path.read_bytes()
    }
    assert holding <= {"runs"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "OUT", "DEST"],
        ["verify", "OUT"],
        ["status", "OUT"],
        ["query", "OUT", "SELECT * FROM quarantine"],
    ],
)
def test_no_other_command_names_anybody(converted, arguments, tmp_path, capfd):
    places = {"OUT": str(converted[1]), "DEST": str(tmp_path / "wfdb")}
    with pytest.raises(SystemExit) as ended:
        main([places.get(word, word) for word in arguments])
    printed = capfd.readouterr()
    assert ended.value.code == 0
    assert NAME not in printed.out + printed.err
    for path in tmp_path.rglob("*"):
        assert NAME not in path.name
        assert path.is_dir() or NAME.encode() not in path.read_bytes()


def test_ids_cannot_be_guessed_without_the_secret(converted, monkeypatch):
    archive, out, _ = converted
    monkeypatch.delenv("ECGBATCH_ID_KEY", raising=False)
    guess = scan_id(f"file://{archive}/{NAME}_19450102.jpg")
    assert not any(guess.encode() in path.read_bytes() for path in out.rglob("*.json"))
