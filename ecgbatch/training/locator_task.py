"""How the locator learns: batches of pages, moved and shaded a little; losses; what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbatch.models.folding import channels_together
from ecgbatch.models.locator import CELL_PX, HEATS, LocatorNet, prepared
from ecgbatch.training.drawn_pages import DrawnPages
from ecgbatch.training.examples import Example
from ecgbatch.training.locator_scores import measured
from ecgbatch.training.locator_targets import GROUP_OF, targets
from ecgbatch.training.moving import joined, moved
from ecgbatch.types import DoubleArray

_HEAT_WEIGHT = {"row": 1.0, "separator": 0.3, "text": 0.3}
_VALUE_WEIGHT = 0.6
_SIDES_WEIGHT = 0.5
_TURNED_SHARE = 0.3
_TURNS = (0.25, 0.15, 0.45, 0.15)
"""How often a page that is not upright is turned by no quarter, one, two or three; those that are
not turned at all are mirrored."""
_MIRRORED_SHARE = 0.3
_JOINED_SHARE = 0.05
_LONGEST_PX = 1216
_LARGEST_PX = 640 * 768
_POINT_HEATS = [HEATS.index(kind) for kind in ("start", "end", "name", "pulse", "line")]
_DENSE_HEATS = [HEATS.index(kind) for kind in _HEAT_WEIGHT]


@dataclass(frozen=True)
class LocatorTask(DrawnPages):
    """See ``training.loop.Task`` and ``DrawnPages``.

    Attributes:
        batch_pages: Pages in a batch.
    """

    batch_pages: int = 6

    def network(self) -> nn.Module:
        """Return the network, not yet trained."""
        return channels_together(LocatorNet())

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw pages of about one shape, some turned or mirrored, and what is to be answered.

        What is printed where is asked of upright pages alone: others are turned before they are
        read.
        """
        drawn = self.some(rng, 2 * self.batch_pages)
        if rng.random() < _JOINED_SHARE:
            drawn[0] = joined(drawn[0], drawn.pop(), rng)
        sides = np.array([_sides(example, rng) for example in drawn])
        sides[0, 1:] = 0  # something is always asked
        shapes = np.array([example.pixels.shape for example in drawn], np.float64)
        odd = sides[:, 1] % 2 == 1
        shapes[odd] = shapes[odd][:, ::-1]  # a page turned by a quarter is like one of the others
        near = np.abs(np.log(shapes / shapes[0])).sum(axis=1).argsort()[: self.batch_pages]
        sides = sides[near]
        shape = _common(shapes[near])
        pixels, asked = [], []
        for index, (_, turns, mirrored) in zip(near, sides, strict=True):
            upright_px = shape[::-1] if turns % 2 else shape
            page, places = moved(drawn[int(index)], rng, shape_px=upright_px)
            page = page[:, ::-1] if mirrored else page
            pixels.append(np.rot90(page, -int(turns)))
            if not turns and not mirrored:
                asked.append(
                    targets(places, shape_cells=(shape[0] // CELL_PX, shape[1] // CELL_PX))
                )
        return {
            "pixels": np.stack(pixels)[:, None],
            "heats": np.stack([answer.heats for answer in asked]),
            "values": np.stack([answer.values for answer in asked]),
            "weights": np.stack([answer.weights for answer in asked]),
            "sides": sides,
            "upright": (sides[:, 1:] == 0).all(axis=1),
        }

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Return the loss of a batch, and its parts."""
        pages = prepared(batch["pixels"].float())
        device = pages.device.type
        with torch.autocast(device, torch.bfloat16):
            maps, sides = network(pages.contiguous(memory_format=torch.channels_last))
        of_sides = sides_loss(sides.float(), batch["sides"], mirror_counts=True)
        points, dense, values = maps_losses(maps.float()[batch["upright"]], batch)
        total = points + dense + _VALUE_WEIGHT * values + _SIDES_WEIGHT * of_sides
        figures = {"points": points, "dense": dense, "values": values, "sides": of_sides}
        return total, {name: float(part.detach()) for name, part in figures.items()}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Measure on pages of records that are never learned from."""
        return measured(network, self.held_out(), device=device)


def maps_losses(maps: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the losses of points, of lines and areas, and of values, each per thing on the page.

    Args:
        maps: Of the network, on the pages that stand upright.
        batch: Of the task.
    """
    heats, values = maps[:, : len(HEATS)], maps[:, len(HEATS) :]
    wanted = batch["heats"]
    points = focal(heats[:, _POINT_HEATS], wanted[:, _POINT_HEATS])
    dense = heats.new_zeros(())
    for name, share in _HEAT_WEIGHT.items():
        channel = HEATS.index(name)
        each = functional.binary_cross_entropy_with_logits(
            heats[:, channel], wanted[:, channel], reduction="none"
        )
        dense = dense + share * each.sum() / (wanted[:, channel].sum() + 50.0) / 2
    weights = batch["weights"][:, GROUP_OF]
    apart = functional.smooth_l1_loss(values, batch["values"], reduction="none", beta=0.1)
    count = weights.sum(dim=(0, 2, 3)) + 10.0
    return points, dense, ((apart * weights).sum(dim=(0, 2, 3)) / count).sum() / 3


def focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return the focal loss of points with soft surroundings (Law and Deng 2018, eq. 1).

    Args:
        logits: ``(page, kind, row, column)``.
        wanted: The same shape; 1 at a point, falling around it.
    """
    likely = torch.sigmoid(logits)
    point = (wanted >= 0.999).float()
    hit = -functional.logsigmoid(logits) * (1 - likely) ** 2 * point
    miss = -functional.logsigmoid(-logits) * likely**2 * (1 - wanted) ** 4 * (1 - point)
    count = point.sum(dim=(0, 2, 3)) + 2.0
    return ((hit + miss).sum(dim=(0, 2, 3)) / count).mean()


def sides_loss(sides: Tensor, wanted: Tensor, *, mirror_counts: bool) -> Tensor:
    """Return the loss of what is said of whole pages.

    Args:
        sides: ``(page, SIDES)`` logits.
        wanted: ``(page, 3)`` whether it is an ECG, its quarter turns, and whether it is mirrored.
        mirror_counts: Whether the last is to be learned.
    """
    ecg = wanted[:, 0].float()
    loss = functional.binary_cross_entropy_with_logits(sides[:, 0], ecg)
    # which side of a table is up is not asked
    turns = functional.cross_entropy(sides[:, 1:5], wanted[:, 1], reduction="none")
    mirror = functional.binary_cross_entropy_with_logits(
        sides[:, 5], wanted[:, 2].float(), reduction="none"
    )
    return loss + ((turns + mirror * mirror_counts) * ecg).mean()


def _sides(example: Example, rng: np.random.Generator) -> tuple[int, int, int]:
    """Draw how a page lies: whether it is an ECG, quarter turns, whether it is mirrored."""
    if rng.random() >= _TURNED_SHARE:
        return int(example.layout != "none"), 0, 0
    turns = int(rng.choice(4, p=_TURNS))
    mirrored = turns == 0 or rng.random() < _MIRRORED_SHARE
    return int(example.layout != "none"), turns, int(mirrored)


def _common(shapes_px: DoubleArray) -> tuple[int, int]:
    """Return a shape in multiples of 32 that holds all pages, or most of the largest ones."""
    rows, columns = (min(-(-int(side) // 32) * 32, _LONGEST_PX) for side in shapes_px.max(axis=0))
    if rows <= columns:
        return min(rows, _LARGEST_PX // columns // 32 * 32), columns
    return rows, min(columns, _LARGEST_PX // rows // 32 * 32)
