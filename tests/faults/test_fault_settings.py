"""Faults of settings and of text that others chose; ids carry their numbers."""

import csv
import io
import json
import logging

import pytest

from ecgbatch import cli
from ecgbatch.cli.printing import say
from ecgbatch.export import write
from ecgbatch.export.csv import text_cell
from ecgbatch.storage import open_store
from tests.drivers_flow import drive
from tests.factories_flow import scan
from tests.factories_tables import row, write_part

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202egpj"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    shown = capsys.readouterr()
    return ended.value.code, shown.out + shown.err


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("[read]\nmax_pixel = 5\n", "read.max_pixel", id="fault_102_unknown_key"),
        pytest.param("[red]\nmax_pixels = 5\n", "red", id="fault_102_unknown_section"),
        pytest.param("[read]\nmax_pages = -1\n", "read.max_pages", id="fault_102_negative"),
        pytest.param('release = "../../etc"\n', "release", id="fault_102_path_in_a_name"),
        pytest.param(
            "[pools]\ncpu_workers_max = 1_000_000_000\n",
            "pools.cpu_workers_max",
            id="fault_102_a_billion_workers",
        ),
        pytest.param(
            "[storage]\narchive_bytes_per_s = 0\n",
            "storage.archive_bytes_per_s",
            id="fault_102_no_bytes_at_all",
        ),
        pytest.param("[read\n", "TOML", id="fault_102_no_toml"),
    ],
)
def test_an_impossible_setting_is_named_and_nothing_is_written(tmp_path, capsys, text, key):
    (tmp_path / "in").mkdir()
    (tmp_path / "run.toml").write_text(text)
    status, said = run(
        capsys,
        *("convert", str(tmp_path / "in"), str(tmp_path / "out")),
        *("--config", str(tmp_path / "run.toml")),
    )
    assert status == 2
    assert key in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--release", "../up"], id="fault_102_release"),
        pytest.param(["--run-id", "../up"], id="fault_102_run"),
        pytest.param(["--run-id", "slots"], id="fault_102_a_name_of_ours"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, capsys, arguments):
    (tmp_path / "in").mkdir()
    status, said = run(
        capsys, "convert", str(tmp_path / "in"), str(tmp_path / "out"), "--local", *arguments
    )
    assert status == 2
    assert "Traceback" not in said
    assert not list(tmp_path.glob("up*"))
    assert not list((tmp_path / "out").rglob("run.json"))


def test_fault_104_a_cell_that_begins_like_a_formula_is_text_in_every_list(tmp_path):
    write_part(
        tmp_path / "out",
        pages=[row("pages", layout="=HYPERLINK(1)", flags=["@SUM(1)"])],
        signals=[row("signals", lead="-1+1", role="strip")],
    )
    target = open_store(str(tmp_path / "csv"))
    write.export(open_store(str(tmp_path / "out")), target, form="csv")
    cells = [
        cell
        for path in (tmp_path / "csv").rglob("*.csv")
        for line in csv.reader(io.StringIO(path.read_text()))
        for cell in line
    ]
    assert any("HYPERLINK" in cell for cell in cells)
    for cell in cells:
        try:
            float(cell)
        except ValueError:
            assert not cell.startswith(("=", "+", "-", "@")), cell


def test_fault_104_what_is_printed_moves_no_cursor_and_hides_no_letters(capsys):
    say([HOSTILE])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert text_cell("=1") == "'=1"


def test_fault_103_a_name_in_a_path_and_in_an_exception_reaches_no_table_log_or_summary(
    tmp_path, capfd, caplog
):
    """On a cluster, in pixels and in tags: ``tests/ray/test_ray_privacy.py``."""
    caplog.set_level(logging.DEBUG)
    source = tmp_path / "in"
    scan(source, "SMITH^JOHN/SMITH^JOHN 19450102.scan", pages=2, defect_page=2)
    summary = drive(source, tmp_path / "out")
    shown = capfd.readouterr()
    assert summary.reasons == {"defect": 1}
    texts = [shown.out, shown.err, caplog.text, json.dumps(summary.as_json())]
    assert not [text for text in texts if "SMITH" in text or "19450102" in text]
    for path in (tmp_path / "out").rglob("*"):
        place = path.relative_to(tmp_path / "out")
        assert "SMITH" not in str(place)
        if path.is_file() and place.parts[0] != "runs":
            assert b"SMITH" not in path.read_bytes()
