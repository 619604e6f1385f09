from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecgbatch.errors import ConfigError
from ecgbatch.evaluation.truth import find_records, pair, read_pairs, read_record


@pytest.fixture
def records(tmp_path):
    for name in ("00841_hr", "7"):
        wfdb.wrsamp(
            name,
            fs=500,
            units=["uV", "mV"],
            sig_name=["ii", "AVR"],
            p_signal=np.stack([np.full(100, 1000.0), np.linspace(0, 1, 100)], axis=1),
            fmt=["16", "16"],
            write_dir=str(tmp_path),
        )
    return tmp_path


def test_leads_are_read_in_millivolts_under_their_standard_names(records):
    record = read_record(records / "7")
    assert record.fs_hz == 500
    assert list(record.leads_mv) == ["II", "aVR"]
    assert record.leads_mv["II"] == pytest.approx(1.0, abs=0.001)
    assert record.leads_mv["aVR"][-1] == pytest.approx(1.0, abs=0.001)


def test_records_are_found_without_their_ending(records):
    assert [path.name for path in find_records(records)] == ["00841_hr", "7"]


def test_a_folder_without_records_is_said(tmp_path):
    with pytest.raises(ConfigError, match="hea"):
        find_records(tmp_path)


def test_a_damaged_record_is_said(records):
    (records / "7.dat").unlink()
    with pytest.raises(ConfigError, match="7"):
        read_record(records / "7")


@pytest.mark.parametrize(
    "page",
    ["00841_hr-0.png", "file:///archive/841.jpg", "s3://bucket/a/00841.tif", "00841_hr.pdf"],
)
def test_a_page_finds_its_record_by_name(page):
    found = pair([page], [Path("x/00841_hr"), Path("x/7")])
    assert found[page].name == "00841_hr"


def test_a_page_without_a_record_or_with_two_is_left_out():
    assert pair(["9.png"], [Path("7")]) == {}
    assert pair(["7.png"], [Path("a/7"), Path("b/007")]) == {}


def test_pairs_may_be_given_in_a_file(tmp_path):
    listing = tmp_path / "pairs.csv"
    listing.write_text("page,record\nscan 1.png,deep/00841_hr\n", encoding="utf-8")
    assert read_pairs(listing, records=tmp_path) == {"scan 1.png": tmp_path / "deep/00841_hr"}


def test_pairs_need_both_columns(tmp_path):
    listing = tmp_path / "pairs.csv"
    listing.write_text("page,truth\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="record"):
        read_pairs(listing, records=tmp_path)
