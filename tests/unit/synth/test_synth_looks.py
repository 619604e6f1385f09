"""Looks drawn at random: all of them can be printed, and no two are alike."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.faces import face_names, font_files
from ecgbatch.synth.layouts import layout, layout_names, printed_name
from ecgbatch.synth.looks import drawn_look
from ecgbatch.synth.paper import render
from ecgbatch.synth.pdf import Shape
from ecgbatch.synth.style import style
from ecgbatch.synth.text import set_type
from ecgbatch.types import EXTRA_LEADS, LEADS

FS_HZ = 500.0
LOOKS = [drawn_look(np.random.default_rng(seed)) for seed in range(300)]


def record():
    time_s = np.arange(int(10 * FS_HZ)) / FS_HZ
    names = (*LEADS, *EXTRA_LEADS)
    return {
        name: 400 * np.sin(2 * np.pi * (1 + 0.1 * number) * time_s)
        for number, name in enumerate(names)
    }


def test_ten_seconds_of_record_fill_every_drawn_look():
    for number, look in enumerate(LOOKS[:60]):
        page = render(
            record(), fs_hz=FS_HZ, layout=look.layout, style=look.style, dpi=60, seed=number
        )
        assert {region.lead for region in page.truth.regions} == set(look.layout.leads)
        for region in page.truth.regions:
            printed_s = (region.stop_sample - region.first_sample) / FS_HZ
            assert printed_s >= min(look.layout.column_s, 10) - 0.01


def test_names_and_headers_are_inked_where_the_truth_says():
    for number, look in enumerate(LOOKS[:40]):
        page = render(
            {name: np.full(5000, np.nan) for name in record()},
            fs_hz=FS_HZ,
            layout=look.layout,
            style=look.style,
            dpi=150,
            seed=number,
        )
        names = [text for text in page.truth.texts if text.role == "lead"]
        assert len(names) == (0 if look.style.name_place == "none" else len(page.truth.regions))
        for text in page.truth.texts:
            left, top, right, bottom = (int(edge) for edge in text.box_px)
            if right - left < 2 or bottom - top < 2:
                continue  # beyond the edge of the sheet
            assert np.ptp(page.pixels[top:bottom, left:right].astype(int)) > 25


def test_every_layout_face_speed_and_grid_is_drawn():
    assert {look.layout.name for look in LOOKS} >= set(layout_names()) - {"3x5", "6x2-right"}
    assert {look.style.face for look in LOOKS} == set(face_names())
    assert {look.style.speed_mm_per_s for look in LOOKS} == {12.5, 25.0, 50.0}
    assert {look.style.gain_mm_per_mv for look in LOOKS} == {5.0, 10.0, 20.0}
    kinds = {(look.style.minor_grid, look.style.major_grid) for look in LOOKS}
    assert len(kinds) == 6
    finenesses = sorted(look.dpi for look in LOOKS)
    assert 100 <= finenesses[0] < 120
    assert 380 < finenesses[-1] <= 400


def test_rows_come_so_close_that_neighbours_overlap():
    pitches = [look.style.row_pitch_mm for look in LOOKS if look.style.row_pitch_mm]
    assert min(pitches) < 12
    assert max(pitches) > 30


def test_looks_can_be_kept_to_some_layouts():
    rng = np.random.default_rng(0)
    assert {drawn_look(rng, layouts=["12x1"]).layout.name for _ in range(9)} == {"12x1"}
    with pytest.raises(ConfigError, match="99x1"):
        drawn_look(rng, layouts=["99x1"])


@pytest.mark.parametrize("face", face_names())
def test_letters_of_every_face_have_the_height_that_was_asked_for(face):
    [plain] = set_type((("HEH", 30.0),), face=face)
    assert abs(plain.rise_px - 30) <= 1
    assert plain.share.shape[0] == plain.rise_px
    [wide] = set_type((("HEH", 30.0),), face=face, shape=Shape(width=1.5))
    assert wide.share.shape[1] / plain.share.shape[1] == pytest.approx(1.5, abs=0.07)
    [bold] = set_type((("HEH", 30.0),), face=face, shape=Shape(weight=0.1))
    assert bold.share.sum() > 1.2 * plain.share.sum()
    [apart] = set_type((("HEH", 30.0),), face=face, shape=Shape(spacing=0.5))
    assert apart.share.shape[1] - plain.share.shape[1] == pytest.approx(30, abs=3)
    [leaning] = set_type((("HEH", 30.0),), face=face, shape=Shape(slant_deg=20))
    assert leaning.share.shape[1] - plain.share.shape[1] == pytest.approx(11, abs=3)


def test_dots_of_a_print_head_are_black_or_white():
    [line] = set_type((("aVR", 24.0),), face="sans", dot_px=3.0)
    assert set(np.unique(line.share)) == {0.0, 1.0}
    assert line.share.shape[0] % 3 == 0
    assert line.rise_px == pytest.approx(24, abs=3)


def test_a_font_file_is_a_face(tmp_path):
    folder = Path(mpl.get_data_path()) / "fonts/ttf"
    fonts = font_files(folder)
    look = style("pink_letter", face=next(font for font in fonts if "DejaVuSans.ttf" in font))
    page = render(record(), fs_hz=FS_HZ, layout=layout("3x4"), style=look, dpi=100)
    assert {text.text for text in page.truth.texts if text.role == "lead"} == set(LEADS)
    with pytest.raises(ConfigError, match=r"no \.ttf"):
        font_files(tmp_path)
    with pytest.raises(ConfigError, match=r"style.face.*comic"):
        style("pink_letter", face="comic")


def test_other_traditions_print_other_names():
    assert printed_name("aVR", "capitals") == "AVR"
    assert printed_name("V4R", "C") == "C4R"
    assert printed_name("II", "D") == "D2"
    assert printed_name("-aVR", "D") == "-aVR"


def test_a_size_of_paper_is_a_paper():
    assert style("pink_letter", paper="300.5x140").paper_mm == (300.5, 140.0)
    with pytest.raises(ConfigError, match=r"style.paper.*A0"):
        style("pink_letter", paper="A0")


def test_an_uneven_pen_leaves_lighter_ink():
    leads = {name: np.zeros(5000) for name in LEADS}
    even, uneven = (
        render(
            leads,
            fs_hz=FS_HZ,
            layout=layout("12x1"),
            style=style("no_grid", header="none", footer="none", ink_grain=grain),
            dpi=100,
        )
        for grain in (0.0, 0.6)
    )
    assert even.pixels.min() < 10
    row = round(even.truth.regions[0].baseline_px[0, 1])
    line = uneven.pixels[row, 300:800, 0].astype(int)
    assert np.ptp(line) > 60
