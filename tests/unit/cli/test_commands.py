"""Every command explains itself, ends with its documented status, and shows no traceback."""

import subprocess
import sys

import pytest
import typer.main

from ecgbatch import cli, schema
from ecgbatch.errors import ChecksumError, ConfigError, LeaseError, StorageError
from tests.factories_tables import SCAN, row, write_part

COMMANDS = typer.main.get_command(cli.app).commands


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    shown = capsys.readouterr()
    return ended.value.code, shown.out, shown.err


@pytest.fixture
def out(tmp_path):
    write_part(tmp_path / "out", pages=[row("pages")], signals=[row("signals")])
    return str(tmp_path / "out")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_has_a_sentence(name):
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{name}: {parameter.name}"


def test_help_names_every_command(capsys):
    status, shown, _ = run(capsys, "--help")
    assert status == 0
    assert all(name in shown for name in COMMANDS)


def test_the_version_is_the_packages(capsys):
    assert run(capsys, "--version")[:2] == (0, "0.1.0\n")


def test_help_loads_neither_ray_nor_torch_nor_opencv():
    code = (
        "import sys, ecgbatch.cli as c\n"
        "sys.exit(repr({'ray', 'torch', 'cv2', 'pyarrow', 's3fs'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", "nowhere"],  # OUT is missing
        ["convert", "in", "out", "--workers", "0"],
        ["convert", "in", "out", "--config", "no-such-file.toml"],
        ["convert", "in", "out", "--release", "a/b"],
        ["export", "out", "dest", "--format", "excel"],
        ["retry", "out", "no_such_reason"],
        ["views", "out", "--reader", "excel"],
        ["show", "http://host/out", SCAN],
        ["wash"],
    ],
)
def test_a_wrong_argument_ends_with_2_and_no_traceback(capsys, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, shown, complaint = run(capsys, *arguments)
    assert status == 2
    assert "Traceback" not in shown + complaint
    assert complaint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConfigError, 2), (LeaseError, 75), (StorageError, 75), (ChecksumError, 1)],
)
def test_an_error_of_ours_is_one_line_and_its_status(capsys, monkeypatch, error, status):
    def fail(*arguments, **options):
        raise error("this happened: do that")

    monkeypatch.setattr("ecgbatch.flow.status.status", fail)
    assert run(capsys, "status", "out") == (status, "", "ecgbatch: this happened: do that\n")


def test_views_and_query_read_the_tables(capsys, out):
    status, shown, _ = run(capsys, "views", out)
    assert (status, shown.count("CREATE OR REPLACE VIEW")) == (0, len(schema.PUBLISHED))
    status, shown, _ = run(capsys, "query", out, "SELECT lead FROM signals")
    assert status == 0
    assert "II" in shown


def test_export_says_what_it_wrote(capsys, out, tmp_path):
    status, shown, _ = run(capsys, "export", out, str(tmp_path / "e"), "--format", "csv")
    assert status == 0
    assert shown.startswith("1 records of 1 pages in 1 files")


def test_show_draws_what_the_tables_hold_even_without_the_file(capsys, out, tmp_path):
    picture = tmp_path / "page.png"
    status, shown, _ = run(capsys, "show", out, SCAN, "-o", str(picture))
    assert status == 0
    assert "not in the plan" in shown
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_an_empty_archive_says_where_to_look(capsys, tmp_path):
    status, _, complaint = run(capsys, "plan", str(tmp_path))
    assert status == 2
    assert "IN" in complaint


def test_a_plan_counts_the_files_of_a_folder(capsys, tmp_path):
    for name in ("a.jpg", "b.jpg", "c.tif"):
        (tmp_path / name).write_bytes(b"0" * 1000)
    status, shown, _ = run(capsys, "plan", str(tmp_path))
    assert status == 0
    assert "3 listed" in shown


def test_a_plan_leaves_out_what_stands_below_the_output(capsys, tmp_path):
    from tests.drivers_flow import drive
    from tests.factories_flow import archive, scan

    source = archive(tmp_path / "in", 3)
    drive(source, tmp_path / "out")
    scan(source, "new.scan")
    config = tmp_path / "run.toml"
    config.write_text("")
    status, shown, _ = run(capsys, "plan", source, str(tmp_path / "out"), "--config", str(config))
    assert status == 0
    assert "5 listed, 4 already there, 1 to read" in shown
