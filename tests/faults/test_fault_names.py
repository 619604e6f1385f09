"""Faults of names, listings and manifests. The numbers in the names of tests are stable ids."""

import io
import itertools
import logging
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecgbatch import schema
from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError, PageError, Reason, StorageError
from ecgbatch.flow.plan import estimate, source_entries, write_plan
from ecgbatch.storage import Store, join, open_store, scan_id
from ecgbatch.storage.connection import require_public
from ecgbatch.storage.listing import Page
from ecgbatch.storage.s3 import S3Objects
from tests.faulty_store import Answer, FaultyStore, Instead

pytestmark = pytest.mark.s3

SPECIAL = {
    "space": "a b.jpg",
    "plus": "a+b.jpg",
    "escape": "a%20b.jpg",
    "hash": "#1.jpg",
    "question": "a?versionId=1.jpg",
    "semicolon": "a;b&c=d.jpg",
    "quotes": "\"a'b`.jpg",
    "tab": "a\tb.jpg",
    "bidi": "\u202egpj.a",
    "emoji": "\U0001f493.jpg",
    "angle": "<a>.jpg",
    "backslash": "a\\b.jpg",
}
PATHS = {
    "double_slash": "a//b.jpg",
    "leading_slash": "/abs.jpg",
    "up": "dir/../up.jpg",
    "here": "./here.jpg",
    "ends_with_slash": "dir/",
}


@pytest.fixture(params=["file", "s3"])
def archive(request, tmp_path):
    """Return an empty store, of either kind."""
    if request.param == "file":
        (tmp_path / "archive").mkdir()
        return open_store(str(tmp_path / "archive"))
    return open_store(join(request.getfixturevalue("s3_bucket"), "archive"))


def put(client, store, key, body):
    """Put an object past the code under test."""
    bucket, _, prefix = store.root_uri.removeprefix("s3://").partition("/")
    client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=body)


def planned(store):
    """Plan an archive and return the rows by address."""
    out = open_store(store.root_uri)
    plan = write_plan(source_entries(store), store=out, folder_uri=join(out.root_uri, "plan"))
    tables = [pq.read_table(io.BytesIO(out.read(uri))) for uri in plan.files]
    rows = pa.concat_tables([schema.PLAN.empty_table(), *tables]).to_pylist()
    return plan, {row["uri"]: row for row in rows}


def assert_read_exactly(store, keys, bodies):
    """Plan the archive and read every row of the plan."""
    _, rows = planned(store)
    expected = {f"{store.root_uri}/{key}": body for key, body in zip(keys, bodies, strict=True)}
    assert set(rows) == set(expected)
    for uri, row in rows.items():
        assert store.read(uri, version=row["version"]) == expected[uri]
    assert len({row["scan_id"] for row in rows.values()}) == len(rows)


@pytest.mark.parametrize("name", [pytest.param(name, id=f"fault_65_{name}") for name in SPECIAL])
def test_a_special_key_is_that_very_key_in_s3(name, s3_bucket, s3_client, caplog):
    caplog.set_level(logging.INFO)
    store = open_store(join(s3_bucket, "archive"))
    decoy = SPECIAL[name].replace("%20", " ").replace("+", " ").partition("?")[0].partition("#")[0]
    keys = sorted({SPECIAL[name], decoy or "decoy"})
    bodies = [key.encode() for key in keys]
    for key, body in zip(keys, bodies, strict=True):
        put(s3_client, store, key, body)
    assert_read_exactly(store, keys, bodies)
    assert SPECIAL[name] not in caplog.text


@pytest.mark.parametrize("name", [pytest.param(name, id=f"fault_65_{name}") for name in SPECIAL])
def test_a_special_name_is_that_very_name_on_disk(name, tmp_path):
    (tmp_path / SPECIAL[name]).write_bytes(b"page")
    assert_read_exactly(open_store(str(tmp_path)), [SPECIAL[name]], [b"page"])


def test_fault_65_a_line_end_in_a_name(tmp_path):
    # The S3 test server cannot hold such a key; the request is looked at instead, below.
    (tmp_path / "a\nb.jpg").write_bytes(b"page")
    assert_read_exactly(open_store(str(tmp_path)), ["a\nb.jpg"], [b"page"])


def test_fault_65_a_line_end_in_a_key_is_sent_escaped(s3_bucket, s3_endpoint, monkeypatch):
    with FaultyStore(s3_endpoint, lambda _: Answer(404, "NoSuchKey")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        uri = join(s3_bucket, "a\nb.jpg")
        with pytest.raises(PageError):
            open_store(s3_bucket).read(uri)
    assert server.asked[0].path.endswith("/a%0Ab.jpg")


@pytest.mark.parametrize("name", [pytest.param(name, id=f"fault_66_{name}") for name in PATHS])
def test_a_key_that_looks_like_a_path_is_not_normalised(name, s3_bucket, s3_client):
    store = open_store(join(s3_bucket, "archive"))
    keys = [PATHS[name], "b.jpg", "a/b.jpg", "abs.jpg", "up.jpg", "here.jpg", "dir"]
    bodies = [key.encode() for key in keys]
    for key, body in zip(keys, bodies, strict=True):
        put(s3_client, store, key, body)
    assert_read_exactly(store, keys, bodies)


def test_fault_66_folder_markers_are_skipped_and_counted(s3_bucket, s3_client):
    store = open_store(join(s3_bucket, "archive"))
    for key, body in (("", b""), ("dir/", b""), ("dir/a.jpg", b"a")):
        put(s3_client, store, key, body)
    plan, rows = planned(store)
    assert list(rows) == [join(store.root_uri, "dir/a.jpg")]
    assert plan.markers == 2


def test_fault_66_segments_that_leave_the_folder_are_refused_in_paths(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    store = open_store(str(tmp_path / "archive"))
    for uri in ("/../secret", "/./../secret", "/x/../../secret"):
        with pytest.raises(PageError) as caught:
            store.read(store.root_uri + uri)
        assert caught.value.reason is Reason.URI_NOT_ALLOWED


def test_fault_67_composed_decomposed_and_case_are_four_scans(archive):
    names = ["\u00e9.jpg", unicodedata.normalize("NFD", "\u00e9.jpg"), "a.jpg", "A.jpg"]
    bodies = [name.encode() for name in names]
    for name, body in zip(names, bodies, strict=True):
        archive.write(join(archive.root_uri, name), body)
    assert_read_exactly(archive, names, bodies)


def test_fault_68_the_longest_key_is_read(s3_bucket):
    store = open_store(s3_bucket)
    uri = join(s3_bucket, "x" * 1024)
    store.write(uri, b"page")
    _, rows = planned(store)
    assert store.read(uri, version=rows[uri]["version"]) == b"page"


def test_fault_68_a_manifest_row_of_ten_megabytes(tmp_path, s3_bucket):
    manifest = tmp_path / "list.csv"
    manifest.write_text(f"uri\n{s3_bucket}/{'x' * 10_000_000}\n{s3_bucket}/a.jpg\n")
    settings = StorageSettings(allowed_roots=(s3_bucket,))
    reasons = [entry.reason for entry in source_entries(open_store(str(manifest), settings))]
    assert reasons == [Reason.BAD_MANIFEST_ROW, None]


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("*", id="fault_69_star"),
        pytest.param("[ab].jpg", id="fault_69_class"),
        pytest.param("?.jpg", id="fault_69_question"),
        pytest.param("{a,b}", id="fault_69_braces"),
    ],
)
def test_a_pattern_is_a_name(key, archive):
    keys = [key, "a.jpg", "b.jpg", "a", "b"]
    for name in keys:
        archive.write(join(archive.root_uri, name), name.encode())
    assert_read_exactly(archive, keys, [name.encode() for name in keys])


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("http://169.254.169.254/latest/meta-data", id="fault_70_metadata"),
        pytest.param("file:///etc/passwd", id="fault_70_other_file"),
        pytest.param("simplecache::http://169.254.169.254/", id="fault_70_chain"),
        pytest.param("s3://other-bucket/a.jpg", id="fault_70_other_bucket"),
        pytest.param("s3://169.254.169.254/a.jpg", id="fault_70_address_as_bucket"),
    ],
)
def test_a_hostile_address_becomes_a_row_and_no_request(
    uri, tmp_path, s3_bucket, s3_endpoint, monkeypatch
):
    with FaultyStore(s3_endpoint, lambda _: None) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        manifest = tmp_path / "list.csv"
        manifest.write_text(f"uri\n{uri}\n")
        settings = StorageSettings(allowed_roots=(s3_bucket,))
        store = open_store(str(manifest), settings)
        (entry,) = source_entries(store)
        with pytest.raises(PageError) as caught:
            store.read(uri)
    assert {entry.reason, caught.value.reason} == {Reason.URI_NOT_ALLOWED}
    assert server.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_fault_70_a_redirect_is_not_followed(status, s3_bucket, s3_endpoint, monkeypatch):
    with FaultyStore(s3_endpoint, lambda _: Answer(200)) as elsewhere:
        moved = Answer(status, "TemporaryRedirect", {"Location": f"{elsewhere.address}/b/x"})
        with FaultyStore(s3_endpoint, lambda _: moved) as server:
            monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
            with pytest.raises(StorageError, match="redirect"):
                open_store(s3_bucket).read(join(s3_bucket, "a.jpg"))
    assert elsewhere.asked == []
    assert server.asked


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254",
        "http://2852039166",  # the same number, written differently
        "http://0xa9fea9fe",
        "http://[fe80::1]",
        "http://[::ffff:169.254.169.254]",
        "http://[fd00:ec2::254]",
        "http://100.100.100.200",
    ],
)
def test_fault_70_a_metadata_service_is_no_endpoint(endpoint):
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL"):
        require_public(endpoint)


def test_fault_70_the_endpoint_is_checked_before_the_first_request(s3_bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://169.254.169.254")
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL"):
        open_store(s3_bucket).read(join(s3_bucket, "a.jpg"))


def test_fault_71_an_object_listed_twice_is_planned_once(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    manifest = tmp_path / "list.csv"
    manifest.write_text("\n".join(["uri", *[f"file://{tmp_path}/a.jpg"] * 2]))
    plan = estimate(source_entries(open_store(str(manifest))))
    assert (plan.scans_planned, plan.duplicates) == (1, 1)


def test_fault_71_equal_bytes_under_two_names_are_two_scans(archive):
    for name in ("a.jpg", "b.jpg"):
        archive.write(join(archive.root_uri, name), b"same")
    _, rows = planned(archive)
    assert {row["scan_id"] for row in rows.values()} == {scan_id(uri) for uri in rows}
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"\xef\xbb\xbfuri\n{0}\n", 1, id="fault_72_byte_order_mark"),
        pytest.param(b"uri,size_bytes\r\n{0},5\r\n", 1, id="fault_72_crlf"),
        pytest.param(b"URI\n{0}\n", ConfigError, id="fault_72_wrong_column"),
        pytest.param(b"uri,uri\n{0},{0}\n", ConfigError, id="fault_72_duplicate_column"),
        pytest.param(b"uri\n", 0, id="fault_72_no_rows"),
        pytest.param(b"", ConfigError, id="fault_72_empty"),
        pytest.param(b"uri,version\n,x\n{0},y\n", 2, id="fault_72_null"),
    ],
)
def test_a_manifest_is_read_or_refused_with_a_clear_error(content, expected, s3_bucket):
    store = open_store(join(s3_bucket, "in"))
    manifest = join(store.root_uri, "list.csv")
    store.write(manifest, content.replace(b"{0}", join(store.root_uri, "a.jpg").encode()))
    entries = source_entries(open_store(manifest))
    if expected is ConfigError:
        with pytest.raises(ConfigError, match="manifest"):
            list(entries)
    else:
        plan = estimate(entries)
        assert plan.scans_planned == expected


def test_fault_72_a_long_manifest_is_fetched_in_pieces(s3_bucket, s3_endpoint, monkeypatch):
    store = open_store(join(s3_bucket, "in"))
    manifest = join(store.root_uri, "list.csv")
    lines = [f"{store.root_uri}/{number:0200d}.jpg\n" for number in range(50_000)]
    store.write(manifest, "".join(["uri\n", *lines]).encode())  # some 12 MB
    with FaultyStore(s3_endpoint, lambda _: None) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        entries = source_entries(open_store(manifest))
        first = list(itertools.islice(entries, 100))
        pieces = [asked.headers["Range"] for asked in server.asked if "Range" in asked.headers]
        assert len(first) == 100
        assert pieces == ["bytes=0-8388607"]


def test_fault_75_a_listing_that_repeats_itself_ends_with_an_error(s3_bucket, monkeypatch):
    async def answer(**asked):
        seen.append(asked.get("ContinuationToken"))
        return {"Page": Page([(f"archive/{len(seen)}", "1", 1, 0.0)], [], "same")}

    seen = []
    store = open_store(join(s3_bucket, "archive"))
    client = store._s3._connection._fs.s3
    monkeypatch.setattr(client, "list_objects_v2", answer, raising=False)
    with pytest.raises(StorageError, match="repeats a page"):
        list(store.list())
    assert seen == [None, None, "same"]  # whether it branches, then flat


def test_fault_75_an_empty_listing_is_an_empty_plan(archive):
    plan = estimate(source_entries(archive))
    assert plan.scans_listed == 0


def test_fault_75_a_prefix_of_many_pages_is_listed_to_its_end(
    s3_bucket, s3_client, s3_endpoint, monkeypatch
):
    store = open_store(join(s3_bucket, "archive"))
    for number in range(23):
        put(s3_client, store, f"{number}", b"x")
    with FaultyStore(s3_endpoint, lambda asked: Instead(f"{asked.path}&max-keys=5")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        assert estimate(source_entries(store)).scans_planned == 23
    assert server.count("GET") == 1 + 5  # whether it branches, then flat


def test_fault_75_a_prefix_is_a_folder(s3_bucket, s3_client):
    store = open_store(join(s3_bucket, "archive"))
    put(s3_client, store, "a.jpg", b"x")
    neighbour = open_store(join(s3_bucket, "archive-2"))
    put(s3_client, neighbour, "b.jpg", b"x")
    assert [found.uri for found in store.list()] == [join(store.root_uri, "a.jpg")]
    single = Store(join(store.root_uri, "a.jpg"), StorageSettings())
    assert [found.uri for found in single.list()] == [single.root_uri]
    assert isinstance(single._backend(single.root_uri), S3Objects)
