"""Reading windows of a page with the trained segmenter, on a GPU or a CPU, in batches that fit."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ecgbatch.errors import PageError, Reason
from ecgbatch.models.card import load_weights, read_card
from ecgbatch.models.devices import memory_ended, quickest_dtype
from ecgbatch.models.folding import folded
from ecgbatch.models.heights import read_heights
from ecgbatch.models.segmenter import (
    ALIGN_PX,
    HEIGHT_PX,
    PX_PER_MM,
    Segmenter,
    heights_of,
    ridges,
)
from ecgbatch.types import ByteArray, FloatArray

_CPU_BATCH_PX = HEIGHT_PX * 1024  # a strip, or a piece of a long row: more does not fit the cache
_GPU_BATCH_PX = HEIGHT_PX * 1024 * 64


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

    @property
    def finite(self) -> bool:
        """Whether the network gave a number for every step; NaN is never a height."""
        return bool(np.isfinite(self.y_px).all())


class TraceReader:
    """A trained segmenter that reads windows of any sizes.

    Args:
        path: Of its card; the weights stand beside it.
        device: To compute on; None is the CPU.
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
        self._whole = folded(network.eval())
        device = device or torch.device("cpu")
        self._settle_on(device)
        self.px_per_mm = PX_PER_MM  # the segmenter has compared it with its card
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
            RuntimeError: A defect; on a GPU the CPU is asked, too, before it is raised.
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
                except (RuntimeError, MemoryError) as error:
                    if not memory_ended(error) and self._device.type == "cpu":
                        raise
                    self._step_back(len(batch) if memory_ended(error) else 1, width * rows)
                    continue
                inks.append(ink)
                heights.append(height)
                start += len(batch)
            readings.update(zip(numbers, _readings(inks, heights), strict=True))
        return [readings[number] for number in range(len(planes))]

    @torch.inference_mode()
    def _run(self, planes: ByteArray, told: FloatArray) -> tuple[Tensor, Tensor]:
        """Return ``(window, row, column)`` bytes of ink and logits of heights."""
        out, nothing = self._network.squares(
            torch.from_numpy(planes).to(self._device),
            torch.from_numpy(told).to(self._device, self._dtype),
        )
        shares = torch.nan_to_num(out[:, :4].float().sigmoid(), nan=0.0).mul_(255).byte()
        windows, _, rows, columns = shares.shape
        ink = shares.reshape(windows, 2, 2, rows, columns).permute(0, 3, 1, 4, 2)
        return (
            ink.reshape(windows, 2 * rows, 2 * columns).cpu(),
            heights_of(out.float(), nothing.float()),
        )

    def _step_back(self, windows: int, window_px: int) -> None:
        """Take smaller batches, then the CPU; nothing is left after that.

        A device that failed otherwise is not asked again.
        """
        if windows > 1:
            self._batch_px = windows // 2 * window_px
            return
        if self._device.type == "cpu":
            raise PageError(Reason.DEVICE_ERROR, window_px=window_px)
        self._settle_on(torch.device("cpu"))
        self._batch_px = _CPU_BATCH_PX

    def _settle_on(self, device: torch.device) -> None:
        self._device, self._dtype = device, quickest_dtype(device)
        self._network = copy.deepcopy(self._whole).to(device, self._dtype)


@torch.inference_mode()
def _readings(inks: Sequence[Tensor], logits: Sequence[Tensor]) -> list[Reading]:
    """Read what came of windows of one size, all of them at once; without memory, bit by bit."""
    try:
        said = [read_heights(torch.cat([part.to(logits[-1].device) for part in logits]))]
    except (RuntimeError, MemoryError) as error:
        if not memory_ended(error):
            raise
        said = [read_heights(part.cpu()) for part in logits]
    columns = (torch.cat(list(inks)), *(torch.cat(parts) for parts in zip(*said, strict=True)))
    return [
        Reading(*(part.cpu().numpy() for part in parts)) for parts in zip(*columns, strict=True)
    ]
