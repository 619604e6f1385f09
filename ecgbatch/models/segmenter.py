"""The network that follows one trace: its ink, and its height at times finer than the columns.

It sees a window of the page around one row and is told by two ridges which row is meant and where
the others are. For every step in time it gives a distribution over heights and over *there is no
trace*, so that what it cannot know shows as spread and not as a wrong number.

Features are computed on squares of 2 x 2 pixels; what those squares hold comes back in the channels
(Shi et al. 2016, sub-pixel convolution), so that full resolution costs no convolution of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ecgbatch.errors import ConfigError
from ecgbatch.models.card import ModelCard
from ecgbatch.types import FloatArray

CHANNELS = ("darkness", "ink", "own zero line", "other zero lines")
CLASSES = ("ink", "height", "absent")
NORMALISATION = "levels / 255; ridges fall from 1 by their distance over 24 mm"
PX_PER_MM = 10.0

STEPS_PER_PX = 2
HEIGHT_PX = 512
"""Most rows of a window, the lead's zero line in the middle: 25.6 mm to either side."""
ALIGN_PX = 64
"""Rows and columns of a window are multiples of it."""

_WIDTHS = (16, 24, 32, 48, 64, 64)
_ABSENT_LEVEL = 3  # squares of 16 pixels tell whether there is a trace at all
_RIDGE_PX = 240.0


def _conv(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Segmenter(nn.Module):
    """A small U-Net whose sides are added and not stacked, which halves its cost.

    Args:
        card: What it stands for; its input and classes must be those of this code.

    Raises:
        ConfigError: They are not.
    """

    def __init__(self, card: ModelCard | None = None) -> None:
        super().__init__()
        if card is not None and (
            card.input.channels != CHANNELS
            or card.classes != CLASSES
            or card.input.px_per_mm != PX_PER_MM
        ):
            raise ConfigError(f"the card of {card.identity} describes another network")
        self.stem = _conv(4 * len(CHANNELS), _WIDTHS[0])
        self.down = nn.ModuleList(
            nn.Sequential(_conv(above, below, stride=2), _conv(below, below))
            for above, below in pairwise(_WIDTHS)
        )
        self.across = nn.ModuleList(
            nn.Conv2d(below, above, 1) for above, below in pairwise(_WIDTHS)
        )
        self.up = nn.ModuleList(_conv(width, width) for width in _WIDTHS[:-1])
        self.head = nn.Conv2d(_WIDTHS[0], 4 + 4 * STEPS_PER_PX, 3, padding=1)
        squares = 2**_ABSENT_LEVEL
        self.absent = nn.Sequential(
            nn.Conv1d(_WIDTHS[_ABSENT_LEVEL], 48, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.Conv1d(48, squares * 2 * STEPS_PER_PX, 3, padding=1),
        )
        # Convolutions of few channels are up to twice as fast with channels last.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, planes: Tensor, ridges: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of ink and of heights.

        Args:
            planes: ``(window, 2, row, column)`` uint8 levels of darkness and ink.
            ridges: ``(window, 2, row)`` float32, see ``ridges``.

        Returns:
            ``(window, row, column)`` logits of ink, and ``(window, step, row + 1)`` logits of
            heights, the last of them for *absent*.
        """
        out, nothing = self.squares(planes, ridges)
        ink = F.pixel_shuffle(out[:, :4], 2)[:, 0]
        return ink, heights_of(out, nothing)

    def squares(self, planes: Tensor, ridges: Tensor) -> tuple[Tensor, Tensor]:
        """Return what ``forward`` gives before squares are laid out as pixels and steps."""
        x = self.stem(_squares(planes, ridges))
        sides = []
        for down in self.down:
            sides.append(x)
            x = down(x)
        absent = x
        for level in reversed(range(len(self.up))):
            larger = F.interpolate(self.across[level](x), scale_factor=2.0, mode="nearest")
            x = self.up[level](larger + sides[level])
            if level == _ABSENT_LEVEL:
                absent = x
        nothing = self.absent(absent.amax(dim=2)).transpose(1, 2).reshape(x.shape[0], -1, 1)
        return self.head(x), nothing


def _squares(planes: Tensor, ridges: Tensor) -> Tensor:
    """Put what a network is given into the channels of squares of 2 x 2 pixels, channels last."""
    windows, levels, rows, columns = planes.shape
    seen = torch.empty(
        (windows, rows // 2, columns // 2, 8 * levels), dtype=ridges.dtype, device=planes.device
    )
    told = ridges.reshape(windows, levels, rows // 2, 2)
    places = [
        (level, row, column) for level in range(levels) for row in (0, 1) for column in (0, 1)
    ]
    for channel, (level, row, column) in enumerate(places):  # a fifth of one permutation's time
        seen[..., channel] = planes[:, level, row::2, column::2]
        seen[..., len(places) + channel] = told[:, level, :, row, None]
    seen[..., : len(places)] /= 255
    return seen.permute(0, 3, 1, 2)


def heights_of(out: Tensor, nothing: Tensor) -> Tensor:
    """Lay the channels of heights out as ``(window, step, row + 1)``; see ``Segmenter.squares``."""
    windows, _, rows, columns = out.shape
    logits = out.new_empty((windows, 2 * columns * STEPS_PER_PX, 2 * rows + 1))
    for channel in range(4 * STEPS_PER_PX):
        step, row = divmod(channel, 2)
        logits[:, step :: 2 * STEPS_PER_PX, row : 2 * rows : 2] = out[:, 4 + channel].mT
    logits[..., -1:] = nothing
    return logits


def ridges(baselines_px: Sequence[float], *, rows: int = HEIGHT_PX) -> FloatArray:
    """Tell a network which row is meant.

    Args:
        baselines_px: Zero lines in rows of the window; the lead's own first.
        rows: Of the window.

    Returns:
        ``(2, row)`` float32: 1 at the own line, and 1 at each other one, falling off to both sides.
    """
    lines = np.asarray(baselines_px, np.float32)[:, None]
    near = np.maximum(0, 1 - np.abs(np.arange(rows, dtype=np.float32) - lines) / _RIDGE_PX)
    other = near[1:].max(axis=0) if len(near) > 1 else np.zeros(rows, np.float32)
    return np.stack([near[0], other]).astype(np.float32)
