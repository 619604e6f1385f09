"""Contact sheets: every layout, every damage profile and some drawn looks on one picture each.

    python -m ecgbatch.synth.contact docs

``make contact-sheet`` calls it. The same code gives the same pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ecgbatch.synth import pen
from ecgbatch.synth.damage import damaged, drawn_profile, named_profile, profile_names
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout, layout_names
from ecgbatch.synth.looks import drawn_look
from ecgbatch.synth.paper import RenderedPage, render
from ecgbatch.synth.style import style, style_names
from ecgbatch.synth.text import set_type
from ecgbatch.types import ByteArray

_CONDITIONS = ("NORM", "AFIB", "LVH", "PVC", "CLBBB", "STEMI_INFERIOR")
_COLUMNS = 4
_TILE_PX = (480, 360)
_CAPTION_PX = 24
_BACKGROUND = 88
_QUALITY = 62
_DRAWN = 20

_Tile = tuple[str, ByteArray]


def layout_tiles() -> list[_Tile]:
    """Return every layout, each in another style."""
    tiles = []
    fitting = [name for name in style_names() if name != "thermal_strip"]
    for number, name in enumerate(layout_names()):
        look = style(fitting[number % len(fitting)])
        page = _printed(number, name, look_name=look.name)
        tiles.append((f"{name} ({look.name})", page.pixels))
    return tiles


def damage_tiles() -> list[_Tile]:
    """Return one page after every profile: all of it, and a piece pixel by pixel."""
    page = _printed(1, "3x4+1R", look_name="pink_letter")
    tiles = []
    for number, name in enumerate(profile_names()):
        after = damaged(page, profile=name, seed=number)
        tiles.append((f"{name}: {named_profile(name).about}", _with_detail(after)))
    return tiles


def drawn_tiles() -> list[_Tile]:
    """Return pages of which everything was drawn at random."""
    tiles = []
    for seed in range(_DRAWN):
        rng = np.random.default_rng(seed)
        look = drawn_look(rng)
        page = render(
            _leads(seed),
            fs_hz=500.0,
            layout=look.layout,
            style=look.style,
            dpi=look.dpi,
            seed=seed,
        )
        profile = drawn_profile(rng)
        after = damaged(page, profile=profile, seed=seed)
        tiles.append((f"{look.layout.name}, {look.dpi:.0f} dpi, {profile.name}", after.pixels))
    return tiles


SHEETS: dict[str, Callable[[], list[_Tile]]] = {
    "synth-layouts.jpg": layout_tiles,
    "synth-damage.jpg": damage_tiles,
    "synth-drawn.jpg": drawn_tiles,
}
"""File name to what it shows."""


def _leads(number: int) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    condition = _CONDITIONS[number % len(_CONDITIONS)]
    return simulate(number, condition=condition, seconds=10.5).by_name()


def _printed(number: int, name: str, *, look_name: str) -> RenderedPage:
    return render(
        _leads(number), fs_hz=500.0, layout=layout(name), style=style(look_name), seed=number
    )


def _with_detail(page: RenderedPage) -> ByteArray:
    """Return a page beside a piece of it in its own pixels."""
    width, height = _TILE_PX
    detail_px = 170
    whole = _fitted(page.pixels, (width - detail_px, height - _CAPTION_PX))
    tile = np.full((height - _CAPTION_PX, width, 3), _BACKGROUND, np.uint8)
    tile[: whole.shape[0], : whole.shape[1]] = whole
    # A piece around the name of aVL, where trace, letters and grid meet.
    region = next(region for region in page.truth.regions if region.lead == "aVL")
    left, top, right, bottom = region.box_px
    rows, columns = page.pixels.shape[:2]
    x = int(np.clip(left - 20, 0, max(0, columns - detail_px)))
    y = int(np.clip((top + bottom) / 2 - tile.shape[0] / 2, 0, max(0, rows - tile.shape[0])))
    if right - left < bottom - top:  # the page lies on its side
        y = int(np.clip(top - 20, 0, max(0, rows - tile.shape[0])))
    piece = page.pixels[y : y + tile.shape[0], x : x + detail_px]
    tile[: piece.shape[0], width - detail_px : width - detail_px + piece.shape[1]] = piece
    return tile


def _fitted(pixels: ByteArray, size_px: tuple[int, int]) -> ByteArray:
    rows, columns = pixels.shape[:2]
    scale = min(size_px[0] / columns, size_px[1] / rows, 1.0)
    size = (max(1, int(columns * scale)), max(1, int(rows * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def sheet_of(tiles: list[_Tile]) -> ByteArray:
    """Return ``(row, column, 3)`` all tiles with their captions, row by row."""
    width, height = _TILE_PX
    rows = -(-len(tiles) // _COLUMNS)
    sheet = np.full((rows * height, _COLUMNS * width, 3), _BACKGROUND, np.uint8)
    for number, (caption, pixels) in enumerate(tiles):
        y, x = height * (number // _COLUMNS), width * (number % _COLUMNS)
        small = _fitted(pixels, (width - 6, height - _CAPTION_PX))
        top = y + _CAPTION_PX
        sheet[top : top + small.shape[0], x : x + small.shape[1]] = small
        [words] = set_type(((caption[:62], 9.0),), face="sans")
        pen.apply(sheet, words.at(x + 4, y + 17), rgb=(255, 255, 255))
    return sheet


def main() -> None:
    """Write every sheet into the folder that the command line names."""
    folder = Path(sys.argv[1])
    for name, tiles in SHEETS.items():
        Image.fromarray(sheet_of(tiles())).save(folder / name, quality=_QUALITY, optimize=True)


if __name__ == "__main__":
    main()
