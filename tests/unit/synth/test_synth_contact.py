"""Contact sheets: those in docs/ show what there is today, and stay small."""

from pathlib import Path

import numpy as np
from PIL import Image

from ecgbatch.synth.contact import SHEETS, damage_tiles, sheet_of
from ecgbatch.synth.damage import profile_names
from ecgbatch.synth.layouts import layout_names

DOCS = Path(__file__).parents[3] / "docs"
COLUMNS, HEIGHT_PX = 4, 360


def rows_of(name):
    with Image.open(DOCS / name) as picture:
        return picture.height / HEIGHT_PX


def test_the_sheets_in_docs_have_a_tile_for_every_layout_and_profile():
    assert rows_of("synth-layouts.jpg") == -(-len(layout_names()) // COLUMNS)
    assert rows_of("synth-damage.jpg") == -(-len(profile_names()) // COLUMNS)


def test_the_sheets_stay_small():
    assert sum((DOCS / name).stat().st_size for name in SHEETS) < 1_500_000


def test_every_tile_has_its_caption_and_its_picture():
    tiles = [
        (f"number {number}", np.full((90, 160, 3), 10 * number, np.uint8)) for number in range(5)
    ]
    sheet = sheet_of(tiles)
    assert sheet.shape == (2 * HEIGHT_PX, 4 * 480, 3)
    for number in range(5):
        y, x = HEIGHT_PX * (number // 4), 480 * (number % 4)
        assert (sheet[y + 24 : y + 114, x : x + 160] == 10 * number).all()
        assert (sheet[y : y + 24, x : x + 160] > 200).any()


def test_no_profile_is_left_out(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "ecgbatch.synth.contact.damaged",
        lambda page, *, profile, **_: seen.append(profile) or page,
    )
    assert len(damage_tiles()) == len(profile_names())
    assert tuple(seen) == profile_names()
