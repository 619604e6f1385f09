"""Faults of what a page shows, through every stage and into the tables; ids carry their numbers.

Pages come from our own renderer, so each is right but for the one thing that a test is about. No
page may be ``good`` with a wrong lead, and nothing that was not read may be a number.
"""

import cv2
import numpy as np
import pytest

from ecgbatch.synth.heart import simulate
from ecgbatch.types import LEADS
from tests import factories_dicom as dicom
from tests.pages_published import published, sheet

SHEET = (1700, 2200)
BARE = {"pulse": "none", "name_place": "none", "header": "none", "footer": "none"}


def graph_paper():
    nothing = {lead: np.full(5000, np.nan) for lead in simulate(0).by_name()}
    return sheet(nothing, **BARE).pixels.copy()


def text():
    pixels = np.full((*SHEET, 3), 255, np.uint8)
    words = "The patient was seen in clinic and reports no chest pain at rest or on exertion"
    for line, y in enumerate(range(200, 1500, 45)):
        part = words[: 40 + 7 * line % 36]
        cv2.putText(pixels, part, (150, y), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (20, 20, 20), 2)
    return pixels


def chart():
    """Draw what scanners are adjusted with: wedges of lines and greys, and rings."""
    pixels = np.full((*SHEET, 3), 255, np.uint8)
    for step in range(40):
        x = 100 + 50 * step
        cv2.line(pixels, (x, 100), (x, 800), (0, 0, 0), 1 + step // 8)
    for step in range(12):
        left = 100 + 170 * step
        cv2.rectangle(pixels, (left, 900), (left + 160, 1100), (20 * step,) * 3, -1)
    for radius in range(20, 300, 12):
        cv2.circle(pixels, (1100, 1400), radius, (0, 0, 0), 2)
    return pixels


def photo():
    """Draw something soft and colourful."""
    noise = np.random.default_rng(5).normal(128, 400, (*SHEET, 3))
    return np.clip(3 * cv2.GaussianBlur(noise, (0, 0), 25) - 250, 0, 255).astype(np.uint8)


def form(pixels):
    """Rule lines with captions, as forms have them."""
    for y in range(400, 1500, 90):
        cv2.line(pixels, (150, y), (2050, y), (30, 30, 30), 2)
        caption = ("Date        Nurse        Remarks", (160, y - 10))
        cv2.putText(pixels, *caption, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
    return pixels


def table(pixels):
    """Rule a form into cells of 14 mm by 50 mm."""
    for x in range(150, 2051, 380):
        cv2.line(pixels, (x, 400), (x, 1480), (30, 30, 30), 2)
    return form(pixels)


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (lambda: np.full((*SHEET, 3), 255, np.uint8), "blank_page"),
        (lambda: np.zeros((*SHEET, 3), np.uint8), "blank_page"),
        (text, "not_ecg"),
        (chart, "not_ecg"),
        (photo, "not_ecg"),
        (lambda: form(np.full((*SHEET, 3), 255, np.uint8)), "not_ecg"),
        (lambda: form(graph_paper()), "not_ecg"),
        (lambda: table(np.full((*SHEET, 3), 255, np.uint8)), "not_ecg"),
        (lambda: table(graph_paper()), "not_ecg"),
        (graph_paper, "not_ecg"),
    ],
    ids=[
        "white",
        "black",
        "text",
        "chart",
        "photo",
        "form",
        "form on a grid",
        "table",
        "table on a grid",
        "graph paper",
    ],
)
def test_fault_52_what_is_no_ecg_has_no_signals(tmp_path, draw, reason):
    found = published(tmp_path, "a.png", draw())
    assert [row["reason"] for row in found.quarantine] == [reason]
    assert found.pages == found.signals == []


@pytest.mark.parametrize("bilevel", [False, True], ids=["grey", "bilevel"])
def test_fault_57_a_copy_without_grid_is_reviewed(tmp_path, bilevel):
    pixels = sheet(look="no_grid").pixels
    if bilevel:
        pixels = np.where(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) > 140, 255, 0).astype(np.uint8)
    found = published(tmp_path, "a.png", pixels)
    assert found.page["quality_class"] != "good"
    assert {"grid_absent", "scale_assumed"} <= set(found.page["flags"])


@pytest.mark.parametrize("stack", [np.vstack, np.hstack], ids=["above", "beside"])
def test_fault_58_two_ecgs_on_one_page_are_not_good(tmp_path, stack):
    pair = [cv2.resize(sheet(seed=seed).pixels, None, fx=0.75, fy=0.75) for seed in (1, 2)]
    found = published(tmp_path, "a.png", stack(pair))
    if not found.pages:
        assert found.quarantine[0]["reason"] == "layout_unknown"
    else:
        assert found.page["quality_class"] != "good"
        assert "names_guessed" in found.page["flags"]


def test_fault_58_two_ecgs_are_not_good_either_where_all_their_names_are_read(tmp_path):
    pair = [cv2.resize(sheet(seed=seed).pixels, None, fx=0.75, fy=0.75) for seed in (1, 2)]
    found = published(tmp_path, "a.png", np.vstack(pair), network=True)
    assert found.page["quality_class"] != "good"


@pytest.mark.parametrize("order", ["3x4-cabrera+1R", "12x1-cabrera", "6x2-cabrera", "6x1-chest"])
def test_fault_59_a_name_that_only_its_place_tells_is_reviewed(tmp_path, order):
    found = published(tmp_path, "a.png", sheet(order=order).pixels)
    assert found.page["quality_class"] != "good"
    assert "names_guessed" in found.page["flags"]
    assert "names_confirmed" not in found.page["flags"]


def test_fault_60_what_a_hole_took_away_is_missing_and_no_number(tmp_path):
    page = sheet()
    pixels = page.pixels.copy()
    left, top, right, bottom = next(r.box_px for r in page.truth.regions if r.role == "rhythm")
    middle = round((left + right) / 2)
    pixels[round(top) - 20 : round(bottom) + 20, middle - 60 : middle + 60] = 255  # 15 mm
    found = published(tmp_path, "a.png", pixels)
    assert "trace_gap" in found.page["flags"]
    assert found.page["quality_class"] != "good"
    (row,) = [row for row in found.signals if row["role"] == "rhythm"]
    gone = np.array([sample is None for sample in row["samples_uv"]])
    about = gone.size // 2
    assert gone[about - 100 : about + 100].all()  # 0.4 s of the 0.6
    assert gone.mean() < 0.1


def test_fault_60_traces_that_leave_their_rows_are_not_good(tmp_path):
    tall = {lead: 2 * signal for lead, signal in simulate(3).by_name().items()}
    found = published(tmp_path, "a.png", sheet(tall, row_pitch_mm=16.0).pixels)
    assert not [row for row in found.pages if row["quality_class"] == "good"]


@pytest.mark.parametrize("off", [1, 3, 6, 9])
def test_fault_61_leads_that_are_off_are_flat_and_say_so(tmp_path, off):
    signals_uv = simulate(3).by_name()
    signals_uv |= {lead: np.zeros(5000) for lead in LEADS[:off]}
    found = published(tmp_path, "a.png", sheet(signals_uv).pixels, network=True)
    assert "flat_line" in found.page["flags"]
    assert found.page["quality_class"] != "good"
    for lead in LEADS[:off]:
        samples, _ = found.samples_uv(lead)
        known = [sample for sample in samples if sample is not None]
        assert np.ptp(known) < 60  # half the width of the pen


@pytest.mark.parametrize("order", ["3x4+1R", "12x1"])
@pytest.mark.parametrize("look", ["pink_letter", "grey_a4", "black_dots"])
def test_fault_61_a_page_of_flat_lines_only_is_reviewed(tmp_path, look, order):
    still = {lead: np.zeros(5000) for lead in LEADS}
    pixels = sheet(still, look=look, order=order).pixels
    found = published(tmp_path, "a.png", pixels, network=True)
    assert found.page["quality_class"] == "review"
    assert "flat_line" in found.page["flags"]
    for row in found.signals:
        known = [sample for sample in row["samples_uv"] if sample is not None]
        assert np.ptp(known) < 90  # less than the width of the pen
    assert [row["lead"] for row in found.signals if row["role"] != "rhythm"] == list(LEADS)


@pytest.mark.parametrize("condition", ["VRUN", "SVTAC", "3AVB", "AFIB", "PACE"])
def test_fault_62_no_rhythm_is_a_defect(tmp_path, condition):
    found = published(tmp_path, "a.png", sheet(condition=condition).pixels)
    assert len(found.pages) + len(found.quarantine) == 1
    for row in found.measurements:
        numbers = [value for value in row.values() if isinstance(value, float)]
        assert np.isfinite(numbers).all()


def waveform(samples_mv, *, fs_hz):
    channels = [dicom.channel(lead, sensitivity=0.005, unit="mV") for lead in LEADS]
    raw = np.repeat((samples_mv / 0.005)[:, None], 12, axis=1).round().astype(np.int16)
    return dicom.write(dicom.record([dicom.group(channels, raw, fs_hz=fs_hz)]))


def test_fault_63_an_amplitude_beyond_the_tables_is_missing_and_does_not_wrap(tmp_path):
    ramp_mv = np.linspace(-40, 40, 1000)
    found = published(tmp_path, "a.dcm", waveform(ramp_mv, fs_hz=500))
    assert "clipped" in found.page["flags"]
    assert found.page["quality_class"] != "good"
    samples, _ = found.samples_uv("V1")
    for sample, true_mv in zip(samples, ramp_mv, strict=True):
        if abs(true_mv) > 32.78:
            assert sample is None
        elif abs(true_mv) < 32.75:
            assert sample == pytest.approx(1000 * true_mv, abs=3)


@pytest.mark.parametrize("seconds", [1, 60])
def test_fault_64_a_waveform_has_the_length_that_it_has(tmp_path, seconds):
    mv = np.sin(np.arange(500 * seconds) / 20)
    found = published(tmp_path, "a.dcm", waveform(mv, fs_hz=500))
    samples, length_s = found.samples_uv("II")
    assert length_s == seconds
    assert None not in samples


@pytest.mark.parametrize("network", [False, True], ids=["geometry", "networks"])
def test_fault_64_a_printed_second_is_an_ecg_where_the_locator_sees_one(tmp_path, network):
    strip = sheet(order="1x1", column_s=1.0)
    found = published(tmp_path, "a.png", strip.pixels, network=network)
    if not network:  # one complex proves nothing
        assert [row["reason"] for row in found.quarantine] == ["not_ecg"]
        return
    _, length_s = found.samples_uv("II")
    assert length_s == pytest.approx(1.0, abs=0.03)
    assert "few_beats" in found.page["flags"]
    assert found.page["quality_class"] == "review"


@pytest.mark.parametrize("draw", [form, table], ids=["form", "table"])
def test_fault_64_lines_of_a_form_are_no_strips_to_networks_either(tmp_path, draw):
    found = published(tmp_path, "a.png", draw(graph_paper()), network=True)
    assert [row["reason"] for row in found.quarantine] == ["not_ecg"]


def test_fault_64_a_strip_of_three_channels(tmp_path):
    found = published(tmp_path, "a.png", sheet(order="3x1-monitor").pixels)
    assert len(found.signals) == 3
    assert "names_guessed" in found.page["flags"]
    assert found.page["quality_class"] != "good"
