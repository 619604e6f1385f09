import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.errors import PageError, Reason, SchemaError
from ecgbatch.stages.publish import published
from ecgbatch.stages.rows import error_value
from ecgbatch.tables import leads

ABOUT = {
    "run_id": "run-1",
    "fingerprint": "0123456789abcdef",
    "software_version": "0.1.0",
    "models": ["segmenter@1"],
}


def lead(name="II", signal_uv=(0.0, 1.0), **changes):
    values = {
        "lead": name,
        "role": "strip",
        "name_source": "read",
        "t0_ms": 0.0,
        "fs_hz": 500.0,
        "native_fs_hz": 200.0,
        "signal_uv": np.array(signal_uv, np.float32),
        "overlap": 0.0,
        "quality": 0.9,
        "box_px": [0.0, 1.0, 2.0, 3.0],
        "origin_px": [0.0, 2.0],
    }
    return values | changes


def page(number, *leads, **changes):
    values = {
        "scan_id": f"{number:032x}",
        "version": "v1",
        "page_no": 1,
        "page_count": 1,
        "source_kind": "raster",
        "source_format": "png",
        "content_id": "c0",
        "width_px": 2200,
        "height_px": 1700,
        "flags": ["names_guessed"],
        "speed_mm_per_s": 25.0,
        "speed_source": "assumed",
        "gain_mm_per_mv": 10.0,
        "gain_source": "pulse",
        "px_per_mm_x": 7.9,
        "px_per_mm_y": 7.9,
        "px_per_mm_source": "grid",
        "layout": "3x4+1R",
        "leads": list(leads),
        "quality_score": 0.9,
        "quality_class": "good",
    }
    return values | changes


def failed(number, reason=Reason.NO_GRID, **facts):
    identity = ("scan_id", "version", "page_no", "page_count")
    error = error_value(PageError(reason, **facts), stage="rectify", attempts=2)
    return {name: page(number)[name] for name in identity} | {"error": error}


def publish(*rows):
    return published(pa.Table.from_pylist(list(rows), schema=schema.READ), **ABOUT)


def samples(tables, row=0):
    return tables["signals"]["samples_uv"][row].as_py()


def test_every_row_is_in_exactly_one_of_pages_and_quarantine():
    rows = [page(0, lead()), failed(1), page(2, lead(), lead("I")), failed(3), failed(4)]
    tables = publish(*rows)
    in_pages = tables["pages"]["scan_id"].to_pylist()
    in_quarantine = tables["quarantine"]["scan_id"].to_pylist()
    assert in_pages == [rows[0]["scan_id"], rows[2]["scan_id"]]
    assert in_quarantine == [rows[1]["scan_id"], rows[3]["scan_id"], rows[4]["scan_id"]]


def test_the_tables_are_what_the_schema_promises():
    for tables in (publish(page(0, lead()), failed(1)), publish()):
        for name in ("pages", "signals", "measurements", "beats", "quarantine"):
            assert tables[name].schema.equals(schema.PUBLISHED[name])
            tables[name].validate(full=True)


def test_no_column_that_must_hold_a_value_is_null():
    tables = publish(page(0, lead()), failed(1, trace_mm=3))
    for name, table in tables.items():
        for field in schema.PUBLISHED[name]:
            if not field.nullable:
                assert table[field.name].null_count == 0, (name, field.name)


def test_microvolts_are_rounded_and_missing_samples_are_null():
    tables = publish(page(0, lead(signal_uv=[0.4, -0.6, np.nan, 1499.5, -7.0])))
    assert samples(tables) == [0, -1, None, 1500, -7]
    assert tables["signals"]["coverage"].to_pylist() == pytest.approx([0.8])


def test_beyond_the_range_of_the_table_a_sample_is_null_and_never_wraps():
    tables = publish(page(0, lead(signal_uv=[32767.0, -32767.0, 32768.0, 70_000.0, -np.inf])))
    assert samples(tables) == [32767, -32767, None, None, None]


def test_an_empty_lead_is_kept_and_does_not_count():
    tables = publish(page(0, lead("I", [np.nan, np.nan]), lead("II"), lead("V1", [])))
    assert tables["signals"].num_rows == 3
    assert tables["signals"]["coverage"].to_pylist() == [0.0, 1.0, 0.0]
    assert tables["pages"]["n_leads"].to_pylist() == [1]


def test_printings_of_one_lead_are_counted_page_by_page():
    first = page(0, lead("II"), lead("II", role="rhythm"), lead("V1"))
    second = page(1, lead("V1"), lead("II"), lead("V1", t0_ms=5000.0))
    tables = publish(first, second)
    assert tables["signals"]["segment"].to_pylist() == [0, 1, 0, 0, 0, 1]
    assert tables["pages"]["n_leads"].to_pylist() == [2, 2]


def test_signals_follow_their_pages_in_order():
    tables = publish(page(5, lead("V1"), lead("V2")), failed(6), page(7, lead("I")))
    ids = [int(each, 16) for each in tables["signals"]["scan_id"].to_pylist()]
    assert ids == [5, 5, 7]
    assert tables["signals"]["lead"].to_pylist() == ["V1", "V2", "I"]


def test_an_error_keeps_its_reason_numbers_and_attempts():
    (row,) = publish(failed(1, Reason.TIMEOUT, seconds=30))["quarantine"].to_pylist()
    assert (row["stage"], row["reason"], row["attempts"]) == ("rectify", "timeout", 2)
    assert row["facts"] == [("seconds", 30.0)]
    assert row["retriable"] is True
    assert row["where"] is None


def test_every_row_says_who_made_it():
    tables = publish(page(0, lead()), failed(1))
    assert tables["pages"]["models"].to_pylist() == [["segmenter@1"]]
    assert {each for table in tables.values() for each in table["run_id"].to_pylist()} == {"run-1"}
    assert tables["quarantine"]["fingerprint"][0].as_py() == ABOUT["fingerprint"]


def test_what_was_not_measured_is_null_and_never_nan():
    nan = float("nan")
    row = publish(page(0, lead(), dpi_x=nan, einthoven_uv=nan))["pages"].to_pylist()[0]
    assert row["dpi_x"] is None
    assert row["einthoven_uv"] is None


def test_a_slice_of_a_longer_table_publishes_its_own_rows():
    rows = [page(number, lead("II", [number, number])) for number in range(4)]
    whole = pa.Table.from_pylist(rows, schema=schema.READ)
    tables = published(whole.slice(2, 1), **ABOUT)
    assert samples(tables) == [2, 2]
    assert tables["signals"]["scan_id"].to_pylist() == [rows[2]["scan_id"]]


def test_rows_from_several_chunks_are_published_alike():
    rows = [page(0, lead()), failed(1), page(2, lead("I"), lead("II"))]
    parts = [pa.Table.from_pylist([row], schema=schema.READ) for row in rows]
    apart = published(pa.concat_tables(parts), **ABOUT)
    together = publish(*rows)
    assert all(apart[name].equals(together[name]) for name in together)


def test_other_columns_are_refused():
    with pytest.raises(SchemaError):
        published(schema.TRACED.empty_table(), **ABOUT)


def test_what_is_told_by_the_second_is_published_and_stays_apart_from_the_samples():
    nan = float("nan")
    told = lead(
        signal_uv=(1.0, nan, 3.0),
        confidence=[0.75, nan],
        overlap_s=[0.5, 0.0],
        repaired_uv=[nan, 2.4, nan],
    )
    signals = publish(page(0, told, lead("V1")), page(1, lead("I")))["signals"]
    assert signals["samples_uv"].to_pylist()[0] == [1, None, 3]
    assert signals["confidence"].to_pylist() == [[0.75, None], None, None]
    assert signals["overlap_s"].to_pylist() == [[0.5, 0.0], None, None]
    assert signals["repaired_uv"].to_pylist() == [[None, 2, None], None, None]
    found, digital, _ = leads(signals)
    assert np.isnan(found.repaired_uv[0])
    assert found.confidence[0] == 0.75
    assert digital.confidence is digital.repaired_uv is None
