"""A segmenter that knows nothing, written as a model, and windows for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ecgbatch.models.card import InputContract, ModelCard, write_model
from ecgbatch.models.segmenter import (
    CHANNELS,
    CLASSES,
    HEIGHT_PX,
    NORMALISATION,
    PX_PER_MM,
    Segmenter,
)


def card(**changes) -> ModelCard:
    contract = {
        "px_per_mm": PX_PER_MM,
        "channels": CHANNELS,
        "normalisation": NORMALISATION,
    } | changes
    return ModelCard(
        name="segmenter",
        version="0.0.1",
        sha256="0" * 64,
        licence="Apache-2.0",
        data="none",
        command="none",
        input=InputContract(**contract),
        classes=CLASSES,
    )


def write_untrained(folder: Path) -> Path:
    """Write weights and card; return the card's path."""
    torch.manual_seed(1)
    network = Segmenter()
    network.train()
    with torch.no_grad():  # so that the normalisations hold other numbers than 0 and 1
        network(torch.randint(0, 255, (2, 2, HEIGHT_PX, 64)), torch.rand(2, 2, HEIGHT_PX))
    write_model(network, card(), folder)
    return folder / "segmenter.json"


def windows(*widths):
    rng = np.random.default_rng(3)
    planes = [rng.integers(0, 255, (2, HEIGHT_PX, width), np.uint8) for width in widths]
    return planes, [(256.0, 100.0)] * len(widths)
