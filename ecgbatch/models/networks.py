"""The networks that look at pages, loaded once per worker from the weights of this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ecgbatch.models.card import ModelCard, load_weights, read_card, shipped_card
from ecgbatch.models.finding import find, upright_each_way
from ecgbatch.models.folding import channels_together, folded
from ecgbatch.models.locator import LocatorNet
from ecgbatch.models.reader import ReaderNet, ReadLine, read_lines, read_names
from ecgbatch.types import ByteArray, Findings

_Box = tuple[float, float, float, float]


class PageNetworks:
    """The locator and the reader.

    Attributes:
        cards: What they are, the locator's first.
    """

    def __init__(self, *, folder: Path | None = None, device: torch.device | None = None) -> None:
        """Load both.

        Args:
            folder: Of weights and cards; None takes those that come with the package.
            device: To compute on; None is the CPU.

        Raises:
            ConfigError: A card or its weights are missing, or belong to another version.
            ChecksumError: Weights are not those that their card was written for.
        """
        self._locator, self._reader = LocatorNet(), ReaderNet()
        cards: list[ModelCard] = []
        for name, network in (("locator", self._locator), ("reader", self._reader)):
            path = shipped_card(name) if folder is None else folder / f"{name}.json"
            card = read_card(path)
            load_weights(network, card, path.with_suffix(".safetensors"))
            channels_together(folded(network.eval())).to(device)
            cards.append(card)
        self.cards = tuple(cards)

    def find(self, page: ByteArray, *, px_per_mm: float) -> Findings:
        """Return what is printed where; see ``finding.find``."""
        return find(self._locator, page, px_per_mm=px_per_mm)

    def upright_each_way(
        self, page: ByteArray, ways: Sequence[Callable[[ByteArray], ByteArray]], *, px_per_mm: float
    ) -> list[float]:
        """Return how likely a page is right, laid in several ways; see ``finding``."""
        return upright_each_way(self._locator, page, ways, px_per_mm=px_per_mm)

    def read_names(self, page: ByteArray, boxes_px: Sequence[_Box]) -> list[dict[str, float]]:
        """Return how likely each name is in each box; see ``reader.read_names``."""
        return read_names(self._reader, page, boxes_px)

    def read_lines(self, page: ByteArray, boxes_px: Sequence[_Box]) -> list[ReadLine]:
        """Return what lines say; see ``reader.read_lines``."""
        return read_lines(self._reader, page, boxes_px)
