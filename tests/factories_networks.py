"""Networks that know everything: what they see is the truth of the page, in their own words."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ecgbatch.models.finding import read_maps
from ecgbatch.models.locator import CELL_PX, HEATS, PX_PER_MM, SIDES, VALUES
from ecgbatch.models.reader import NAMES, SYMBOLS, ReadLine, line_symbols, name_class
from ecgbatch.training.locator_targets import Places, targets


@dataclass
class KnowingNetworks:
    """See ``imaging.seeing.Networks``; ``sure`` is how likely the right name is."""

    truth: object
    ecg: float = 1.0
    sure: float = 0.99
    nameless: bool = False
    wordless: bool = False

    def find(self, page, *, px_per_mm):
        factor = px_per_mm / PX_PER_MM
        rows, columns = (int(side / factor) for side in page.shape)
        wanted = targets(
            places_of(self.truth, factor), shape_cells=(rows // CELL_PX, columns // CELL_PX)
        )
        heats = torch.logit(torch.from_numpy(wanted.heats).clamp(1e-4, 1 - 1e-4))
        maps = torch.cat([heats, torch.from_numpy(wanted.values)])
        found = read_maps(maps, torch.zeros(6), px_per_mm=px_per_mm)
        if self.nameless:
            found = replace(found, names=np.zeros((0, 5)))
        if self.wordless:
            found = replace(found, lines=np.zeros((0, 5)))
        return replace(found, ecg=self.ecg, turns=(1.0, 0.0, 0.0, 0.0), mirrored=0.0)

    def upright_each_way(self, page, ways, *, px_per_mm):
        return [1.0, *[0.0] * (len(ways) - 1)]

    def read_names(self, page, boxes_px):
        return [self._name(box) for box in boxes_px]

    def _name(self, box):
        text = nearest(box, [t for t in self.truth.texts if t.role == "lead"]).text
        others = (1 - self.sure) / (len(NAMES) - 1)
        return dict.fromkeys(NAMES, others) | {name_class(text): self.sure}

    def read_lines(self, page, boxes_px):
        return [self._line(box) for box in boxes_px]

    def _line(self, box):
        text = nearest(box, [t for t in self.truth.texts if t.role == "scale"]).text
        symbols = "".join(SYMBOLS[index] for index in line_symbols(text))
        return ReadLine(symbols, (0.99,) * len(symbols))


@dataclass
class SeesSides(KnowingNetworks):
    """Knows the page that lies right among others, and which of them is likely by how much.

    ``upright`` is the page as it is to be read.
    """

    upright: object = None
    likely_right: float = 0.95
    likely_otherwise: float = 0.1

    def find(self, page, *, px_per_mm):
        found = super().find(self.upright, px_per_mm=px_per_mm)
        right = self._right(page)
        return replace(found, turns=(right, 1 - right, 0.0, 0.0))

    def upright_each_way(self, page, ways, *, px_per_mm):
        return [self._right(way(page)) for way in ways]

    def _right(self, page):
        same = np.array_equal(page, self.upright)
        return self.likely_right if same else self.likely_otherwise


def nearest(box, texts):
    middle = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    return min(
        texts,
        key=lambda text: np.hypot(
            *(
                np.array([text.box_px[0] + text.box_px[2], text.box_px[1] + text.box_px[3]]) / 2
                - middle
            )
        ),
    )


def places_of(truth, factor):
    """The truth of a page in pixels of the locator."""

    def edges(boxes, width=4):
        values = np.array(boxes, np.float32).reshape(-1, width)
        values[:, :4] /= factor
        return values

    regions = []
    for region in truth.regions:
        x = region.polyline_px[np.isfinite(region.polyline_px).all(axis=1), 0]
        zero = np.interp([x.min(), x.max()], *region.baseline_px.T)
        top, bottom = region.box_px[1] - 0.5, region.box_px[3] - 0.5
        regions.append((x.min(), zero[0], x.max(), zero[1], top, bottom))
    regions = (np.array(regions, np.float32).reshape(-1, 6) + 0.5) / factor - 0.5
    return Places(
        regions=regions,
        names=edges([r.name_box_px for r in truth.regions if r.name_box_px is not None]),
        pulses=edges([pulse.box_px for pulse in truth.pulses]),
        lines=edges(
            [(*t.box_px, float(t.role == "scale")) for t in truth.texts if t.role != "lead"], 5
        ),
        separators=(truth.separators_px.reshape(-1, 4).astype(np.float32) + 0.5) / factor - 0.5,
    )


def findings_with(**more):
    """What a locator sees on paper without anything, but for what is given."""
    maps = torch.full((len(HEATS) + len(VALUES), 4, 4), -9.0)
    return replace(read_maps(maps, torch.zeros(len(SIDES)), px_per_mm=PX_PER_MM), **more)
