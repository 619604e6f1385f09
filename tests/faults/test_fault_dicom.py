"""Faults of DICOM and XML.

The numbers in the names of tests are stable ids. ``archive.read`` puts each file between
healthy neighbours and compares their rows, byte by byte, with those of a run without it.
"""

import numpy as np
import pytest

from ecgbatch.config import ReadSettings
from tests import factories_dicom as dicom
from tests import factories_files as files
from tests.rows_of_files import reason, reasons

pytestmark = pytest.mark.usefixtures("nothing_is_said")


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
