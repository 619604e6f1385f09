"""Tables in an object store are exported and shown as those in a folder are."""

import numpy as np
import pytest

from ecgbatch.export.write import export
from ecgbatch.report.page import draw_page
from ecgbatch.storage import open_store
from tests.factories_tables import SCAN, row, write_part

pytestmark = pytest.mark.s3


@pytest.fixture
def out(s3_bucket, tmp_path):
    """The same part in a bucket and in a folder."""
    write_part(tmp_path / "out", pages=[row("pages")], signals=[row("signals")])
    store = open_store(f"{s3_bucket}/out")
    for path in (tmp_path / "out").rglob("*.parquet"):
        store.write(f"{store.root_uri}/{path.relative_to(tmp_path / 'out')}", path.read_bytes())
    return store


def test_an_export_from_bucket_to_bucket_gives_the_files_of_a_local_one(out, s3_bucket, tmp_path):
    target = open_store(f"{s3_bucket}/wfdb")
    local = open_store(str(tmp_path / "wfdb"))
    export(out, target, form="wfdb")
    export(open_store(str(tmp_path / "out")), local, form="wfdb")
    in_bucket = {
        entry.uri.removeprefix(target.root_uri): target.read(entry.uri) for entry in target.list()
    }
    in_folder = {
        entry.uri.removeprefix(local.root_uri): local.read(entry.uri) for entry in local.list()
    }
    assert in_bucket == in_folder
    assert len(in_bucket) == 4  # header, samples, index, RECORDS


def test_a_page_in_a_bucket_is_shown(out):
    drawn = draw_page(out, SCAN, page_no=1, decode=lambda data, page_no: np.zeros((9, 9), np.uint8))
    assert drawn.verdict == "good"
    assert drawn.png.startswith(b"\x89PNG")
