"""Faults of decoders: formats that are not opened, and decoders that fail.

The numbers in the names of tests are stable ids. ``archive.read`` puts each file between
healthy neighbours and compares their rows, byte by byte, with those of a run without it.
"""

import struct

import numpy as np
import psutil
import pytest

from ecgbatch.config import ReadSettings
from ecgbatch.imaging.sandbox import parent
from tests import factories_files as files
from tests.faulty_decoders import PROGRAM
from tests.rows_of_files import pixels, reason, reasons

pytestmark = pytest.mark.usefixtures("nothing_is_said")


@pytest.mark.parametrize(
    "data",
    [
        files.jpeg2000(files.page()),
        files.pillow(files.page(), "WEBP"),
        files.pillow(files.page(), "GIF"),
        files.pillow(files.page(), "BMP"),
        files.pillow(files.page(), "PPM"),
        b"\x00\x00\x00\x18ftypheic" + bytes(100),
    ],
    ids=["jpeg 2000", "webp", "gif", "bmp", "ppm", "heic"],
)
def test_fault_26_images_of_formats_that_are_not_read(archive, data):
    assert reason(archive.read("a.jpg", data)) == "unsupported_format"


@pytest.mark.parametrize(
    "data",
    [
        b"SIMPLE  =                    T / MUSTERMANN" + bytes(2880),
        b"gd2\x00" + bytes(100),
        b"8BPS\x00\x01" + bytes(100),
        b"%!PS-Adobe-3.0 EPSF-3.0\n% MUSTERMANN" + bytes(100),
        b"\x00\x00\x00\x00\x00\x00\x00\x04" + bytes(256),
        b"icns" + bytes(100),
    ],
    ids=["fits", "gd", "psd", "eps", "mcidas", "icns"],
)
def test_fault_27_formats_whose_decoders_have_holes(archive, data):
    assert reason(archive.read("a.png", data)) == "unsupported_format"


def test_fault_27_a_format_that_a_user_forbids_is_not_opened(archive):
    only_jpeg = ReadSettings(formats=frozenset({"jpeg", "tiff"}))
    assert reason(archive.read("a.png", files.png(), only_jpeg)) == "unsupported_format"


def test_fault_28_two_formats_at_once_are_the_one_that_begins(archive):
    data = files.jpeg()
    comment = b"%PDF-1.5 MUSTERMANN"
    both = data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]
    rows = archive.read("a.jpg", both)
    assert np.array_equal(pixels(rows), pixels(archive.read("b.jpg", data)))
    assert rows[0]["flags"] == ["polyglot"]
    assert rows[0]["source_format"] == "jpeg"


@pytest.fixture
def broken(archive, monkeypatch):
    """Return a function that reads a file with a decoder that goes wrong at chosen pages."""

    def broken(way, pages, data, **limits):
        program = PROGRAM.format(way=way, pages=pages)
        monkeypatch.setattr(parent, "_PROGRAM", program)
        unlike_others = ReadSettings(
            max_pages=999 + len(way) + 1000 * len(pages), **limits
        )  # a child of its own
        return archive.read("a.tif", data, unlike_others)

    return broken


FOUR = files.tiff([files.page(seed) for seed in range(4)], photometric="rgb")


def bad_page(rows):
    """Check that page 3 of 4 is bad and the others are whole, and return the bad one's error."""
    assert [row["page_no"] for row in rows] == [1, 2, 3, 4]
    assert [row["page_count"] for row in rows] == [4] * 4
    for seed in (0, 1, 3):
        assert np.array_equal(rows[seed]["pixels"], files.page(seed))
    return rows[2]["error"]


def test_fault_29_a_decoder_that_aborts(broken):
    error = bad_page(broken("abort", [3], FOUR))
    assert error["reason"] == "decoder_crash"
    assert dict(error["facts"]) == {"signal": 6}


def test_fault_29_a_decoder_that_is_killed_for_its_memory(broken):
    assert bad_page(broken("be killed", [3], FOUR))["reason"] == "memory_limit"


@pytest.mark.parametrize("way", ["loop", "sleep"])
def test_fault_30_a_decoder_that_never_comes_back(broken, way):
    before = zombies()
    error = bad_page(broken(way, [3], FOUR, page_seconds=1.0))
    assert error["reason"] == "timeout"
    assert zombies() == before


def zombies():
    children = psutil.Process().children(recursive=True)
    return [each.pid for each in children if each.status() == psutil.STATUS_ZOMBIE]


def test_fault_30_a_file_that_kills_every_decoder_is_given_up(broken):
    data = files.tiff([files.grey()] * 12)
    rows = broken("abort", list(range(1, 13)), data)
    assert [row["page_no"] for row in rows] == list(range(1, 13))
    assert set(reasons(rows)) == {"decoder_crash"}
    assert [dict(row["error"]["facts"]).get("deaths") for row in rows[-4:]] == [8] * 4


def test_fault_31_a_decoder_that_wants_twenty_gigabytes(broken):
    error = bad_page(broken("allocate", [3], FOUR, decoder_memory_bytes=2**30))
    assert error["reason"] == "memory_limit"
