"""What the locator and the reader learn from: small pages with their truth, and cuts of text.

Drawing a page costs a second, so each is drawn once and kept in a folder that may be thrown away.
Its number alone says what is on it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgbatch.synth.paper import RenderedPage
from ecgbatch.synth.truth import Box, RegionTruth
from ecgbatch.training.lines import with_scale_line
from ecgbatch.training.others import draw_other
from ecgbatch.training.pages import UprightDrawnPage, draw_page, rectified
from ecgbatch.training.records import Records, read_records
from ecgbatch.training.whole import save_arrays
from ecgbatch.training.writing import with_paragraphs
from ecgbatch.types import ByteArray, FloatArray

FULL_PX_PER_MM = 10.0
REDUCED = 5
"""Pixels of the pipeline's page that are averaged to one of the locator's, along each axis."""

_OTHER_SHARE = 0.07
_AROUND_MM = 1.5
_NO_NAMES = 4
_LEAST_INK_MM = 4.0  # a region of which less is left is not to be found


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A small piece of the full page around one text.

    Attributes:
        pixels: ``(row, column)`` uint8 at ``FULL_PX_PER_MM``.
        box_px: Of the ink, within the cut.
        kind: ``name``, ``line``, or ``none`` for a piece that holds no name.
        text: What it says; empty where it says nothing.
    """

    pixels: ByteArray
    box_px: Box
    kind: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A page at the scale of the locator; all places are in its pixels.

    Attributes:
        pixels: ``(row, column)`` uint8.
        layout: Name of its layout, ``none`` where it is no ECG.
        regions: ``(region, 8)`` left end, its zero line, right end, its zero line, top and bottom
            of the ink, 1 for a rhythm row, and 1 where the name is printed.
        leads: Their printed names.
        names: ``(name, 4)`` boxes.
        pulses: ``(pulse, 4)`` boxes.
        separators: ``(mark, 4)`` upper and lower end.
        lines: ``(line, 5)`` boxes of texts that are no names; the last is 1 where it tells speed
            or gain.
        cuts: Pieces of text.
    """

    pixels: ByteArray
    layout: str
    regions: FloatArray
    leads: tuple[str, ...]
    names: FloatArray
    pulses: FloatArray
    separators: FloatArray
    lines: FloatArray
    cuts: tuple[Cut, ...]


def draw_example(
    rng: np.random.Generator,
    *,
    records: Records | None,
    layouts: Sequence[str] | None = None,
    fonts: Sequence[str] = (),
) -> Example:
    """Draw a page, and reduce it to what is learned from it.

    Args:
        rng: Source of every choice.
        records: See ``draw_page``.
        layouts: See ``draw_page``; with layouts given, every page is an ECG.
        fonts: See ``draw_page``.
    """
    if layouts is None and rng.random() < _OTHER_SHARE:
        drawn = draw_other(rng)
    else:
        drawn = draw_page(rng, records=records, layouts=layouts, fonts=fonts, added=_with_texts)
    return reduced(rectified(drawn, rng, px_per_mm=FULL_PX_PER_MM), rng)


def _with_texts(page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
    return with_paragraphs(with_scale_line(page, rng), rng)


def reduced(page: UprightDrawnPage, rng: np.random.Generator) -> Example:
    """Reduce an upright page to what is learned from it."""
    truth = page.truth
    seen = [each for each in truth.regions if _printed_mm(each) >= _LEAST_INK_MM]
    regions = [_ends(each) for each in seen]
    names = [each.name_box_px for each in truth.regions if each.name_box_px is not None]
    told = [
        (*text.box_px, float(text.role == "scale")) for text in truth.texts if text.role != "lead"
    ]
    return Example(
        pixels=shrunk(page.pixels),
        layout=truth.layout,
        regions=_scaled(regions, 8, places=6),
        leads=tuple(each.printed_name for each in seen),
        names=_scaled(names, 4, places=4, edges=True),
        pulses=_scaled([pulse.box_px for pulse in truth.pulses], 4, places=4, edges=True),
        separators=_scaled([mark.ravel() for mark in truth.separators_px], 4, places=4),
        lines=_scaled(told, 5, places=4, edges=True),
        cuts=tuple(_cuts(page, rng)),
    )


def shrunk(pixels: ByteArray) -> ByteArray:
    """Average blocks of ``REDUCED`` pixels; what is left over at the right and below is dropped."""
    rows, columns = (side // REDUCED for side in pixels.shape)
    whole = pixels[: rows * REDUCED, : columns * REDUCED]
    blocks = whole.reshape(rows, REDUCED, columns, REDUCED).astype(np.uint16)
    return np.asarray(np.rint(blocks.sum(axis=(1, 3)) / REDUCED**2), np.uint8)


def _printed_mm(region: RegionTruth) -> float:
    x = region.polyline_px[np.isfinite(region.polyline_px).all(axis=1), 0]
    return float(np.ptp(x)) / FULL_PX_PER_MM if x.size else 0.0


def _ends(region: RegionTruth) -> tuple[float, ...]:
    x = region.polyline_px[np.isfinite(region.polyline_px).all(axis=1), 0]
    zero = np.interp([x.min(), x.max()], *region.baseline_px.T)
    return (
        float(x.min()),
        float(zero[0]),
        float(x.max()),
        float(zero[1]),
        region.box_px[1] - 0.5,
        region.box_px[3] - 0.5,
        float(region.role == "rhythm"),
        float(region.name_box_px is not None),
    )


def _scaled(rows: Sequence[object], width: int, *, places: int, edges: bool = False) -> FloatArray:
    """Bring places to the reduced page, whose pixels are counted at their middles, too."""
    values = np.array(rows, np.float64).reshape(-1, width)
    shift = 0.0 if edges else 0.5  # edges of boxes lie between pixels, points lie in their middles
    values[:, :places] = (values[:, :places] + shift) / REDUCED - shift
    return values.astype(np.float32)


def _cuts(page: UprightDrawnPage, rng: np.random.Generator) -> list[Cut]:
    found = []
    for text in page.truth.texts:
        kind = "name" if text.role == "lead" else "line"
        # half of the lines that tell nothing of the scale are enough
        if kind == "line" and text.role != "scale" and rng.random() < 0.5:
            continue
        cut = _cut(page.pixels, text.box_px, kind, text.text)
        found += [] if cut is None else [cut]
    height, width = page.pixels.shape
    for _ in range(_NO_NAMES):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        size = rng.uniform(12, 40)
        box = (x, y, x + size * rng.uniform(0.3, 2.5), y + size)
        inside = [n for n in page.truth.texts if n.role == "lead" and _touch(box, n.box_px)]
        cut = None if inside else _cut(page.pixels, box, "none", "")
        found += [] if cut is None else [cut]
    return found


def _touch(one: Box, other: Box) -> bool:
    around = 15
    return (
        one[0] < other[2] + around
        and other[0] < one[2] + around
        and one[1] < other[3] + around
        and other[1] < one[3] + around
    )


def _cut(pixels: ByteArray, box_px: Box, kind: str, text: str) -> Cut | None:
    around = round(_AROUND_MM * FULL_PX_PER_MM)
    left, top, right, bottom = (round(edge) for edge in box_px)
    height, width = pixels.shape
    first_row, first_column = max(top - around, 0), max(left - around, 0)
    part = pixels[first_row : bottom + around, first_column : right + around]
    whole = 0 <= left < right <= width and 0 <= top < bottom <= height
    if not whole or bottom - top < 8:
        return None
    box = (left - first_column, top - first_row, right - first_column, bottom - first_row)
    return Cut(np.ascontiguousarray(part), box, kind, text)


class Pool:
    """Examples by their number, drawn when first asked for and kept in a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        records: Path | None,
        folds: Collection[int] = (),
        seed: int,
        layouts: Sequence[str] | None = None,
        fonts: Sequence[str] = (),
    ) -> None:
        """Name what the pages are drawn from.

        Args:
            folder: Where they are kept.
            records: Folder of real records, see ``read_records``; None simulates all. It is read
                where the first page is drawn: a pool goes to other processes without its records.
            folds: Of the records.
            seed: Of the pages.
            layouts: See ``draw_example``.
            fonts: See ``draw_example``.
        """
        self._folder, self._layouts, self._fonts = folder, layouts, fonts
        self._source, self._folds, self._seed = records, frozenset(folds), seed
        self._records: Records | None = None

    def __getstate__(self) -> dict[str, object]:
        """Leave the records behind."""
        return {**self.__dict__, "_records": None}

    def __getitem__(self, number: int) -> Example:
        """Return an example."""
        path = self._folder / f"{number:06d}.npz"
        if path.exists():
            return _read(path)
        if self._source is not None and self._records is None:
            self._records = read_records(self._source, folds=self._folds)
        rng = np.random.default_rng((self._seed, number))
        example = draw_example(rng, records=self._records, layouts=self._layouts, fonts=self._fonts)
        _write(path, example)
        return example

    def near(self, number: int) -> Example:
        """Return an example, or one with a lower number while others still draw it."""
        while number and not self.holds(number):
            number //= 2
        return self[number]

    def holds(self, number: int) -> bool:
        """Whether an example was drawn before."""
        return (self._folder / f"{number:06d}.npz").exists()

    def fill(self, count: int) -> None:
        """Draw what is missing of the first examples."""
        for number in range(count):
            if not self.holds(number):
                self[number]


_ARRAYS = ("pixels", "regions", "names", "pulses", "separators", "lines")


def _write(path: Path, example: Example) -> None:
    words = {
        "layout": example.layout,
        "leads": example.leads,
        "cuts": [(cut.kind, cut.text, cut.box_px, cut.pixels.shape) for cut in example.cuts],
    }
    flat = [cut.pixels.ravel() for cut in example.cuts] or [np.zeros(0, np.uint8)]
    path.parent.mkdir(parents=True, exist_ok=True)
    save_arrays(
        path,
        words=np.frombuffer(json.dumps(words).encode(), np.uint8),
        cut_pixels=np.concatenate(flat),
        **{name: getattr(example, name) for name in _ARRAYS},
    )


def _read(path: Path) -> Example:
    with np.load(path) as file:
        words = json.loads(bytes(file["words"]))
        flat, begin, cuts = file["cut_pixels"], 0, []
        for kind, text, box, shape in words["cuts"]:
            pixels = flat[begin : begin + shape[0] * shape[1]].reshape(shape)
            begin += pixels.size
            cuts.append(Cut(pixels, tuple(box), kind, text))
        return Example(
            layout=words["layout"],
            leads=tuple(words["leads"]),
            cuts=tuple(cuts),
            **{name: file[name] for name in _ARRAYS},
        )
