"""An archive as a hospital would have it, and its truth apart from it."""

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import wfdb

from ecgbatch.imaging.decode import sniff
from ecgbatch.synth.scans import SPOILS, spoiled
from tests.factories_synth import make, npz_file

SHARES = {
    "damaged": 0.2,
    "duplicates": 0.3,
    "covers": 1.0,
    "others": 0.1,
    "multi_page": 0.7,
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    out = tmp_path_factory.mktemp("archive")
    make(out, "archive", count=40, shard=20, archive=SHARES, profiles=["clean"], styles=["no_grid"])
    return out


@pytest.fixture(scope="module")
def rows(archive):
    return pq.read_table(archive / "index").to_pylist()


def test_every_file_stands_where_the_truth_says_with_these_bytes(archive, rows):
    said = {row["path"]: (row["sha256"], row["size_bytes"]) for row in rows}
    found = {}
    for path in (archive / "archive").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            name = str(path.relative_to(archive / "archive"))
            found[name] = (hashlib.sha256(data).hexdigest(), len(data))
    assert found == said


def test_all_formats_odd_pages_and_damage_are_there(rows):
    formats = Counter({row["path"]: row["format"] for row in rows}.values())
    assert set(formats) >= {"jpeg", "png", "tiff_g4", "pdf_scan", "pdf_vector", "other"}
    specials = Counter(row["special"] for row in rows)
    assert specials["cover"] > 0
    assert specials["blank"] > 0
    assert sum(specials[name] for name in SPOILS) > 2
    assert any(row["page_no"] > 1 for row in rows)
    assert any(row["duplicate_of"] for row in rows)


def test_copies_have_the_bytes_of_what_they_copy(rows):
    digests = {row["path"]: row["sha256"] for row in rows}
    for row in rows:
        if row["duplicate_of"]:
            assert row["path"] != row["duplicate_of"]
            assert digests[row["path"]] == digests[row["duplicate_of"]]


def test_files_are_what_they_are_said_to_be(archive, rows):
    for row in rows:
        if row["format"] != "other" and row["special"] in {None, "cover", "blank"}:
            data = (archive / "archive" / row["path"]).read_bytes()
            assert sniff(data)[0] == row["format"].partition("_")[0]


def test_pairs_name_the_record_of_every_good_single_page(archive, rows):
    with (archive / "truth/pairs.csv").open() as file:
        pairs = {row["page"]: row["record"] for row in csv.DictReader(file)}
    assert len(pairs) > 10
    by_name = {Path(row["path"]).name: row for row in rows}
    for page, record in pairs.items():
        assert by_name[page]["special"] is None
        header = wfdb.rdheader(str(archive / "truth/records" / record))
        assert header.fs == 500
        assert "II" in header.sig_name


def test_the_truth_of_pages_is_kept_like_the_samples(archive, rows):
    truths = [
        row
        for path in sorted((archive / "truth/pages").glob("*.json"))
        for row in json.loads(path.read_text())
    ]
    drawn = [row for row in truths if "page" in row]
    assert len(drawn) > 30
    known = {(row["path"], row["page_no"]) for row in rows}
    for row in drawn:
        assert (row["path"], row["page_no"]) in known
        assert row["page"]["regions"][0]["box_px"][2] > 0


def test_an_archive_can_be_made_of_recorded_ecgs(tmp_path):
    npz_file(tmp_path / "in/x.npz", count=3)
    source = {"address": f"file://{tmp_path}/in/x.npz"}
    make(tmp_path / "out", "archive", count=4, source=source, archive={"damaged": 0, "others": 0})
    rows = pq.read_table(tmp_path / "out/index").to_pylist()
    assert {row["record_id"] for row in rows if row["record_id"]} <= {"1", "2", "3"}


@pytest.mark.parametrize("how", SPOILS)
def test_no_damage_leaves_a_file_as_it_was(how):
    data = bytes(range(250)) * 4
    assert spoiled(data, how) != data
    assert len(spoiled(data, how)) <= len(data)
