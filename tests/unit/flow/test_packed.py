"""Receipts give back what was packed, whatever is asked of them."""

import tracemalloc

import pyarrow as pa
import pytest

from ecgbatch.flow import packed
from ecgbatch.flow.files import FileFacts
from ecgbatch.flow.packed import Receipts
from ecgbatch.flow.receipts import SCANS, Receipt


def receipt(part, run_id, scans):
    facts = {
        table: FileFacts(f"tables/{table}/release=r/{part}.parquet", len(scans), 10, "ab" * 32)
        for table in ("pages", "signals", "quarantine")
    }
    ones = [1] * len(scans)
    rows = pa.table([scans, ["v"] * len(scans), ones, ones, [0] * len(scans)], schema=SCANS)
    return Receipt(
        part=part,
        run_id=run_id,
        release="r",
        fingerprint="f",
        files=facts,
        scans=rows,
        reasons={"empty": 2},
        stages={"read": (3, 4.5)},
    )


ALL = [
    receipt("b-1", "b", ["s1", "s2"]),
    receipt("a-2", "a", ["s3"]),
    receipt("b-0", "b", ["s4", "s5", "s6"]),
    receipt("a-1", "a", ["s7"]),
]


@pytest.fixture(params=[1, 3, 1000])
def receipts(request, monkeypatch):
    """Packed in chunks of several lengths."""
    monkeypatch.setattr(packed, "_RECEIPTS_PER_CHUNK", request.param)
    return Receipts.pack(iter(ALL))


def ids(found):
    return found.scans()["scan_id"].to_pylist()


def test_what_was_packed_comes_back(receipts):
    assert list(receipts) == [each.part for each in ALL]
    for each in ALL:
        back = receipts[each.part]
        assert back.encoded() == each.encoded()
        assert (back.files, back.stages) == (each.files, each.stages)
    assert ids(receipts) == [f"s{number}" for number in range(1, 8)]


def test_those_of_a_run_stand_in_the_order_of_their_names(receipts):
    assert list(receipts.of_run("a")) == ["a-1", "a-2"]
    assert sorted(ids(receipts.of_run("a"))) == ["s3", "s7"]
    assert receipts.of_run("b")["b-0"].scans["scan_id"].to_pylist() == ["s4", "s5", "s6"]
    assert (len(receipts.of_run("c")), ids(receipts.of_run("c"))) == (0, [])


def test_those_that_hold_a_scan_are_found_also_among_some_of_them(receipts):
    wanted = pa.array(["s2", "s7", "elsewhere"])
    assert list(receipts.holding(wanted)) == ["b-1", "a-1"]
    assert list(receipts.of_run("a").holding(wanted)) == ["a-1"]
    assert not receipts.holding(pa.array([], pa.string()))


def test_nothing_is_packed_as_nothing():
    nothing = Receipts.pack([])
    assert (len(nothing), nothing.scans().schema) == (0, SCANS)
    assert not nothing.holding(pa.array(["s1"]))


def test_a_receipt_of_one_scan_takes_about_a_kilobyte():
    tracemalloc.start()
    try:
        found = Receipts.pack(receipt(f"a-{n:05d}", "a", [f"{n:032x}"]) for n in range(500))
        python_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert python_bytes / 500 < 1200
    assert found.scans().nbytes / 500 < 100
