"""Faults of PDF files.

The numbers in the names of tests are stable ids. ``archive.read`` puts each file between
healthy neighbours and compares their rows, byte by byte, with those of a run without it.
"""

import io
import threading
import zlib

import numpy as np
import pypdfium2
import pytest

from ecgbatch.config import ReadSettings
from ecgbatch.imaging.sandbox import Limits, Sandbox
from tests import factories_dicom as dicom
from tests import factories_files as files
from tests.factories_vector import Chart, draw
from tests.rows_of_files import reason, reasons

pytestmark = pytest.mark.usefixtures("nothing_is_said")


UV_TOLERANCE = 1.0  # of a vector page; six printed digits leave a thousandth of that


def a_locked_pdf():
    lock = b"/Encrypt<</Filter/Standard/V 1/R 2/P -44/O<%b>/U<%b>>>/ID[<00><00>]"
    pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>"
    return files.pdf([files.CATALOGUE, pages, page], trailer=lock % (b"41" * 32, b"42" * 32))


def test_fault_32_a_pdf_with_a_password(archive):
    assert reason(archive.read("a.pdf", a_locked_pdf())) == "encrypted"


WHOLE = files.image_pdf([files.jpeg_object(files.page())])


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.5\n", b"%PDF-1.5\n" + b"MUSTERMANN" * 99, WHOLE[:300]],
    ids=["empty", "garbage", "cut"],
)
def test_fault_33_a_broken_pdf(archive, data):
    assert reason(archive.read("a.pdf", data)) == "corrupt_pdf"


def test_fault_33_a_cut_pdf_gives_no_half_page(archive):
    assert reason(archive.read("a.pdf", WHOLE[: len(WHOLE) * 2 // 3])) == "corrupt_pdf"


def test_fault_34_a_page_of_seventy_metres(archive):
    huge = files.content_pdf([b"0 0 10 10 re f"], box=b"[0 0 200000 200000]")
    assert reason(archive.read("a.pdf", huge)) == "too_large"


@pytest.mark.parametrize("box", [b"[0 0 0 0]", b"[0 0 1e38 1e38]"])
def test_fault_35_a_page_of_no_size(archive, box):
    rows = archive.read("a.pdf", files.content_pdf([b"100 100 m 300 400 l S"], box=box))
    assert reasons(rows) == [None]
    assert "page_box_invalid" in rows[0]["flags"]


def counted(count):
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]/Contents 5 0 R>>"
    pages = b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count %d>>" % count
    line = files.stream(b"10 10 m 60 60 l S")
    return files.pdf([files.CATALOGUE, pages, page, page, line])


@pytest.mark.parametrize("count", [2_000_000_000, 100_000, 1000, -5])
def test_fault_36_a_wrong_count_of_pages(archive, count):
    rows = archive.read("a.pdf", counted(count))
    assert [row["page_no"] for row in rows] == [1, 2]
    assert {row["page_count"] for row in rows} == {2}
    assert reasons(rows) == [None, None]


def test_fault_37_a_pdf_of_ten_thousand_pages(archive):
    kids = b" ".join(b"%d 0 R" % (3 + index) for index in range(10_000))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>"
    data = files.pdf(
        [files.CATALOGUE, b"<</Type/Pages/Count 10000/Kids[%b]>>" % kids, *[page] * 10_000]
    )
    assert reason(archive.read("a.pdf", data)) == "too_many_pages"


def test_fault_38_a_page_tree_that_bites_its_tail(archive):
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]/Contents 4 0 R>>"
    pages = b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 2>>"
    line = files.stream(b"10 10 m 60 60 l S")
    rows = archive.read("a.pdf", files.pdf([files.CATALOGUE, pages, page, line]))
    assert reasons(rows) == [None, "corrupt_pdf"]


def nested(depth, fan):
    """Return a page of forms within forms, each drawing the next ``fan`` times."""
    forms = []
    for index in range(depth):
        inner = b"/N Do " * fan if index < depth - 1 else b"10 10 m 60 60 l S"
        link = b"/Resources<</XObject<</N %d 0 R>>>>" % (6 + index)
        forms.append(files.stream(inner, b"/Type/XObject/Subtype/Form/BBox[0 0 72 72]%b" % link))
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]/Contents 4 0 R"
        b"/Resources<</XObject<</N 5 0 R>>>>>>"
    )
    pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    return files.pdf([files.CATALOGUE, pages, page, files.stream(b"/N Do"), *forms])


@pytest.mark.parametrize(("depth", "fan"), [(500, 1), (9, 7)])
def test_fault_38_forms_within_forms_come_to_an_end(archive, depth, fan):
    quick = ReadSettings(page_seconds=5.0)
    assert len(archive.read("a.pdf", nested(depth, fan), quick)) == 1


def test_fault_38_a_form_that_draws_itself(archive):
    form = files.stream(
        b"/N Do", b"/Type/XObject/Subtype/Form/BBox[0 0 72 72]/Resources<</XObject<</N 5 0 R>>>>"
    )
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]/Contents 4 0 R"
        b"/Resources<</XObject<</N 5 0 R>>>>>>"
    )
    pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    data = files.pdf([files.CATALOGUE, pages, page, files.stream(b"/N Do"), form])
    assert reason(archive.read("a.pdf", data)) == "blank_page"


def test_fault_39_an_image_that_inflates_without_end(archive):
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(100)) + packer.flush()
    assert len(bomb) < 150_000
    data = files.image_pdf([files.image_object(bomb, 100, 75, b"FlateDecode")])
    assert reason(archive.read("a.pdf", data)) == "too_large"


def test_fault_39_an_image_that_claims_to_be_large(archive):
    data = files.image_pdf([files.image_object(b"", 65_000, 65_000, b"FlateDecode")])
    assert reason(archive.read("a.pdf", data)) == "too_large"


def test_fault_39_an_image_that_is_too_short(archive):
    short = zlib.compress(bytes(100))
    data = files.image_pdf([files.image_object(short, 100, 75, b"FlateDecode")])
    assert reason(archive.read("a.pdf", data)) == "corrupt_pdf"


def test_fault_40_scripts_actions_links_and_attachments_do_nothing(archive):
    plain = archive.read("a.pdf", WHOLE)
    evil = (
        b"<</Type/Catalog/Pages 2 0 R"
        b"/OpenAction<</S/JavaScript/JS(app.launchURL\\('http://127.0.0.1:9/MUSTERMANN'\\);)>>"
        b"/AA<</WC<</S/Launch/F(/bin/true)>>>>"
        b"/Names<</EmbeddedFiles<</Names[(MUSTERMANN)<</Type/Filespec/F(x)>>]>>>>>>"
    )
    # The catalogue is the first object; the table of places is found again by scanning.
    data = WHOLE.replace(files.CATALOGUE, evil)
    rows = archive.read("b.pdf", data)
    assert reasons(rows) == [None]
    assert np.array_equal(rows[0]["pixels"], plain[0]["pixels"])


def assert_printed(row, printed, *, tolerance_uv=UV_TOLERANCE):
    """Check that a row has exactly the leads that were drawn, sample by sample."""
    assert row["source_kind"] == "vector"
    assert row["pixels"] is None
    leads = {(lead["lead"], round(lead["t0_ms"]), lead["role"]): lead for lead in row["leads"]}
    assert len(leads) == len(row["leads"]) == len(printed)
    for each in printed:
        whole = each.signal_uv.size * 1000 / 250 > 2600
        role = "rhythm" if whole and row["layout"] != "12x1" else "strip"
        lead = leads[each.lead, round(each.t0_ms), role]
        signal = np.asarray(lead["signal_uv"])
        assert lead["fs_hz"] == 250
        assert lead["name_source"] == "read"
        assert signal.size == each.signal_uv.size
        assert np.nanmax(np.abs(signal - each.signal_uv)) <= tolerance_uv


@pytest.mark.parametrize("layout", ["3x4+1R", "12x1"])
def test_fault_41_the_lines_of_a_pdf_are_its_samples(archive, layout):
    data, printed = draw(Chart(layout=layout))
    (row,) = archive.read("a.pdf", data)
    assert_printed(row, printed)
    assert row["layout"] == layout
    assert row["flags"] == []
    assert (row["speed_mm_per_s"], row["speed_source"]) == (25, "printed")
    assert (row["gain_mm_per_mv"], row["gain_source"]) == (10, "printed")


def rotated(data, degrees):
    document = pypdfium2.PdfDocument(data)
    document[0].set_rotation(degrees)
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_fault_42_a_page_that_is_shown_turned(archive, degrees):
    data, printed = draw()
    (row,) = archive.read("a.pdf", rotated(data, degrees))
    assert_printed(row, printed)


def test_fault_42_content_that_lies_on_its_side(archive):
    data, printed = draw(Chart(upright=False))
    assert_printed(archive.read("a.pdf", data)[0], printed)
    assert_printed(archive.read("b.pdf", rotated(data, 270))[0], printed)


@pytest.mark.parametrize(
    "chart", [Chart(dashes="--"), Chart(size=0.8), Chart(gain_mm_per_mv=5, scale_text="25mm/s")]
)
def test_fault_42_dashes_and_shrunk_pages_are_read_all_the_same(archive, chart):
    data, printed = draw(chart)
    (row,) = archive.read("a.pdf", data)
    assert_printed(row, printed)
    assert row["flags"] == (["page_scaled"] if chart.size != 1 else [])
    assert row["gain_source"] == ("pulse" if chart.gain_mm_per_mv == 5 else "printed")


def test_fault_42_what_is_clipped_away_is_missing(archive):
    data, printed = draw(Chart(clip_mv=0.5))
    (row,) = archive.read("a.pdf", data)
    assert_printed(row, printed)
    for each, lead in zip(printed, row["leads"], strict=True):
        hidden = np.abs(each.signal_uv) > 501
        assert np.isnan(np.asarray(lead["signal_uv"])[hidden]).all()
        assert not np.isnan(np.asarray(lead["signal_uv"])[np.abs(each.signal_uv) < 499]).any()
    assert any(np.isnan(lead["signal_uv"]).any() for lead in row["leads"])


@pytest.mark.parametrize(
    "chart",
    [Chart(curved=True), Chart(names=False), Chart(grid="none", scale_text="")],
    ids=["curves", "no names", "no scale"],
)
def test_fault_42_what_lines_do_not_tell_is_read_as_pixels(archive, chart):
    (row,) = archive.read("a.pdf", draw(chart)[0])
    assert row["source_kind"] == "raster"
    assert row["leads"] is None
    assert row["flags"] == ["lines_not_read"]
    assert row["dpi_x"] == 300


def joined(*parts):
    whole = pypdfium2.PdfDocument.new()
    for part in parts:
        source = pypdfium2.PdfDocument(part)
        whole.import_pages(source)
        source.close()
    out = io.BytesIO()
    whole.save(out)
    whole.close()
    return out.getvalue()


def test_fault_43_each_page_of_a_mixed_pdf_is_what_it_is(archive):
    drawn, printed = draw()
    rows = archive.read("a.pdf", joined(files.content_pdf([files.LETTER]), drawn, WHOLE))
    assert reasons(rows) == ["not_ecg", None, None]
    assert_printed(rows[1], printed)
    assert rows[2]["source_kind"] == "raster"
    assert rows[2]["pixels"].shape == files.page().shape
    assert {row["page_count"] for row in rows} == {3}


def test_fault_44_pdfs_side_by_side_are_in_processes_of_their_own():
    drawn, _ = draw()
    expected = pages_of(drawn)
    results = []
    threads = [threading.Thread(target=lambda: results.append(pages_of(drawn))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 3


def test_fault_48_an_enveloped_pdf_is_read_as_one(archive):
    drawn, printed = draw()
    rows = archive.read("a.dcm", dicom.write(dicom.enveloped(joined(drawn, WHOLE))))
    assert_printed(rows[0], printed)
    assert rows[1]["pixels"].shape == files.page().shape
    assert {row["source_format"] for row in rows} == {"dicom"}


def pages_of(data):
    sandbox = Sandbox(
        formats=["pdf"],
        max_pixels=64_000_000,
        max_pages=10,
        pdf_dpi=100.0,
        limits=Limits(page_seconds=60, memory_bytes=2**31),
    )
    with sandbox:
        (decoded,) = sandbox.pages(data)
    return [(lead.lead, lead.signal_uv.tobytes()) for lead in decoded.content.leads]
