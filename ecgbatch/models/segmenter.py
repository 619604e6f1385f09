"""The network that follows one trace: its ink, and its height at times finer than the columns.

It sees a window of the page around one row and is told by two ridges which row is meant and where
the others are. For every step in time it gives a distribution over heights and over *there is no
trace*, so that what it cannot know shows as spread and not as a wrong number.

Features are computed on squares of 2 x 2 pixels; what those squares hold comes back in the channels
(Shi et al. 2016, sub-pixel convolution), so that full resolution costs no convolution of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # everybody's name for it
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ecgbatch.errors import ConfigError, PageError, Reason
from ecgbatch.models.card import ModelCard, load_weights, read_card
from ecgbatch.types import ByteArray, FloatArray

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
_BLOCK = 3  # convolution, normalisation, and what keeps the positive
_CPU_BATCH_PX = HEIGHT_PX * 1024  # a strip, or a piece of a long row: more does not fit the cache
_GPU_BATCH_PX = HEIGHT_PX * 1024 * 64
_AROUND_PX = 12  # above and below the path; distributions are wide where the trace is steep
_PER_ROW = 0.04  # cost of a row that the path leaps, in nats; from 0.02 to 0.08 little changes
_LEAST_SHARE = 6e-6  # of a step, 12 nats: no single one may force the path elsewhere
_NOTHING = 1e-6

BoolArray: TypeAlias = npt.NDArray[np.bool_]


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
        return ink, _heights(out, nothing)

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
    seen = planes.reshape(windows, levels, rows // 2, 2, columns // 2, 2)
    seen = seen.permute(0, 2, 4, 1, 3, 5).flatten(3)  # while they are bytes: a quarter of the time
    told = ridges.reshape(windows, levels, rows // 2, 2, 1).expand(-1, -1, -1, -1, 2)
    told = told.permute(0, 2, 1, 3, 4).flatten(2)[:, :, None].expand(-1, -1, columns // 2, -1)
    return torch.cat([seen.to(ridges.dtype) / 255, told], dim=3).permute(0, 3, 1, 2)


def _heights(out: Tensor, nothing: Tensor) -> Tensor:
    """Lay the channels of heights out as ``(window, step, row + 1)``."""
    windows, _, rows, columns = out.shape
    heights = out[:, 4:].reshape(windows, 2 * STEPS_PER_PX, 2, rows, columns)
    heights = heights.permute(0, 4, 1, 3, 2).reshape(windows, -1, 2 * rows)
    return torch.cat([heights, nothing], dim=2)


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


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a network says of one window.

    Attributes:
        ink: ``(row, column)`` uint8, 255 where the lead's own ink is certain.
        y_px: ``(step,)`` float32 height in rows of the window; step ``i`` stands at column
            ``(i + 0.5) / STEPS_PER_PX - 0.5``.
        spread_px: ``(step,)`` float32, how far the height may be off (one standard deviation).
        certainty: ``(step,)`` float32 0 to 1, that there is a trace and that it is here.
    """

    ink: ByteArray
    y_px: FloatArray
    spread_px: FloatArray
    certainty: FloatArray


def read_heights(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Read the likeliest trace out of distributions over heights.

    The trace is the path through all steps that the distributions and the distance that it has to
    go make likeliest (Viterbi 1967); step by step, the likeliest row would leap to a neighbour
    wherever two traces cross. Its height is the mean of the distribution around the path.

    Args:
        logits: ``(window, step, row + 1)``, the last one *absent*; rows and steps are even numbers.

    Returns:
        ``(window, step)`` height in rows, its spread (one standard deviation) and the certainty
        that there is a trace.
    """
    share = logits.softmax(dim=-1)
    there = 1 - share[..., -1]
    path = _likeliest_path(share[..., :-1], there).to(logits.device)
    rows = path[..., None] + torch.arange(-_AROUND_PX, _AROUND_PX + 1, device=logits.device)
    inside = (rows >= 0) & (rows < logits.shape[-1] - 1)
    part = share.gather(-1, rows.clamp(0, logits.shape[-1] - 2)) * inside
    mass = part.sum(dim=-1)
    weights = part / mass[..., None].clamp_min(1e-9)
    mean = torch.where(mass > _NOTHING, (weights * rows).sum(dim=-1), path.to(share.dtype))
    spread = (weights * (rows - mean[..., None]) ** 2).sum(dim=-1).clamp_min(0).sqrt()
    return mean, spread, there


def _likeliest_path(share: Tensor, there: Tensor) -> Tensor:
    """Return ``(window, step)`` rows of the cheapest path; a distance costs by its length.

    Looked for on squares of two rows and two steps. With a cost by length, the cheapest way to
    every row is found by one running minimum downwards and one upwards (Felzenszwalb and
    Huttenlocher 2012).
    """
    windows, steps, rows = share.shape
    pooled = share.reshape(windows, steps // 2, 2, rows // 2, 2).sum(dim=(2, 4)) / 2
    known = there.reshape(windows, -1, 2).mean(dim=2)[..., None]
    cost = -(pooled / known.clamp_min(_NOTHING)).clamp_min(_LEAST_SHARE).log() * known
    paid = cost.permute(1, 0, 2).float().cpu().numpy()  # (step, window, row), summed up in place
    place = np.arange(rows // 2, dtype=np.float32)
    slope = np.float32(2 * _PER_ROW)
    ramp = slope * place
    for step in range(1, len(paid)):
        before = paid[step - 1]
        below = np.minimum.accumulate(before - ramp, axis=1) + ramp
        above = np.minimum.accumulate((before + ramp)[:, ::-1], axis=1)[:, ::-1] - ramp
        paid[step] += np.minimum(below, above)
    path = np.empty((windows, len(paid)), np.int64)
    path[:, -1] = paid[-1].argmin(axis=1)
    for step in range(len(paid) - 2, -1, -1):
        way = slope * np.abs(place - path[:, step + 1, None].astype(np.float32))
        path[:, step] = (paid[step] + way).argmin(axis=1)
    return torch.from_numpy(path).repeat_interleave(2, dim=1) * 2


class TraceReader:
    """A trained segmenter that reads windows of any widths, on a GPU where there is one.

    Args:
        path: Of its card; the weights stand beside it.
        device: To compute on; a GPU where there is one.
        batch_px: Pixels of the windows that are read at once; halved where memory ends.

    Raises:
        ConfigError: There is no such model, or it is another one.
        ChecksumError: The weights are not those of the card.
    """

    def __init__(
        self, path: Path, *, device: torch.device | None = None, batch_px: int | None = None
    ) -> None:
        self.card = read_card(path)
        network = Segmenter(self.card)
        load_weights(network, self.card, path.with_suffix(".safetensors"))
        if device is None:
            device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._device = device
        self._network = _folded(network.eval()).to(device)
        self.px_per_mm = self.card.input.px_per_mm
        self.height_px, self.least_height_px, self.align_px = HEIGHT_PX, HEIGHT_PX // 2, ALIGN_PX
        on_gpu = device.type == "cuda"
        self._batch_px = batch_px or (_GPU_BATCH_PX if on_gpu else _CPU_BATCH_PX)

    def read(
        self, planes: Sequence[ByteArray], baselines_px: Sequence[Sequence[float]]
    ) -> list[Reading]:
        """Read windows.

        Args:
            planes: ``(2, row, column)`` uint8 each; both are multiples of ``ALIGN_PX``, and there
                are at most ``HEIGHT_PX`` rows.
            baselines_px: Of each window, the zero line that is meant, then the others.

        Returns:
            One reading per window, in their order.

        Raises:
            PageError: ``DEVICE_ERROR`` where neither GPU nor CPU have memory for a single window.
        """
        readings: dict[int, Reading] = {}
        alike: dict[tuple[int, int], list[int]] = {}
        for number, window in enumerate(planes):
            alike.setdefault((window.shape[1], window.shape[2]), []).append(number)
        for (rows, width), numbers in alike.items():
            inks, heights = [], []
            start = 0
            while start < len(numbers):
                batch = numbers[start : start + max(1, self._batch_px // (width * rows))]
                try:
                    ink, height = self._run(
                        np.stack([planes[number] for number in batch]),
                        np.stack([ridges(baselines_px[number], rows=rows) for number in batch]),
                    )
                except (torch.OutOfMemoryError, MemoryError):
                    self._step_back(len(batch), width * rows)
                    continue
                inks.append(ink)
                heights.append(height)
                start += len(batch)
            readings.update(zip(numbers, _readings(inks, heights), strict=True))
        return [readings[number] for number in range(len(planes))]

    @torch.inference_mode()
    def _run(self, planes: ByteArray, told: FloatArray) -> tuple[Tensor, Tensor]:
        """Return ``(window, row, column)`` bytes of ink and logits of heights."""
        device = self._device
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            out, nothing = self._network.squares(
                torch.from_numpy(planes).to(device), torch.from_numpy(told).to(device)
            )
        shares = torch.nan_to_num(out[:, :4].float().sigmoid(), nan=0.0).mul_(255).byte()
        windows, _, rows, columns = shares.shape
        ink = shares.reshape(windows, 2, 2, rows, columns).permute(0, 3, 1, 4, 2)
        return (
            ink.reshape(windows, 2 * rows, 2 * columns).cpu(),
            _heights(out.float(), nothing.float()),
        )

    def _step_back(self, windows: int, window_px: int) -> None:
        """Take smaller batches, then the CPU; nothing is left after that."""
        if windows > 1:
            self._batch_px = windows // 2 * window_px
            return
        if self._device.type == "cpu":
            raise PageError(Reason.DEVICE_ERROR, window_px=window_px)
        self._device = torch.device("cpu")
        self._network = self._network.to(self._device)
        self._batch_px = _CPU_BATCH_PX


@torch.inference_mode()
def _readings(inks: Sequence[Tensor], logits: Sequence[Tensor]) -> list[Reading]:
    """Read what came of windows of one width, all of them at once."""
    heights = torch.cat([part.to(logits[-1].device) for part in logits])
    nowhere = ~torch.isfinite(heights).all(dim=-1)  # a number that is none is never a height
    y_px, spread_px, certainty = read_heights(torch.nan_to_num(heights, nan=0.0))
    y_px[nowhere], spread_px[nowhere], certainty[nowhere] = torch.nan, torch.nan, 0.0
    return [
        Reading(*(part.cpu().numpy() for part in parts))
        for parts in zip(torch.cat(list(inks)), y_px, spread_px, certainty, strict=True)
    ]


def _folded(network: Segmenter) -> Segmenter:
    """Put each normalisation into the convolution before it: the same numbers, an eighth sooner."""
    for block in list(network.modules()):
        if isinstance(block, nn.Sequential) and len(block) == _BLOCK:
            convolution, norm, _ = block
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[0] = fuse_conv_bn_eval(convolution, norm)
                block[1] = nn.Identity()
    return network
