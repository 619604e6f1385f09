"""Faults of PDF, DICOM and XML. The numbers in the names of tests are stable ids.

``archive.read`` puts each file between healthy neighbours and compares their rows, byte by byte,
with those of a run without it.
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

pytestmark = pytest.mark.usefixtures("nothing_is_said")

UV_TOLERANCE = 1.0  # of a vector page; six printed digits leave a thousandth of that


def reasons(rows):
    return [row["error"] and row["error"]["reason"] for row in rows]


def reason(rows):
    assert len(rows) == 1
    return reasons(rows)[0]


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


@pytest.mark.parametrize("syntax", [dicom.EXPLICIT, dicom.IMPLICIT, dicom.BIG])
@pytest.mark.parametrize("head", ["preamble and meta", "meta", "none"])
def test_fault_45_dicom_in_all_orders_with_and_without_preamble(archive, syntax, head):
    data = dicom.write(dicom.capture(files.page()), syntax)
    if head != "preamble and meta":
        data = data[132:]
    if head == "none":
        data = data[12 + int.from_bytes(data[8:12], "little") :]
    (row,) = archive.read("a.dcm", data)
    assert np.array_equal(row["pixels"], files.page())
    assert (row["dpi_x"], row["dpi_y"]) == (200, 100)
    assert row["source_format"] == "dicom"


def test_fault_45_dicom_of_something_else(archive):
    assert reason(archive.read("a.dcm", bytes(128) + b"DICM" + b"MUSTERMANN" * 9)) == "not_dicom"
    letter = dicom.dataset("1.2.840.10008.5.1.4.1.1.88.11")
    assert reason(archive.read("b.dcm", dicom.write(letter))) == "unsupported_format"


def test_fault_45_counting_white_up_or_down_is_the_same_page(archive):
    up = dicom.write(dicom.capture(files.grey()))
    down = dicom.write(dicom.capture(255 - files.grey(), photometric="MONOCHROME1"))
    assert np.array_equal(archive.read("a.dcm", up)[0]["pixels"], files.grey())
    assert np.array_equal(archive.read("b.dcm", down)[0]["pixels"], files.grey())


def test_fault_45_frames_are_pages_and_a_missing_one_is_not_invented(archive):
    whole = dicom.capture(files.grey(), frames=3)
    assert reasons(archive.read("a.dcm", dicom.write(whole))) == [None] * 3
    whole.PixelData = whole.PixelData[: 2 * files.grey().size + 100]
    cut = archive.read("b.dcm", dicom.write(whole))
    assert [row["page_no"] for row in cut] == [1, 2, 3]
    assert reasons(cut)[2] == "corrupt_dicom"


def test_fault_46_a_deflated_bomb(archive):
    small = ReadSettings(max_pixels=1_000_000)
    whole = dicom.deflated(dicom.capture(files.page()))
    assert np.array_equal(archive.read("a.dcm", whole, small)[0]["pixels"], files.page())
    bomb = dicom.deflated(dicom.capture(files.page()), more=bytes(300 * 2**20))
    assert len(bomb) < 600_000
    assert reason(archive.read("b.dcm", bomb, small)) == "too_large"


def a_record(**changes):
    raw = np.arange(24, dtype=np.int16).reshape(12, 2) - 12
    channels = [dicom.channel(lead, sensitivity=2.5, unit="uV") for lead in ("I", "II")]
    group = dicom.group(channels, raw, fs_hz=500)
    for name, value in changes.items():
        setattr(group, name, value)
    return dicom.write(dicom.record([group]))


@pytest.mark.parametrize(
    "changes",
    [
        {"NumberOfWaveformSamples": 13},
        {"NumberOfWaveformSamples": 2**31},
        {"NumberOfWaveformChannels": 0},
        {"NumberOfWaveformChannels": 3},
        {"SamplingFrequency": 0},
    ],
)
def test_fault_47_a_waveform_that_claims_more_than_it_holds(archive, changes):
    assert archive.read("a.dcm", a_record())[0]["error"] is None
    assert reason(archive.read("b.dcm", a_record(**changes))) == "corrupt_dicom"


def test_fault_48_units_names_and_clocks_of_a_waveform(archive):
    rng = np.random.default_rng(0)
    standard = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    extra = ["V7", "V8", "V9", "V3R", "V4R", "V5R"]
    one = rng.integers(-900, 900, (1000, 12)).astype(np.int16)
    two = rng.integers(-900, 900, (500, 6)).astype(np.int16)
    in_mv = [dicom.channel(lead, sensitivity=0.005, unit="mV", correction=0.5) for lead in standard]
    in_uv = [
        dicom.channel(lead, sensitivity=2.5, unit="uV", baseline=40.0, time_skew=0.004)
        for lead in extra
    ]
    beat = dicom.group(in_mv, one[:100], fs_hz=500, label="MEDIAN BEAT")
    groups = [dicom.group(in_mv, one, fs_hz=500), dicom.group(in_uv, two, fs_hz=250), beat]
    (row,) = archive.read("a.dcm", dicom.write(dicom.record(groups)))
    assert row["error"] is None
    assert (row["source_kind"], row["source_format"]) == ("digital", "dicom")
    assert (row["speed_mm_per_s"], row["gain_mm_per_mv"]) == (None, None)
    assert row["flags"] == ["derived_left_out"]
    assert [lead["lead"] for lead in row["leads"]] == [*standard, *extra]
    for index, lead in enumerate(row["leads"][:12]):
        assert lead["fs_hz"] == 500
        assert lead["t0_ms"] == 0
        assert np.allclose(lead["signal_uv"], 2.5 * one[:, index], atol=1e-3)
    for index, lead in enumerate(row["leads"][12:]):
        assert lead["fs_hz"] == 250
        assert lead["t0_ms"] == 4
        assert np.allclose(lead["signal_uv"], 2.5 * two[:, index] + 40, atol=1e-3)


def test_fault_48_a_channel_that_is_no_lead_is_left_out_and_said(archive):
    channels = [
        dicom.channel("II", sensitivity=1, unit="uV"),
        dicom.channel("RESP", sensitivity=1, unit="uV"),
    ]
    data = dicom.write(dicom.record([dicom.group(channels, np.ones((9, 2)), fs_hz=100)]))
    (row,) = archive.read("a.dcm", data)
    assert [lead["lead"] for lead in row["leads"]] == ["II"]
    assert row["flags"] == ["channel_left_out"]


def test_fault_48_a_channel_without_volts_is_no_signal(archive):
    channels = [dicom.channel("II", sensitivity=1, unit="1")]
    data = dicom.write(dicom.record([dicom.group(channels, np.ones((9, 1)), fs_hz=100)]))
    assert reason(archive.read("a.dcm", data)) == "corrupt_dicom"


def test_fault_48_an_enveloped_pdf_is_read_as_one(archive):
    drawn, printed = draw()
    rows = archive.read("a.dcm", dicom.write(dicom.enveloped(joined(drawn, WHOLE))))
    assert_printed(rows[0], printed)
    assert rows[1]["pixels"].shape == files.page().shape
    assert {row["source_format"] for row in rows} == {"dicom"}


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE AnnotatedECG [<!ENTITY a "MUSTERMANN">'
    + b"".join(
        b'<!ENTITY a%d "%b">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;") for n in range(9)
    )
    + b"]><AnnotatedECG>&a8;</AnnotatedECG>"
)


@pytest.mark.parametrize(
    "data",
    [
        LAUGHS,
        b'<!DOCTYPE RestingECG [<!ENTITY x SYSTEM "file:///etc/passwd">]><RestingECG>&x;</RestingECG>',
        b'<!DOCTYPE RestingECG SYSTEM "http://127.0.0.1:9/MUSTERMANN.dtd"><RestingECG/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x "y">]><a/>'.encode(
            "utf-16"
        ),
    ],
    ids=["laughs", "file", "http", "utf-16"],
)
def test_fault_49_xml_that_declares_entities(archive, data):
    assert reason(archive.read("a.xml", data)) == "xml_forbidden"


def test_fault_50_xml_without_end(archive):
    deep = b"<RestingECG>" + b"<a>" * 200_000
    assert reason(archive.read("a.xml", deep)) == "too_large"
    small = ReadSettings(max_bytes=1_000_000)
    wide = b'<RestingECG name="' + b"MUSTERMANN" * 200_000 + b'"/>'
    assert reason(archive.read("b.xml", wide, small)) == "too_large"


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3"><series/></AnnotatedECG>',
        b"<RestingECG><Waveform><SampleBase>-5</SampleBase><WaveFormData>????</WaveFormData>",
        b'<?xml version="1.0"?><restingecgdata><patient>MUSTERMANN</patient></restingecgdata>',
    ],
)
def test_fault_51_ecgs_in_xml_are_told_apart_and_not_read(archive, data):
    assert reason(archive.read("a.xml", data)) == "unsupported_format"
