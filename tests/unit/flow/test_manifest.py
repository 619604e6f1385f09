import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError, Reason
from ecgbatch.flow.manifest import Entry
from ecgbatch.flow.plan import source_entries
from ecgbatch.storage import open_store

SETTINGS = StorageSettings(allowed_roots=("s3://archive/scans", "file:///scans"))
BAD = Reason.BAD_MANIFEST_ROW


@pytest.fixture
def read(tmp_path):
    def read(content, name="list.csv", settings=SETTINGS):
        path = tmp_path / name
        if isinstance(content, pa.Table):
            pq.write_table(content, path)
        else:
            path.write_bytes(content)
        return list(source_entries(open_store(str(path), settings)))

    return read


def test_a_csv_with_a_byte_order_mark_and_crlf_is_a_csv(read):
    content = b'\xef\xbb\xbfuri,version,size_bytes\r\ns3://archive/scans/a,"""e1""",12\r\n'
    assert read(content) == [Entry("s3://archive/scans/a", "e1", 12)]


def test_other_columns_are_passed_over_and_missing_ones_are_unknown(read):
    content = b"patient, uri\nA. Smith,s3://archive/scans/a\n\nB,file:///scans/b\n"
    assert read(content) == [
        Entry("s3://archive/scans/a", "", None),
        Entry("file:///scans/b", "", None),
    ]


def test_an_address_may_hold_commas_quotes_and_line_ends(read):
    content = b'uri\n"s3://archive/scans/a,""b""\nc"\n'
    assert read(content) == [Entry('s3://archive/scans/a,"b"\nc', "", None)]


@pytest.mark.parametrize(
    "row",
    [
        b",e1,5",
        b"s3://archive/scans/a,e1",
        b"s3://archive/scans/a,e1,5,6",
        b"s3://archive/scans/a,e1,five",
        b"s3://archive/scans/a,e1,-5",
        b"s3://archive/scans/\xff,e1,5",
        b"s3://archive/scans/" + b"a" * 1100 + b",e1,5",
        b"s3://archive/scans/" + b"a" * 10_000_000 + b",e1,5",
        b"a," * 1_000_000,
        b'"s3://archive"/scans/a,e1,5',
    ],
    ids=lambda row: row[:30].decode("latin-1"),
)
def test_a_bad_row_is_refused_by_its_number_and_its_neighbours_are_not(read, row):
    good = b"s3://archive/scans/%d,e,1"
    found = read(b"\n".join([b"uri,version,size_bytes", good % 1, row, good % 2]))
    assert [entry.reason for entry in found] == [None, BAD, None]
    assert found[1].uri.endswith("list.csv#row=2")
    assert len(found[1].uri) < 1000


@pytest.mark.parametrize(
    "uri",
    [
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "simplecache::http://host/x",
        "s3://other/scans/a",
        "s3://archive/private/a",
        "file:///scans/../etc/passwd",
        "scans/a",
    ],
)
def test_a_row_that_points_elsewhere_is_refused(read, uri):
    (entry,) = read(f"uri\n{uri}\n".encode())
    assert entry.reason is Reason.URI_NOT_ALLOWED


def test_by_default_a_manifest_may_name_what_lies_in_its_folder(read, tmp_path):
    content = f"uri\nfile://{tmp_path}/sub/a.jpg\nfile:///etc/passwd\n".encode()
    found = read(content, settings=StorageSettings())
    assert [entry.reason for entry in found] == [None, Reason.URI_NOT_ALLOWED]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"s3://archive/scans/a\n",
        b"URL\ns3://archive/scans/a\n",
        b"uri,uri\na,b\n",
        b'uri\n"s3://archive/scans/a\ns3://archive/scans/b\n',
        b"\x00\xff\xfe\x00" * 100,
    ],
    ids=["empty", "no header", "wrong column", "twice", "open quote", "no text"],
)
def test_what_is_no_manifest_is_a_clear_error_that_quotes_nothing_of_it(read, content):
    with pytest.raises(ConfigError, match="manifest") as caught:
        read(content)
    assert "archive" not in str(caught.value)


def test_a_manifest_without_rows_lists_nothing(read):
    assert read(b"uri\n") == []
    assert read(pa.table({"uri": pa.array([], pa.string())}), name="list.parquet") == []


def test_a_parquet_manifest_keeps_nulls_apart_from_bad_values(read):
    table = pa.table(
        {
            "uri": ["s3://archive/scans/a", None, "s3://archive/scans/c"],
            "size_bytes": pa.array([5, 6, None], pa.int64()),
            "site": ["x", "y", "z"],
        }
    )
    found = read(table, name="list.parquet")
    assert [entry.reason for entry in found] == [None, BAD, None]
    assert [entry.size_bytes for entry in found] == [5, None, None]


def test_a_parquet_manifest_with_addresses_of_another_type_is_all_bad_rows(read):
    found = read(pa.table({"uri": [1, 2]}), name="list.parquet")
    assert [entry.reason for entry in found] == [BAD, BAD]


def test_a_truncated_parquet_manifest_is_a_clear_error(read):
    sink = io.BytesIO()
    pq.write_table(pa.table({"uri": ["s3://archive/scans/a"] * 1000}), sink)
    with pytest.raises(ConfigError, match="Parquet"):
        read(sink.getvalue()[:-100], name="list.parquet")


def test_a_folder_whose_name_ends_like_a_manifest_is_a_folder(tmp_path):
    folder = tmp_path / "scans.csv"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"a")
    found = list(source_entries(open_store(str(folder))))
    assert [entry.uri for entry in found] == [f"file://{folder}/a.jpg"]
