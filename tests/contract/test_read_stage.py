"""What the stage ``read`` gives for an archive."""

import pickle

import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import LocateSettings, ReadSettings, StorageSettings
from ecgbatch.stages.read import Read
from ecgbatch.storage import open_store, to_uri
from tests import factories_files as files
from tests.factories_vector import Chart, draw


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Return a function that writes files and reads them as one table of the plan."""
    monkeypatch.delenv("ECGBATCH_ID_KEY", raising=False)

    def read(contents, *, changed=(), **options):
        plan = []
        for name, data in contents.items():
            path = tmp_path / name
            path.write_bytes(data)
            found = open_store(to_uri(str(tmp_path)), StorageSettings()).head(to_uri(str(path)))
            version = "another" if name in changed else found.version
            plan.append(
                {"scan_id": name, "uri": found.uri, "version": version, "size_bytes": len(data)}
            )
        stage = Read(
            ReadSettings(),
            root_uri=to_uri(str(tmp_path)),
            storage=StorageSettings(),
            locate=options.get("locate", LocateSettings()),
        )
        tables = list(stage.open()(pa.Table.from_pylist(plan, schema=schema.PLAN)))
        assert all(table.schema.equals(schema.DECODED) for table in tables)
        return pa.concat_tables(tables).drop(["pixels"]).to_pylist()

    return read


def test_pages_come_in_the_order_of_scans_and_pages(archive):
    rows = archive(
        {
            "b.tif": files.tiff([files.grey(1), files.grey(2), files.grey(3)]),
            "a.jpg": files.jpeg(),
            "c.png": files.png(),
        }
    )
    places = [(row["scan_id"], row["page_no"], row["page_count"]) for row in rows]
    assert places == [
        ("b.tif", 1, 3), ("b.tif", 2, 3), ("b.tif", 3, 3), ("a.jpg", 1, 1), ("c.png", 1, 1),
    ]  # fmt: skip


def test_equal_bytes_have_equal_content_ids_and_a_key_changes_them(archive, monkeypatch):
    one, same, other = archive(
        {"a.jpg": files.jpeg(), "b.jpg": files.jpeg(), "c.jpg": files.jpeg(files.page(5))}
    )
    assert one["content_id"] == same["content_id"] != other["content_id"]
    assert len(one["content_id"]) == 32
    monkeypatch.setenv("ECGBATCH_ID_KEY", "a secret of enough bytes")
    assert archive({"a.jpg": files.jpeg()})[0]["content_id"] != one["content_id"]


def test_a_file_that_changed_since_the_listing_is_set_aside_alone(archive):
    rows = archive({"a.jpg": files.jpeg(), "b.jpg": files.jpeg()}, changed={"a.jpg"})
    assert [row["error"] and row["error"]["reason"] for row in rows] == ["source_changed", None]


def test_size_resolution_and_kind_are_said(archive):
    (row,) = archive({"a.tif": files.fax_tiff([files.bilevel()], dpi=(204, 196))})
    assert (row["width_px"], row["height_px"]) == files.bilevel().shape[::-1]
    assert (row["dpi_x"], row["dpi_y"]) == (204, 196)
    assert (row["source_kind"], row["source_format"]) == ("raster", "tiff")
    assert row["speed_source"] is None


def test_a_drawing_that_names_no_speed_takes_the_assumed_one_and_says_so(archive):
    data, _ = draw(Chart(scale_text="", pulses=False))
    (row,) = archive({"a.pdf": data}, locate=LocateSettings(speed_mm_per_s=50, gain_mm_per_mv=20))
    assert (row["speed_mm_per_s"], row["speed_source"]) == (50, "assumed")
    assert (row["gain_mm_per_mv"], row["gain_source"]) == (20, "assumed")


def test_the_description_of_the_stage_travels():
    stage = Read(ReadSettings(), root_uri="s3://bucket/in", storage=StorageSettings())
    assert pickle.loads(pickle.dumps(stage)) == stage
