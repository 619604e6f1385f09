"""Rendered pages against their truth: pixels are measured with ruler and threshold only."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.layouts import layout, layout_names
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import drawn_style, style, style_names
from ecgbatch.types import EXTRA_LEADS, LEADS

FS_HZ = 500.0
BARE = style(
    "no_grid",
    paper="wide",
    header="none",
    footer="none",
    pulse="none",
    name_place="none",
    ink_rgb=(0, 0, 0),
    header_mm=10.0,
)


def record(seconds=10.0, fs_hz=FS_HZ):
    """Leads that differ from each other, with narrow peaks of 1 mV and slow waves."""
    time = np.arange(round(seconds * fs_hz)) / fs_hz
    leads = {}
    for number, lead in enumerate((*LEADS, *EXTRA_LEADS)):
        beat = (time + 0.03 * number) % 0.8
        peak = 1000 * np.exp(-0.5 * ((beat - 0.4) / 0.012) ** 2) * (-1) ** number
        leads[lead] = peak + 150 * np.sin(2 * np.pi * 0.7 * time + number)
    return leads


def only(leads, name):
    return {lead: x if lead == name else np.full_like(x, np.nan) for lead, x in leads.items()}


def ink_of(pixels):
    return 1 - pixels[..., 0].astype(np.float64) / 255


@pytest.mark.parametrize("name", layout_names())
def test_every_lead_of_every_layout_has_its_ink_inside_its_box(name):
    leads, arrangement = record(), layout(name)
    for lead in arrangement.leads:
        page = render(only(leads, lead), fs_hz=FS_HZ, layout=arrangement, style=BARE, dpi=100)
        ink = ink_of(page.pixels)
        inside = np.zeros(ink.shape, bool)
        for region in page.truth.regions:
            if region.lead == lead:
                left, top, right, bottom = (int(edge) for edge in region.box_px)
                inside[top:bottom, left:right] = True
        assert ink.sum() > 50
        assert ink[inside].sum() >= 0.995 * ink.sum()


def test_no_lead_of_a_layout_is_missing():
    for name in layout_names():
        page = render(record(), fs_hz=FS_HZ, layout=layout(name), style=BARE, dpi=60)
        assert {region.lead for region in page.truth.regions} == set(layout(name).leads)


@pytest.mark.parametrize("dpi", [100, 200, 300])
def test_flat_ink_lies_within_a_tenth_of_a_pixel_of_the_polyline(dpi):
    leads = record()
    slow = {lead: 200 * np.sin(np.arange(len(x)) / 900) for lead, x in leads.items()}
    page = render(only(slow, "II"), fs_hz=FS_HZ, layout=layout("12x1"), style=BARE, dpi=dpi)
    [region] = [region for region in page.truth.regions if region.lead == "II"]
    ink = ink_of(page.pixels)
    columns = np.arange(region.polyline_px[20, 0].round(), region.polyline_px[-20, 0], dtype=int)
    centre = (ink[:, columns] * np.arange(len(ink))[:, None]).sum(axis=0) / ink[:, columns].sum(0)
    expected = np.interp(columns, region.polyline_px[:, 0], region.polyline_px[:, 1])
    assert np.abs(centre - expected).max() < 0.1
    assert abs((centre - expected).mean()) < 0.01


@pytest.mark.parametrize("name", ["3x4+1R", "6x2-cabrera", "12x1", "3x4-simultaneous"])
def test_polylines_give_the_signal_back(name):
    leads = record()
    truth = render(leads, fs_hz=FS_HZ, layout=layout(name), style=BARE, dpi=150).truth
    for region in truth.regions:
        source = leads[region.lead][region.first_sample : region.stop_sample]
        zero = region.baseline_px[0, 1]
        height_mm = (zero - region.polyline_px[:, 1]) / truth.px_per_mm_y
        read = 1000 * height_mm / region.gain_mm_per_mv
        error = ((read - source) ** 2).sum()
        assert error == 0 or 10 * np.log10((source**2).sum() / error) >= 45
        # 25 mm/s at 500 samples per second: 0.05 mm per sample.
        step_mm = np.diff(region.polyline_px[:, 0]) / truth.px_per_mm_x
        assert np.allclose(step_mm, 0.05)


def test_columns_go_on_in_time_and_rhythm_rows_run_below_them():
    truth = render(record(), fs_hz=FS_HZ, layout=layout("3x4+1R"), style=BARE).truth
    spans = {
        (region.lead, region.role): (region.first_sample, region.stop_sample, region.t0_ms)
        for region in truth.regions
    }
    assert spans["I", "strip"] == (0, 1250, 0.0)
    assert spans["aVR", "strip"] == (1250, 2500, 2500.0)
    assert spans["V6", "strip"] == (3750, 5000, 7500.0)
    assert spans["II", "rhythm"] == (0, 5000, 0.0)


def test_simultaneous_columns_show_one_moment_at_different_places():
    truth = render(record(), fs_hz=FS_HZ, layout=layout("3x4-simultaneous"), style=BARE).truth
    spans = {region.lead: (region.first_sample, region.t0_ms) for region in truth.regions}
    assert spans["I"] == (0, 0.0)
    assert spans["V4"] == (0, 7500.0)


def test_cabrera_prints_avr_upside_down():
    truth = render(record(), fs_hz=FS_HZ, layout=layout("6x2-cabrera"), style=BARE).truth
    [turned] = [region for region in truth.regions if region.lead == "aVR"]
    assert turned.printed_name == "-aVR"
    assert turned.gain_mm_per_mv == -10


def test_the_printed_grid_has_the_pitch_that_the_truth_says():
    page = render(
        {lead: np.full(5000, np.nan) for lead in LEADS},
        fs_hz=FS_HZ,
        layout=layout("12x1"),
        style=replace(BARE, minor_grid="line", major_grid="none", minor_rgb=(0, 0, 0)),
        dpi=200,
    )
    profile = ink_of(page.pixels)[600]
    spectrum = np.abs(np.fft.rfft(profile - profile.mean(), 1 << 18))
    peak_px = (1 << 18) / (2000 + spectrum[2000:60000].argmax())
    assert peak_px == pytest.approx(200 / 25.4, rel=2e-3)
    # Lines cross at the origin: the pixels around it are the darkest of their millimetre.
    x, _ = page.truth.grid_origin_px
    near = round(x)
    assert near in range(near - 3 + profile[near - 3 : near + 4].argmax() - 1, near + 2)


def test_a_pulse_is_five_millimetres_wide_and_a_millivolt_high():
    page = render(
        {lead: np.full(5000, np.nan) for lead in LEADS},
        fs_hz=FS_HZ,
        layout=layout("3x4"),
        style=replace(BARE, pulse="left", gain_mm_per_mv=20.0),
        dpi=254,
    )
    pulse = page.truth.pulses[0]
    left, top, right, bottom = (int(edge) for edge in pulse.box_px)
    ink = ink_of(page.pixels)[top:bottom, left:right]
    assert (ink.sum(axis=1) > 0).sum() == pytest.approx(200 + 2.5, abs=2)  # 20 mm at 10 px/mm
    plateau = ink[: ink.shape[0] // 2].sum(axis=0) > 0
    assert plateau.sum() == pytest.approx(50 + 2.5, abs=2)


def test_a_frame_is_a_strong_line_of_its_grid():
    look = style("blue_letter")
    truth = render(record(), fs_hz=FS_HZ, layout=layout("3x4+1R"), style=look, dpi=254).truth
    for edge, origin in zip(truth.grid_box_px, truth.grid_origin_px * 2, strict=True):
        # Half a pixel lies between the centre of a line and the edge of a box.
        assert abs((edge - 0.5 - origin) / 50 - round((edge - 0.5 - origin) / 50)) < 0.02


def test_a_split_gain_steps_the_pulse_and_halves_the_chest_leads():
    split = style("pink_letter", chest_gain_mm_per_mv=5.0)
    truth = render(record(), fs_hz=FS_HZ, layout=layout("3x4"), style=split).truth
    gains = {region.lead: region.gain_mm_per_mv for region in truth.regions}
    assert (gains["II"], gains["V2"]) == (10.0, 5.0)
    assert truth.pulses[0].gains_mm_per_mv == (10.0, 5.0)
    assert any("Chest: 5 mm/mV" in text.text for text in truth.texts)


@pytest.mark.parametrize("name", style_names())
def test_text_boxes_hold_ink_and_nothing_is_written_elsewhere(name):
    look = style(name, pulse="none", separator="none", minor_grid="none", major_grid="none")
    look = replace(look, row_pitch_mm=24.0 if look.paper == "roll_112" else None)
    missing = {lead: np.full(5000, np.nan) for lead in LEADS}
    page = render(missing, fs_hz=FS_HZ, layout=layout("3x4"), style=look, dpi=150)
    assert {text.role for text in page.truth.texts} >= {"lead", "header"}
    paper = np.asarray(look.field_rgb, int) if not look.framed else None
    written = np.zeros(page.pixels.shape[:2], bool)
    for text in page.truth.texts:
        left, top, right, bottom = (int(edge) for edge in text.box_px)
        inside = page.pixels[top:bottom, left:right].astype(int)
        assert np.ptp(inside) > 60
        written[top:bottom, left:right] = True
    if paper is not None:
        assert (page.pixels[~written] == paper).all()


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_page():
    def digest(seed):
        page = render(
            record(), fs_hz=FS_HZ, layout=layout("3x4+1R"), style=style("pink_roll"), seed=seed
        )
        return hashlib.sha256(page.pixels.tobytes() + page.truth.to_json().encode()).hexdigest()

    assert digest(7) == digest(7)
    assert digest(7) != digest(8)


def test_truth_is_json_with_null_where_a_sample_is_missing():
    leads = record()
    leads["V2"][3000:3010] = np.nan
    truth = render(leads, fs_hz=FS_HZ, layout=layout("12x1"), style=BARE, dpi=80).truth
    read = json.loads(truth.to_json())
    [region] = [region for region in read["regions"] if region["lead"] == "V2"]
    assert region["polyline_px"][3005] == [None, None]
    assert region["polyline_px"][2999][1] is not None
    assert read["px_per_mm_x"] == pytest.approx(80 / 25.4, abs=1e-3)


def test_drawn_styles_can_be_printed():
    for seed in range(12):
        look = drawn_style(np.random.default_rng(seed))
        look = replace(look, row_pitch_mm=24.0 if look.paper == "roll_112" else None)
        page = render(record(), fs_hz=FS_HZ, layout=layout("3x4"), style=look, dpi=60)
        assert page.pixels.min() < 120


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"signals": {"I": np.zeros(5000)}}, "prints aVR"),
        ({"signals": {lead: np.zeros(2) for lead in LEADS}}, "column_s"),
        ({"signals": {lead: np.zeros(1) for lead in LEADS}}, "at least two samples"),
        ({"signals": {lead: np.full(5000, np.inf) for lead in LEADS}}, "infinite"),
        ({"fs_hz": 0.0}, "fs_hz"),
        ({"dpi": 10_000.0}, "dpi"),
        ({"style": replace(BARE, speed_mm_per_s=50.0)}, "style.speed_mm_per_s"),
        ({"style": replace(BARE, row_pitch_mm=90.0)}, "style.row_pitch_mm"),
        ({"style": replace(BARE, paper="roll_80", header_mm=70.0)}, "header_mm"),
    ],
)
def test_what_cannot_be_printed_is_refused_by_the_name_of_the_option(change, words):
    arguments = {"signals": record(), "fs_hz": FS_HZ, "layout": layout("3x4"), "style": BARE}
    arguments |= change
    with pytest.raises(ConfigError, match=words):
        render(arguments.pop("signals"), **arguments)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("speed_mm_per_s", 30.0),
        ("gain_mm_per_mv", 0.0),
        ("paper", "a99"),
        ("separator", "fence"),
        ("line_width_mm", 9.0),
        ("margin_mm", -1.0),
        ("ink_rgb", (0, 0, 999)),
        ("ink_density", 0.0),
    ],
)
def test_an_impossible_style_is_refused_by_the_name_of_its_field(field, value):
    with pytest.raises(ConfigError, match=f"style.{field}"):
        style("pink_letter", **{field: value})


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="pink_letter"):
        style("plaid")
    with pytest.raises(ConfigError, match="3x4"):
        layout("7x7")
    with pytest.raises(ConfigError, match="no field colour"):
        style("pink_letter", colour="red")
    with pytest.raises(ConfigError, match="rhythm needs 1"):
        layout("3x4+1R", rhythm=["II", "V1"])
    with pytest.raises(ConfigError, match="no lead 'V77'"):
        layout("3x4+1R", rhythm=["V77"])
