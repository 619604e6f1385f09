"""A page is found by its scan id or by the file itself."""

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecgbatch import schema
from ecgbatch.errors import ConfigError, PageError, Reason
from ecgbatch.report.page import draw_page
from ecgbatch.storage import open_store, scan_id
from tests.factories_tables import row, write_part


@pytest.fixture
def archive(tmp_path):
    """One file with a page that was published and one that was not, and its plan."""
    scan = tmp_path / "in" / "a file.jpg"
    scan.parent.mkdir()
    scan.write_bytes(b"bytes of the page")
    uri = scan.as_uri().replace("%20", " ")
    ident = scan_id(uri)
    out = tmp_path / "out"
    write_part(
        out,
        pages=[row("pages", scan_id=ident, version="")],
        signals=[row("signals", scan_id=ident)],
        quarantine=[row("quarantine", scan_id=ident, version="", page_no=2)],
    )
    write_part(out, part="part-1", pages=[row("pages")])
    plan = out / "runs" / "run" / "plan" / "000000.parquet"
    plan.parent.mkdir(parents=True)
    rows = [{"scan_id": ident, "uri": uri, "version": "", "size_bytes": 17, "error": None}]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema.PLAN), plan)
    return open_store(str(out)), scan, ident


def white(data, page_no):
    assert data == b"bytes of the page"
    return np.full((500, 700), 255, np.uint8)


def test_a_page_is_found_by_the_file_and_by_its_id(archive):
    store, scan, ident = archive
    by_file = draw_page(store, str(scan), page_no=1, decode=white)
    by_id = draw_page(store, ident, page_no=1, decode=white)
    assert by_file == by_id
    assert by_id.verdict == "good"
    assert by_id.without_paper == ""
    assert cv2.imdecode(np.frombuffer(by_id.png, np.uint8), cv2.IMREAD_COLOR) is not None


def test_a_quarantined_page_is_drawn_with_its_reason(archive):
    store, _, ident = archive
    assert draw_page(store, ident, page_no=2, decode=white).verdict == "no_trace"


def test_a_source_that_went_away_leaves_the_leads(archive):
    store, scan, ident = archive
    scan.unlink()
    drawn = draw_page(store, ident, page_no=1, decode=white)
    assert drawn.without_paper == "source_gone"


def test_a_source_that_cannot_be_decoded_leaves_the_reason(archive):
    def damaged(data, page_no):
        raise PageError(Reason.CORRUPT_IMAGE)

    store, _, ident = archive
    drawn = draw_page(store, ident, page_no=2, decode=damaged, whole_paper=True)
    assert (drawn.verdict, drawn.without_paper) == ("no_trace", "corrupt_image")


def test_a_page_that_does_not_stand_says_which_do(archive):
    store, _, ident = archive
    with pytest.raises(ConfigError, match=r"\[1, 2\]"):
        draw_page(store, ident, page_no=3, decode=white)


def test_a_scan_that_does_not_stand_says_what_to_name(archive):
    store, *_ = archive
    with pytest.raises(ConfigError, match="scan_id"):
        draw_page(store, "f" * 32, page_no=1, decode=white)
