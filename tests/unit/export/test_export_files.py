"""What the files of each format hold, read by the tools they are for."""

import csv
import io

import duckdb
import numpy as np
import pytest
import wfdb

from ecgbatch.errors import ConfigError, StorageError
from ecgbatch.export import write
from ecgbatch.export.csv import text_cell
from ecgbatch.export.records import ExportRecord
from ecgbatch.export.wfdb import files as wfdb_files
from ecgbatch.storage import open_store
from tests.factories_tables import RELEASE, SCAN, row, write_part

OTHER = "0a" * 16


@pytest.fixture
def out(tmp_path):
    """Two parts: two pages of one scan, and a poor page of another."""
    place = tmp_path / "out"
    write_part(
        place,
        part="part-a",
        pages=[row("pages"), row("pages", page_no=2, speed_mm_per_s=None, gain_mm_per_mv=None)],
        signals=[
            row("signals", samples_uv=[0, 1000, None, -32767]),
            row("signals", role="rhythm", samples_uv=[1, 2, 3, 4, 5, 6]),
            row("signals", page_no=2, lead="V1", t0_ms=4.0, samples_uv=[7, 8]),
        ],
    )
    write_part(
        place,
        part="part-b",
        pages=[row("pages", scan_id=OTHER, quality_class="poor", flags=["noisy", "overlap"])],
        signals=[row("signals", scan_id=OTHER, samples_uv=[9])],
    )
    return open_store(str(place))


def export(out, tmp_path, **options):
    folder = tmp_path / "exported"
    return write.export(out, open_store(str(folder)), **options), folder


def test_wfdb_reads_what_the_tables_hold(out, tmp_path):
    summary, folder = export(out, tmp_path, form="wfdb")
    assert (summary.pages, summary.records, summary.files) == (3, 3, 6)
    record = wfdb.rdrecord(str(folder / "9f" / f"{SCAN}_p0001"))
    assert record.fs == 500
    assert record.units == ["mV"] * 13
    assert record.sig_name[1] == "II"
    assert record.sig_name[12] == "II-rhythm"
    expected = [0, 1.0, np.nan, -32.767, np.nan, np.nan]
    np.testing.assert_array_equal(record.p_signal[:, 1], expected)
    np.testing.assert_allclose(record.p_signal[:, 12], np.arange(1, 7) / 1000)
    assert np.isnan(record.p_signal[:, 0]).all()


def test_the_list_of_wfdb_records_names_every_record(out, tmp_path):
    _, folder = export(out, tmp_path, form="wfdb")
    names = (folder / "RECORDS").read_text().split()
    assert sorted(names) == [f"0a/{OTHER}_p0001", f"9f/{SCAN}_p0001", f"9f/{SCAN}_p0002"]
    for name in names:
        wfdb.rdheader(str(folder / name))


def test_wfdb_checksums_are_those_of_the_reference_writer(tmp_path):
    rng = np.random.default_rng(3)
    signal = rng.integers(-32767, 32767, size=(2, 999)).astype(np.float32)
    record = ExportRecord("x", row("pages"), 500.0, 0.0, ("I", "II"), signal)
    made = wfdb_files(record)
    for ending, data in made.items():
        (tmp_path / f"x.{ending}").write_bytes(data)
    ours = wfdb.rdrecord(str(tmp_path / "x"), physical=False)
    (tmp_path / "theirs").mkdir()
    wfdb.wrsamp(
        "x",
        fs=500,
        units=["mV", "mV"],
        sig_name=["I", "II"],
        d_signal=ours.d_signal,
        fmt=["16", "16"],
        adc_gain=[1000.0, 1000.0],
        baseline=[0, 0],
        write_dir=str(tmp_path / "theirs"),
    )
    theirs = wfdb.rdheader(str(tmp_path / "theirs" / "x"))
    # The manual calls the checksum a signed number of 16 bits, the Python writer does not.
    assert [value % 2**16 for value in ours.checksum] == [v % 2**16 for v in theirs.checksum]
    assert ours.init_value == theirs.init_value
    assert (tmp_path / "x.dat").read_bytes() == (tmp_path / "theirs" / "x.dat").read_bytes()


def test_csv_has_units_in_its_header_and_empty_cells_where_nothing_was_read(out, tmp_path):
    _, folder = export(out, tmp_path, form="csv")
    lines = list(csv.reader(io.StringIO((folder / "9f" / f"{SCAN}_p0001.csv").read_text())))
    assert lines[0][:3] == ["time_ms", "I_uv", "II_uv"]
    assert [line[2] for line in lines[1:]] == ["0", "1000", "", "-32767", "", ""]
    assert [float(line[0]) for line in lines[1:]] == [0, 2, 4, 6, 8, 10]


def test_npz_holds_microvolts_with_nan_and_loads_without_pickle(out, tmp_path):
    _, folder = export(out, tmp_path, form="npz")
    with np.load(folder / "9f" / f"{SCAN}_p0002.npz", allow_pickle=False) as data:
        assert data["signal_uv"].dtype == np.float32
        assert data["fs_hz"] == 500.0
        v1 = data["signal_uv"][list(data["names"]).index("V1")]
    np.testing.assert_array_equal(v1, [np.nan, np.nan, 7, 8])


def test_the_index_says_what_is_known_of_every_record(out, tmp_path):
    _, folder = export(out, tmp_path, form="npz")
    found = duckdb.sql(
        f"SELECT record, flags FROM read_csv('{folder}/index/*.csv') WHERE quality_class = 'poor'"
    ).fetchall()
    assert found == [(f"0a/{OTHER}_p0001", "noisy overlap")]


def test_only_the_pages_that_meet_the_condition_are_written(out, tmp_path):
    summary, folder = export(
        out, tmp_path, form="npz", where="quality_class = 'good' AND page_no=2"
    )
    assert summary.records == 1
    assert [path.name for path in folder.rglob("*.npz")] == [f"{SCAN}_p0002.npz"]


def test_a_condition_on_an_unknown_column_says_so(out, tmp_path):
    with pytest.raises(ConfigError, match="heart_rate"):
        export(out, tmp_path, form="npz", where="heart_rate > 100")


def test_a_condition_cannot_read_files(out, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with pytest.raises(ConfigError):
        export(out, tmp_path, form="npz", where=f"1 IN (SELECT a FROM read_csv('{secret}'))")


def test_a_file_that_cannot_be_written_ends_the_export(out, tmp_path):
    blocked = tmp_path / "exported"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        export(out, tmp_path, form="csv")


def test_several_releases_are_never_mixed(out, tmp_path):
    write_part(tmp_path / "out", release="second", pages=[row("pages")], signals=[])
    with pytest.raises(ConfigError, match="--release"):
        export(out, tmp_path, form="npz")
    summary, _ = export(out, tmp_path, form="npz", release=RELEASE)
    assert summary.records == 3


def test_a_folder_without_tables_says_what_to_name(tmp_path):
    with pytest.raises(ConfigError, match="ecgbatch convert"):
        export(open_store(str(tmp_path / "nothing")), tmp_path, form="npz")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_cell_is_a_formula(text):
    assert text_cell(text) == "'" + text
