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
from ecgbatch.training.examples import Example, Pool
from ecgbatch.training.locator_scores import measured
from ecgbatch.training.locator_targets import GROUP_OF, Places, targets
from ecgbatch.types import ByteArray, FloatArray

_HEAT_WEIGHT = {"row": 1.0, "separator": 0.3, "text": 0.3}
_VALUE_WEIGHT = 0.6
_SIDES_WEIGHT = 0.3
_TURNED_SHARE = 0.12
_LARGEST_PX = (640, 768)
_POINT_HEATS = [HEATS.index(kind) for kind in ("start", "end", "name", "pulse", "line")]
_DENSE_HEATS = [HEATS.index(kind) for kind in _HEAT_WEIGHT]


@dataclass(frozen=True)
class LocatorTask:
    """See ``training.loop.Task``.

    Attributes:
        pages: Pool of pages to learn from.
        count: How many of them.
        valid: Pool of pages to measure on.
        valid_count: How many of them.
        batch_pages: Pages in a batch.
    """

    pages: Pool
    count: int
    valid: Pool
    valid_count: int
    batch_pages: int = 6

    def network(self) -> nn.Module:
        """Return the network, not yet trained."""
        return channels_together(LocatorNet())

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw pages of about one shape, and what is to be answered on them."""
        numbers = rng.choice(self.count, 2 * self.batch_pages, replace=False)
        drawn = [self.pages.near(int(number)) for number in numbers]
        shapes = np.array([example.pixels.shape for example in drawn], np.float64)
        near = np.abs(np.log(shapes / shapes[0])).sum(axis=1).argsort()[: self.batch_pages]
        chosen = [drawn[int(index)] for index in near]
        shape = _common(chosen)
        parts = [moved(example, rng, shape_px=shape) for example in chosen]
        answers = [
            targets(places, shape_cells=(shape[0] // CELL_PX, shape[1] // CELL_PX))
            for _, places in parts
        ]
        pixels = np.stack([pixels for pixels, _ in parts])[:, None]
        sides = np.zeros((len(chosen), 3), np.int64)
        sides[:, 0] = [example.layout != "none" for example in chosen]
        upright = np.ones(1, np.float32)
        if rng.random() < _TURNED_SHARE:
            sides[:, 1], sides[:, 2] = int(rng.integers(4)), int(rng.integers(2))
            upright[0] = 0.0
            if sides[0, 2]:
                pixels = pixels[..., ::-1]
            pixels = np.ascontiguousarray(np.rot90(pixels, -int(sides[0, 1]), axes=(2, 3)))
        return {
            "pixels": pixels,
            "heats": np.stack([answer.heats for answer in answers]),
            "values": np.stack([answer.values for answer in answers]),
            "weights": np.stack([answer.weights for answer in answers]),
            "sides": sides,
            "upright": upright,
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
        if not float(batch["upright"][0]):
            return _SIDES_WEIGHT * of_sides + 0.0 * maps.float().mean(), {
                "sides": float(of_sides.detach())
            }
        points, dense, values = maps_losses(maps.float(), batch)
        total = points + dense + _VALUE_WEIGHT * values + _SIDES_WEIGHT * of_sides
        figures = {"points": points, "dense": dense, "values": values, "sides": of_sides}
        return total, {name: float(part.detach()) for name, part in figures.items()}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Measure on pages of records that are never learned from."""
        examples = (self.valid[number] for number in range(self.valid_count))
        return measured(network, examples, device=device)


def maps_losses(maps: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the losses of points, of lines and areas, and of values, each per thing on the page.

    Args:
        maps: Of the network.
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


def _common(examples: list[Example]) -> tuple[int, int]:
    """Return a shape in multiples of 32 that holds all pages, or most of the largest ones."""
    rows = max(example.pixels.shape[0] for example in examples)
    columns = max(example.pixels.shape[1] for example in examples)
    most = _LARGEST_PX if rows <= columns else _LARGEST_PX[::-1]
    return min(-(-rows // 32) * 32, most[0]), min(-(-columns // 32) * 32, most[1])


def moved(
    example: Example, rng: np.random.Generator, *, shape_px: tuple[int, int]
) -> tuple[ByteArray, Places]:
    """Return a page a little larger or smaller, turned, shifted and shaded, with its places.

    Args:
        example: The page.
        rng: Source of all that.
        shape_px: Rows and columns of the page that is returned.
    """
    rows, columns = example.pixels.shape
    zoom = float(np.exp(rng.uniform(-0.07, 0.07)))
    if rng.random() < 0.2:  # a picture of a part of the page
        zoom = float(np.exp(rng.uniform(-0.25, 0.3)))
    stretch = zoom * np.exp(rng.uniform(-0.02, 0.02, 2))
    angle = np.deg2rad(rng.normal(0, 0.35))
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]]) * stretch
    room = (np.array(shape_px[::-1]) - stretch * [columns, rows]) / 2
    shift = np.array(shape_px[::-1]) / 2 + rng.uniform(-1, 1, 2) * (np.abs(room) + 8)
    shift -= turn @ [columns / 2, rows / 2]
    pixels = _shaded(_drawn(example.pixels, turn, shift, shape_px), rng)

    def points(values: FloatArray, first: int) -> FloatArray:
        return np.asarray(values[:, first : first + 2] @ turn.T + shift, np.float32)

    regions = np.concatenate(
        [
            points(example.regions, 0),
            points(example.regions, 2),
            points(example.regions[:, [0, 4]], 0)[:, 1:],
            points(example.regions[:, [0, 5]], 0)[:, 1:],
        ],
        axis=1,
    )
    separators = np.concatenate(
        [points(example.separators, 0), points(example.separators, 2)], axis=1
    )
    boxes = {
        name: np.concatenate([points(values, 0), points(values, 2), values[:, 4:]], axis=1)
        for name, values in (
            ("names", example.names),
            ("pulses", example.pulses),
            ("lines", example.lines),
        )
    }
    return pixels, Places(
        regions=_inside(regions, shape_px[1]),
        separators=separators.astype(np.float32),
        **{name: _seen(values, shape_px) for name, values in boxes.items()},
    )


def _seen(boxes: FloatArray, shape_px: tuple[int, int]) -> FloatArray:
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    kept = ((middle > 0) & (middle < np.array(shape_px[::-1]))).all(axis=1)
    return np.asarray(boxes[kept], np.float32)


def _inside(regions: FloatArray, width: int) -> FloatArray:
    """Let regions that reach beyond the page begin and end at its sides."""
    kept = regions[(regions[:, 2] > 12) & (regions[:, 0] < width - 12)].copy()
    slope = (kept[:, 3] - kept[:, 1]) / np.maximum(kept[:, 2] - kept[:, 0], 1)
    for x, y, edge in ((0, 1, 0.0), (2, 3, width - 1.0)):
        at = np.maximum(kept[:, x], edge) if x == 0 else np.minimum(kept[:, x], edge)
        kept[:, y] += slope * (at - kept[:, x])
        kept[:, x] = at
    return np.asarray(kept, np.float32)


def _drawn(
    pixels: ByteArray, turn: np.ndarray, shift: np.ndarray, shape_px: tuple[int, int]
) -> FloatArray:
    """Draw a page after an affine map."""
    rows, columns = pixels.shape
    back = np.linalg.inv(turn)
    # From the new page's coordinates in -1..1 to the old ones'.
    new_half = np.array([shape_px[1] - 1, shape_px[0] - 1]) / 2
    old_half = np.array([columns - 1, rows - 1]) / 2
    matrix = (back * new_half) / old_half[:, None]
    offset = (back @ (new_half - shift) - old_half) / old_half
    theta = torch.from_numpy(np.column_stack([matrix, offset])).float()[None]
    grid = functional.affine_grid(theta, [1, 1, *shape_px], align_corners=True)
    grey = torch.from_numpy(pixels)[None, None].float()
    drawn = functional.grid_sample(grey, grid, padding_mode="border", align_corners=True)
    return np.asarray(drawn[0, 0].numpy())


def _shaded(pixels: FloatArray, rng: np.random.Generator) -> ByteArray:
    """Change contrast and brightness, blur and add noise."""
    grey = pixels / 255
    grey = grey ** float(np.exp(rng.uniform(-0.35, 0.35)))
    grey = grey * float(rng.uniform(0.6, 1.0)) + float(rng.uniform(-0.05, 0.1))
    if rng.random() < 0.25:
        share = float(rng.uniform(0.2, 0.8))
        soft = functional.avg_pool2d(
            torch.from_numpy(grey)[None, None], 3, stride=1, padding=1, count_include_pad=False
        )
        grey = (1 - share) * grey + share * soft[0, 0].numpy()
    if rng.random() < 0.5:
        noise = rng.standard_normal(grey.shape, dtype=np.float32)
        grey = grey + float(rng.uniform(0, 0.03)) * noise
    return np.clip(255 * grey, 0, 255).astype(np.uint8)
