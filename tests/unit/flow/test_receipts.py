"""What makes a scan whole, told from its rows alone."""

import pyarrow as pa

from ecgbatch import schema
from ecgbatch.flow.receipts import SCANS, scans_of, whole_scans


def rows(table, *places):
    """Make keys of rows from ``(scan_id, version, page_no, page_count)``."""
    columns = ["scan_id", "version", "page_no", "page_count"]
    columns_of = pa.schema([schema.PUBLISHED[table].field(name) for name in columns])
    return pa.Table.from_pylist(
        [dict(zip(columns, place, strict=True)) for place in places], schema=columns_of
    )


def whole(*parts):
    """Return which scans are whole; a part is its pages and its quarantine."""
    scans = [
        scans_of(rows("pages", *pages), rows("quarantine", *quarantine))
        for pages, quarantine in parts
    ]
    found = whole_scans(pa.concat_tables([SCANS.empty_table(), *scans]))
    return dict(zip(found["scan_id"].to_pylist(), found["whole"].to_pylist(), strict=True))


def test_a_page_of_one_is_whole():
    assert whole(([("a", "v", 1, 1)], [])) == {"a": True}


def test_published_and_quarantined_pages_count_alike():
    assert whole(([("a", "v", 1, 3), ("a", "v", 3, 3)], [("a", "v", 2, 3)])) == {"a": True}


def test_a_page_that_was_announced_and_is_not_there_is_missing():
    assert whole(([("a", "v", 1, 3), ("a", "v", 3, 3)], [])) == {"a": False}


def test_pages_may_be_spread_over_parts():
    first = ([("a", "v", 1, 2)], [])
    second = ([("a", "v", 2, 2), ("b", "v", 1, 1)], [])
    assert whole(first) == {"a": False}
    assert whole(first, second) == {"a": True, "b": True}


def test_a_file_that_could_not_be_opened_is_whole_with_its_one_row():
    assert whole(([], [("a", "v", 0, 0)])) == {"a": True}


def test_a_file_that_broke_off_is_whole_with_what_came_before():
    pages = [("a", "v", 1, 500), ("a", "v", 2, 500)]
    assert whole((pages, [("a", "v", 0, 2)])) == {"a": True}
    assert whole((pages[:1], [("a", "v", 0, 2)])) == {"a": False}
    assert whole((pages[:1], []), (pages[1:], [("a", "v", 0, 2)])) == {"a": True}


def test_a_page_that_stands_twice_is_not_whole():
    assert whole(([("a", "v", 1, 1)], []), ([("a", "v", 1, 1)], [])) == {"a": False}


def test_two_versions_of_a_scan_are_not_whole():
    assert whole(([("a", "v", 1, 2)], []), ([("a", "w", 2, 2)], [])) == {"a": False}


def test_nothing_is_nothing():
    assert whole() == {}
