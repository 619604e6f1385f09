"""What the segmenter learns: tiles of drawn pages, its losses, and how it is validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # everybody's name for it

from ecgbatch.errors import ConfigError, PageError
from ecgbatch.imaging.cores import use_one_core
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.windows import page_planes
from ecgbatch.models.heights import read_heights
from ecgbatch.models.segmenter import PX_PER_MM, Segmenter
from ecgbatch.training.loop import Batch, Tensors
from ecgbatch.training.pages import draw_page, rectified
from ecgbatch.training.records import Records, read_records
from ecgbatch.training.segmenter_windows import WIDTH_PX, window
from ecgbatch.training.tiles import ABSENT, PRESENT, STEPS_PER_PX, TileFile, cut_tiles, save

TILES_PER_PAGE = 10

_INK_WEIGHT = 1.0
_FOREIGN_WEIGHT = 4.0  # of ink beside the row's own, on top of what any pixel counts
_CONTESTED_WEIGHT = 2.0  # of steps beside such ink: others are right by themselves
_VALID_WINDOWS = 4  # of a page
_READ = 0.5  # certainty from which a step counts as read


def make_tiles(
    folder: Path,
    *,
    records: Path | None,
    folds: Sequence[int],
    pages: int,
    first_seed: int = 0,
    processes: int = 1,
    crowded: bool = False,
) -> None:
    """Draw pages and cut tiles from them, one file per page; pages that stand there are kept.

    Args:
        folder: Of the files.
        records: Folder of real records, see ``records.read_records``; None draws simulated ones.
        folds: Of the real records.
        pages: How many.
        first_seed: Page ``i`` follows from ``first_seed + i`` alone.
        processes: That draw.
        crowded: See ``pages.draw_page``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = None if records is None else read_records(records, folds=folds)
    missing = [
        seed for seed in range(first_seed, first_seed + pages) if not _file(folder, seed).exists()
    ]
    draw = partial(_make_page, folder=folder, records=known, crowded=crowded)
    if processes == 1:
        use_one_core()
        for seed in missing:
            draw(seed)
        return
    with ProcessPoolExecutor(processes, initializer=use_one_core) as pool:
        for _ in pool.map(draw, missing, chunksize=8):
            pass


def _file(folder: Path, seed: int) -> Path:
    return folder / f"{seed:09d}.npz"


def _make_page(seed: int, *, folder: Path, records: Records | None, crowded: bool) -> None:
    rng = np.random.default_rng(seed)
    while True:
        page = draw_page(rng, records=records, crowded=crowded)
        try:
            upright = rectified(page, rng, px_per_mm=PX_PER_MM)
        except PageError:  # nothing is left on it
            continue
        ink = find_ink(upright.pixels, px_per_mm=PX_PER_MM)
        planes = page_planes(upright.pixels, ink, px_per_mm=PX_PER_MM)
        tiles = cut_tiles(planes, upright.truth, count=TILES_PER_PAGE, rng=rng)
        if tiles:
            save(tiles, _file(folder, seed))
            return


@dataclass(frozen=True, slots=True)
class SegmenterTask:
    """See ``loop.Task``.

    Attributes:
        tiles: Folders of tiles to learn from; each is as likely as the others.
        valid_tiles: Folders of tiles from other records.
        windows: In a batch.
        valid_pages: Files of each folder that are used for validation.
        files: Of ``tiles``, folder by folder.
    """

    tiles: tuple[Path, ...]
    valid_tiles: tuple[Path, ...]
    windows: int = 4
    valid_pages: int = 40
    files: tuple[tuple[Path, ...], ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        """Look up what there is to learn from.

        Raises:
            ConfigError: Nothing.
        """
        for folder in self.tiles:
            found = tuple(sorted(folder.glob("*.npz")))
            if not found:
                raise ConfigError(f"tiles: {folder} holds none; draw some first")
            object.__setattr__(self, "files", (*self.files, found))

    def network(self) -> nn.Module:
        """Return a segmenter that knows nothing."""
        return Segmenter()

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw windows, two of a page: opening a file costs as much as a window."""
        windows: list[Batch] = []
        while len(windows) < self.windows:
            files = self.files[int(rng.integers(len(self.files)))]
            with TileFile(files[int(rng.integers(len(files)))]) as tiles:
                chosen = rng.permutation(len(tiles))[: min(2, self.windows - len(windows))]
                windows += [window(tiles[int(number)], rng) for number in chosen]
        return {name: np.stack([each[name] for each in windows]) for name in windows[0]}

    def loss(self, network: nn.Module, batch: Tensors) -> tuple[Tensor, Mapping[str, float]]:
        """Return the cross entropy of heights, and of ink with Dice."""
        ink, heights = network(batch["planes"], batch["ridges"])
        height_loss = _height_loss(heights, batch["height"], batch["state"], batch["contested"])
        ink_loss = _ink_loss(ink, batch["ink"].to(ink.dtype) / 255, batch["foreign"])
        return height_loss + _INK_WEIGHT * ink_loss, {
            "height_loss": float(height_loss.detach()),
            "ink_loss": float(ink_loss.detach()),
        }

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Read tiles of other records; ``score`` is minus the median of errors in dB."""
        rng = np.random.default_rng(0)
        network.eval()
        sums = _Sums()
        for path in self._valid_files():
            with TileFile(path) as file:
                count = min(len(file), _VALID_WINDOWS)
                tiles = [window(file[number], rng, altered=False) for number in range(count)]
            batch = {name: np.stack([each[name] for each in tiles]) for name in tiles[0]}
            with torch.inference_mode():
                ink, heights = network(
                    torch.from_numpy(batch["planes"]).to(device),
                    torch.from_numpy(batch["ridges"]).to(device),
                )
                height, _, certainty = read_heights(heights)
            sums.add(batch, ink.cpu() > 0, height.cpu().numpy(), certainty.cpu().numpy())
        return sums.figures()

    def _valid_files(self) -> list[Path]:
        return [
            path
            for folder in self.valid_tiles
            for path in sorted(folder.glob("*.npz"))[: self.valid_pages]
        ]


def _height_loss(logits: Tensor, height: Tensor, state: Tensor, contested: Tensor) -> Tensor:
    """Cross entropy against the two rows beside the true height, or against *absent*."""
    logs = logits.log_softmax(dim=-1)
    last = logs.shape[-1] - 2
    lower = height.floor().clamp(0, last - 1)
    part = (height - lower).clamp(0, 1)
    rows = lower.long()[..., None]
    present = -(
        (1 - part) * logs.gather(-1, rows)[..., 0] + part * logs.gather(-1, rows + 1)[..., 0]
    )
    absent = -logs[..., -1]
    weight = (state == PRESENT) * (1 + _CONTESTED_WEIGHT * contested)
    not_there = state == ABSENT
    total = (present * weight).sum() + (absent * not_there).sum()
    return total / (weight.sum() + not_there.sum()).clamp_min(1)


def _ink_loss(logits: Tensor, share: Tensor, foreign: Tensor) -> Tensor:
    weight = 1 + _FOREIGN_WEIGHT * foreign
    entropy = F.binary_cross_entropy_with_logits(logits, share, weight=weight)
    found = logits.sigmoid()
    common = (found * share).sum(dim=(1, 2))
    dice = 1 - (2 * common + 50) / (found.sum(dim=(1, 2)) + share.sum(dim=(1, 2)) + 50)
    return 10 * entropy + dice.mean()  # ink is a hundredth of the pixels


class _Sums:
    """What adds up over tiles."""

    def __init__(self) -> None:
        self._decibels: list[float] = []
        self._off_px: list[float] = []
        self._common = self._either = 0.0
        self._read = self._present = self._invented = self._absent = 0.0

    def add(self, batch: Batch, ink: Tensor, height: np.ndarray, certainty: np.ndarray) -> None:
        true_ink = torch.from_numpy(batch["ink"]) > 127
        self._common += float((ink & true_ink).sum())
        self._either += float((ink | true_ink).sum())
        read = certainty > _READ
        present, absent = batch["state"] == PRESENT, batch["state"] == ABSENT
        self._present += present.sum()
        self._read += (present & read).sum()
        self._absent += absent.sum()
        self._invented += (absent & read).sum()
        for at, truth, found in zip(present & read, batch["height"], height, strict=True):
            if at.sum() < STEPS_PER_PX * WIDTH_PX / 4:
                continue
            error = found[at] - truth[at]
            energy = float(np.var(truth[at]))
            self._off_px.append(float(np.sqrt(np.mean(error**2))))
            self._decibels.append(10 * np.log10(max(energy, 1.0) / max(np.mean(error**2), 1e-4)))

    def figures(self) -> dict[str, float]:
        decibels = np.array(self._decibels or [0.0])
        score = float(np.median(decibels) + np.quantile(decibels, 0.1)) / 2
        return {
            "score": score,
            "snr_median_db": float(np.median(decibels)),
            "snr_p10_db": float(np.quantile(decibels, 0.1)),
            "off_median_px": float(np.median(self._off_px or [np.inf])),
            "iou": self._common / max(self._either, 1.0),
            "read": self._read / max(self._present, 1.0),
            "invented": self._invented / max(self._absent, 1.0),
        }
