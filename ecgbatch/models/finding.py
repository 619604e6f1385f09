"""From the maps of the locator to places on the full page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ecgbatch.models.devices import device_of, quickest_dtype
from ecgbatch.models.locator import (
    BOXES,
    CELL_PX,
    POINTS,
    PX_PER_MM,
    SIDES,
    SIZE_CELLS,
    LocatorNet,
    named,
    padded,
    prepared,
)
from ecgbatch.types import ByteArray, DoubleArray, Findings, FloatArray

_LEAST = 0.15
"""Points less likely than this are not even reported."""
_MOST_POINTS = 200


def find(network: LocatorNet, page: ByteArray, *, px_per_mm: float) -> Findings:
    """Find what is printed where on a page.

    Args:
        network: Trained, in evaluation mode.
        page: ``(row, column)`` uint8, upright or not, at ``px_per_mm``.
        px_per_mm: Scale of the page.

    Raises:
        ValueError: ``px_per_mm`` is no multiple of what the network sees.
    """
    small = reduced(page, px_per_mm=px_per_mm)
    with torch.inference_mode(), _quick(network):
        maps, sides = (out.float().cpu() for out in network(_seen([small], network)))
    rows, columns = (-(-side // CELL_PX) for side in small.shape)
    return read_maps(maps[0, :, :rows, :columns], sides[0], px_per_mm=px_per_mm)


def upright_each_way(
    network: LocatorNet,
    page: ByteArray,
    ways: Sequence[Callable[[ByteArray], ByteArray]],
    *,
    px_per_mm: float,
) -> list[float]:
    """Return how likely a page stands upright and is seen from the front, laid in several ways.

    Args:
        network: Trained, in evaluation mode.
        page: ``(row, column)`` uint8, at ``px_per_mm``.
        ways: What lays the page; none changes its shape.
        px_per_mm: Scale of the page.

    Raises:
        ValueError: ``px_per_mm`` is no multiple of what the network sees.
    """
    small = reduced(page, px_per_mm=px_per_mm)
    with torch.inference_mode(), _quick(network):
        sides = network.sides(_seen([way(small) for way in ways], network)).float().cpu()
    turns = torch.softmax(sides[:, 1:5], dim=1)
    upright: list[float] = (turns[:, 0] * torch.sigmoid(-sides[:, 5])).tolist()
    return upright


def _quick(network: LocatorNet) -> torch.autocast:
    device = device_of(network)
    numbers = quickest_dtype(device)
    return torch.autocast(device.type, numbers, enabled=numbers is not torch.float32)


def _seen(pages: Sequence[ByteArray], network: LocatorNet) -> Tensor:
    seen = prepared(torch.cat([padded(page) for page in pages]))
    return seen.contiguous(memory_format=torch.channels_last).to(device_of(network))


def reduced(page: ByteArray, *, px_per_mm: float) -> ByteArray:
    """Average whole blocks of pixels to the scale of the network.

    Raises:
        ValueError: ``px_per_mm`` is no multiple of what the network sees.
    """
    factor = round(px_per_mm / PX_PER_MM)
    if abs(factor * PX_PER_MM - px_per_mm) > 1e-6:
        raise ValueError(f"px_per_mm: {px_per_mm} is no multiple of {PX_PER_MM:g}")
    rows, columns = (side // factor for side in page.shape)
    whole = torch.from_numpy(np.array(page[: rows * factor, : columns * factor]))
    mean = functional.avg_pool2d(whole[None, None].float(), factor)
    return np.asarray(mean[0, 0].round().to(torch.uint8).numpy())


def read_maps(maps: Tensor, sides: Tensor, *, px_per_mm: float) -> Findings:
    """Read the maps of one page.

    Args:
        maps: ``(heats and values, row, column)`` as the network returns them.
        sides: ``(SIDES,)`` logits.
        px_per_mm: Scale of the page whose pixels places are given in.
    """
    planes = {name: plane[0] for name, plane in named(maps.float()[None]).items()}
    factor = px_per_mm / PX_PER_MM
    points = {kind: _points(planes, kind) for kind in POINTS}

    def to_page(x_cells: DoubleArray) -> DoubleArray:
        # cells and pixels are both counted at their middles
        at_network = x_cells * CELL_PX + (CELL_PX - 1) / 2
        return np.asarray((at_network + 0.5) * factor - 0.5)

    def ends(kind: str) -> DoubleArray:
        found = points[kind]
        return np.column_stack([to_page(found[:, 0]), to_page(found[:, 1]), found[:, 2]])

    def boxes(kind: str) -> DoubleArray:
        found = points[kind]
        # edges lie between pixels, and are learned as they are counted
        x, y = ((found[:, axis] * CELL_PX + (CELL_PX - 1) / 2) * factor for axis in (0, 1))
        half = found[:, 3:5] * SIZE_CELLS * CELL_PX * factor / 2
        return np.column_stack(
            [x - half[:, 0], y - half[:, 1], x + half[:, 0], y + half[:, 1], found[:, 2]]
        )

    of_page = dict(zip(SIDES, sides.tolist(), strict=True))
    turns = torch.softmax(sides[1:5], dim=0).tolist()
    reach = SIZE_CELLS * CELL_PX * factor
    return Findings(
        starts=ends("start"),
        ends=ends("end"),
        names=boxes("name"),
        pulses=boxes("pulse"),
        lines=boxes("line"),
        row=_plane(torch.sigmoid(planes["row"])),
        row_y=_plane(planes["row_y"]),
        above_px=_plane(planes["row_above"] * reach),
        below_px=_plane(planes["row_below"] * reach),
        separator=_plane(torch.sigmoid(planes["separator"])),
        text=_plane(torch.sigmoid(planes["text"])),
        cell_px=CELL_PX * factor,
        ecg=_logistic(of_page["ecg"]),
        turns=(turns[0], turns[1], turns[2], turns[3]),
        mirrored=_logistic(of_page["mirrored"]),
    )


def _plane(values: Tensor) -> FloatArray:
    return np.asarray(values.numpy(), np.float32)


def _logistic(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


def _points(planes: dict[str, Tensor], kind: str) -> DoubleArray:
    """Return ``(point, 3 or 5)`` x and y in cells, likelihood, and width and height of boxes."""
    heat = torch.sigmoid(planes[kind])
    highest = functional.max_pool2d(heat[None, None], 3, stride=1, padding=1)[0, 0]
    at = torch.nonzero((heat >= highest) & (heat > _LEAST))
    order = heat[at[:, 0], at[:, 1]].argsort(descending=True)[:_MOST_POINTS]
    row, column = at[order, 0], at[order, 1]
    parts = [
        column + planes[f"{kind}_x"][row, column],
        row + planes[f"{kind}_y"][row, column],
        heat[row, column],
    ]
    if kind in BOXES:
        parts += [planes[f"{kind}_{side}"][row, column] for side in ("width", "height")]
    return np.asarray(torch.stack(parts, dim=1).double().numpy())
