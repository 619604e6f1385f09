"""Faults of sizes: files that claim more than they hold, and very long ones.

The numbers in the names of tests are stable ids. ``archive.read`` puts each file between
healthy neighbours and compares their rows, byte by byte, with those of a run without it.
"""

import io
import struct
import time
import zlib

import numpy as np
import psutil
import pytest
from PIL import Image

from tests import factories_files as files
from tests.rows_of_files import pixels, reason, reasons

pytestmark = pytest.mark.usefixtures("nothing_is_said")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", files.png_of(0, 0, zlib.compress(b""))),
        ("a.tif", b"II*\x00\x00\x00\x00\x00"),
        ("a.tif", b"MM\x00*\x00\x00\xff\xff"),
        ("a.tif", b"II*\x00"),
        ("a.tif", files.raw_tiff(files.grey_tags(0, 0, 1), b"x")),
    ],
)
def test_fault_10_an_image_of_no_size_and_a_tiff_without_pages(archive, name, data):
    assert reason(archive.read(name, data)) == "corrupt_image"


def test_fault_11_a_png_that_claims_four_gigapixels(archive):
    rows = archive.read("a.png", files.png_of(65_500, 65_500, bytes(100)))
    assert reason(rows) == "too_large"
    assert dict(rows[0]["error"]["facts"])["width_px"] == 65_500


def test_fault_12_a_png_bomb_takes_neither_time_nor_memory(archive):
    row = zlib.compressobj(9)
    rows = b"".join(row.compress(bytes(2501)) for _ in range(20_000)) + row.flush()
    bomb = files.png_of(20_000, 20_000, rows, depth=1)
    archive.read("warm.jpg", files.jpeg())
    child = max(decoders(), key=psutil.Process.create_time)  # others may live on from other tests
    before, started = child.memory_info().rss, time.perf_counter()
    assert reason(archive.read("a.png", bomb)) == "too_large"
    assert time.perf_counter() - started < 1.0  # with both neighbours, on a busy machine
    assert child.is_running()
    assert child.memory_info().rss - before < 50 * 2**20


def decoders():
    return [
        process
        for process in psutil.Process().children()
        if any("ecgbatch.imaging.sandbox" in word for word in process.cmdline())
    ]


def test_fault_13_a_fax_bomb(archive):
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000), 1).save(out, "TIFF", compression="group4")
    assert out.tell() < 60_000
    assert reason(archive.read("a.tif", out.getvalue())) == "too_large"


def test_fault_14_a_tiff_that_claims_what_it_does_not_hold(archive):
    claims = files.raw_tiff(files.grey_tags(60_000, 60_000, 4096), bytes(4096))
    assert reason(archive.read("a.tif", claims)) == "too_large"
    less = files.raw_tiff(files.grey_tags(600, 600, 4096), bytes(4096))
    assert reason(archive.read("b.tif", less)) == "corrupt_image"
    beyond = files.raw_tiff(files.grey_tags(600, 600, 360_000), bytes(4096))
    assert reason(archive.read("c.tif", beyond)) == "corrupt_image"


def test_fault_15_a_tiff_directory_that_points_to_itself(archive):
    samples = files.grey().tobytes()
    height, width = files.grey().shape
    at = 8 + len(samples)
    data = files.raw_tiff(files.grey_tags(width, height, len(samples)), samples, link=at)
    rows = archive.read("a.tif", data)
    assert np.array_equal(pixels(rows), files.grey())
    assert rows[0]["page_count"] == 1


def test_fault_16_a_tiff_of_65_000_pages(archive):
    tags = files.grey_tags(1, 1, 1)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    size = 2 + len(entries) + 4
    directories = b"".join(
        struct.pack("<H", len(tags)) + entries + struct.pack("<I", 10 + size * (index + 1))
        for index in range(65_000)
    )
    data = b"II*\x00" + struct.pack("<I", 10) + b"x\x00" + directories
    assert reason(archive.read("a.tif", data)) == "too_many_pages"


@pytest.fixture(scope="module")
def many_pages():
    faces = [np.array(files.bilevel(seed)) for seed in range(4)]
    return files.tiff(
        [faces[index % 4] * np.uint8(255) for index in range(500)], compression="zlib"
    )


def test_fault_17_one_bad_page_of_500(archive, many_pages):
    (offset, length) = files.strips(many_pages, 36)[0]
    bad = files.damaged(many_pages, offset + length // 3, 20)
    rows = archive.read("a.tif", bad)
    assert [row["page_no"] for row in rows] == list(range(1, 501))
    assert {row["page_count"] for row in rows} == {500}
    assert [row["page_no"] for row in rows if row["error"]] == [37]
    assert rows[36]["error"]["reason"] == "corrupt_image"
    for index in (0, 35, 37, 499):
        assert np.array_equal(rows[index]["pixels"], 255 * files.bilevel(index % 4))


@pytest.mark.parametrize("seed", range(6))
def test_fault_17_a_bad_fax_page_is_no_half_page(archive, seed):
    data = files.fax_tiff([files.bilevel(0), files.bilevel(1), files.bilevel(2)])
    offset, length = files.strips(data, 1)[0]
    rows = archive.read("a.tif", files.damaged(data, offset + length // 3, 40, seed=seed))
    assert reasons(rows) == [None, "corrupt_image", None]


def test_fault_17_a_chain_that_breaks_tells_how_far_it_went(archive):
    samples = files.grey().tobytes()
    height, width = files.grey().shape
    tags = files.grey_tags(width, height, len(samples))
    rows = archive.read("a.tif", files.raw_tiff(tags, samples, link=99_999_999))
    assert reasons(rows) == [None, "corrupt_image"]
