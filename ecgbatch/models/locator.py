"""The locator: a small convolutional network that finds what is printed where on a page.

It sees the rectified page at 2 pixels per millimetre and answers in cells of 4 x 4 of them. A lead
is a long thin thing, so that neither its middle nor its box is what a network sees best: it finds
where each trace starts and ends, and the zero line between. Names, pulses and lines of text are
found by their middles, with sizes (as CenterNet does, Zhou et al. 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbatch.types import ByteArray

PX_PER_MM = 2.0
CELL_PX = 4
_STEP = 32  # the deepest features; pages are padded to multiples of it

HEATS = ("row", "start", "end", "name", "pulse", "line", "separator", "text")
"""Maps of how likely a cell holds a zero line, an end of a trace, the middle of a box, or a part of
a separator or of any text."""
POINTS = ("start", "end", "name", "pulse", "line")
BOXES = ("name", "pulse", "line")
VALUES = (
    "row_y",
    "row_above",
    "row_below",
    *(f"{kind}_{axis}" for kind in POINTS for axis in "xy"),
    *(f"{kind}_{side}" for kind in BOXES for side in ("width", "height")),
)
"""Numbers that stand beside the heats: offsets in cells; reaches and sizes in ``SIZE_CELLS``."""
SIZE_CELLS = 8.0
SIDES = ("ecg", "turn_0", "turn_1", "turn_2", "turn_3", "mirrored")
"""Of the whole page: whether it is an ECG, how often it is to be turned counter-clockwise by a
quarter to stand upright, and whether it is seen from behind."""

Maps: TypeAlias = Mapping[str, Tensor]


class LocatorNet(nn.Module):
    """Encoder, decoder, and one layer per question.

    ``forward`` takes ``(page, 1, row, column)`` as ``prepared`` makes it, both sides multiples of
    32, and returns ``(page, heats and values, row / 4, column / 4)`` and ``(page, SIDES)``, both as
    logits where they are probabilities.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(1, 16, step=2), _conv(16, 32, step=2), _conv(32, 32))
        self.down_8 = nn.Sequential(_conv(32, 48, step=2), _Residual(48))
        self.down_16 = nn.Sequential(_conv(48, 80, step=2), _Residual(80), _Along(80))
        self.down_32 = nn.Sequential(
            _conv(80, 96, step=2), _Residual(96), _Along(96), _Residual(96)
        )
        self.up_16 = _Up(96, 80, 64)
        self.up_8 = _Up(64, 48, 48)
        self.up_4 = _Up(48, 32, 32)
        self.maps = nn.Conv2d(32, len(HEATS) + len(VALUES), 1)
        self.page = nn.Sequential(nn.Linear(2 * 96, 64), nn.ReLU(), nn.Linear(64, len(SIDES)))
        if self.maps.bias is not None:  # most cells hold nothing
            nn.init.constant_(self.maps.bias[: len(HEATS)], -4.0)

    def forward(self, pages: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps and the sides."""
        at_4, at_8, at_16, at_32 = self._seen(pages)
        maps = self.maps(self.up_4(self.up_8(self.up_16(at_32, at_16), at_8), at_4))
        return maps, self._whole(at_32)

    def sides(self, pages: Tensor) -> Tensor:
        """Return the sides alone, for half of the work."""
        return self._whole(self._seen(pages)[-1])

    def _seen(self, pages: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        at_4 = self.stem(pages)
        at_8 = self.down_8(at_4)
        at_16 = self.down_16(at_8)
        return at_4, at_8, at_16, self.down_32(at_16)

    def _whole(self, at_32: Tensor) -> Tensor:
        whole = torch.cat([at_32.mean(dim=(2, 3)), at_32.amax(dim=(2, 3))], dim=1)
        answers: Tensor = self.page(whole)
        return answers


def _conv(inputs: int, outputs: int, *, step: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride=step, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))


class _Along(nn.Module):
    """Lets every place know of its whole row and its whole column: rows of traces are that long."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.row = nn.Conv2d(2 * channels, channels, 1)
        self.column = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.cat([x.mean(dim=3, keepdim=True), x.amax(dim=3, keepdim=True)], dim=1)
        columns = torch.cat([x.mean(dim=2, keepdim=True), x.amax(dim=2, keepdim=True)], dim=1)
        return functional.relu(x + self.row(rows) + self.column(columns))


class _Up(nn.Module):
    def __init__(self, below: int, beside: int, outputs: int) -> None:
        super().__init__()
        self.below = nn.Conv2d(below, outputs, 1)
        self.beside = nn.Conv2d(beside, outputs, 1)
        self.joined = _conv(outputs, outputs)

    def forward(self, below: Tensor, beside: Tensor) -> Tensor:
        up = functional.interpolate(self.below(below), scale_factor=2.0, mode="nearest")
        joined: Tensor = self.joined(functional.relu(up + self.beside(beside)))
        return joined


def prepared(pages: Tensor) -> Tensor:
    """Return pages as the network knows them: how much darker than its surroundings a pixel is.

    Args:
        pages: ``(page, 1, row, column)`` grey levels, sides multiples of 32.

    Returns:
        The same shape; 0 is the paper nearby, and ink is about 1 to 3.
    """
    blocks = functional.avg_pool2d(pages, 8)
    near = functional.avg_pool2d(blocks, 5, stride=1, padding=2, count_include_pad=False)
    around = functional.interpolate(near, scale_factor=8.0, mode="bilinear", align_corners=False)
    darkness = around - pages
    usual = darkness.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return torch.clamp(darkness / (2 * usual + 4), -1.5, 4.0)


def padded(page: ByteArray) -> Tensor:
    """Return ``(1, 1, row, column)`` float32 of a page, filled up to multiples of 32.

    Args:
        page: ``(row, column)`` uint8.
    """
    rows, columns = (-side % _STEP for side in page.shape)
    grey = torch.from_numpy(np.ascontiguousarray(page))[None, None].float()
    return functional.pad(grey, (0, columns, 0, rows), mode="replicate")


def named(maps: Tensor) -> dict[str, Tensor]:
    """Return the maps of ``LocatorNet`` by their names: ``row`` is a heat, ``row_y`` a value."""
    return dict(zip((*HEATS, *VALUES), maps.unbind(dim=1), strict=True))
