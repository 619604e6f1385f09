"""What the card of the segmenter says, and its weights as they are shipped."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from ecgbatch.models.card import InputContract, Measured, ModelCard, write_model
from ecgbatch.models.segmenter import CHANNELS, CLASSES, NORMALISATION, PX_PER_MM, Segmenter
from ecgbatch.training.loop import BEST
from ecgbatch.training.segmenter import SegmenterTask

_FIGURES = {
    "snr_median_db": "windows of 38 mm, SNR of the heights alone, median dB",
    "snr_p10_db": "the same, 10 % quantile",
    "off_median_px": "RMS error of heights, median, in tenths of a millimetre",
    "iou": "ink of one trace, IoU",
    "read": "share of visible steps that are read",
}
_FAILURES = (
    "It sees 25.6 mm above and below the zero line; what a trace draws beyond is left to geometry.",
    "Where two traces run into each other for longer than a beat it may follow the wrong one.",
    "It is trained on drawn pages alone.",
)


def ship(task: SegmenterTask, folder: Path, *, version: str, command: str, data: str) -> ModelCard:
    """Measure the best weights of a training and write them with their card.

    Args:
        task: That was trained; it measures.
        folder: Of the training; the model is put into its folder ``weights``.
        version: Of the model.
        command: That trains it again.
        data: What ``task`` validates on.
    """
    network = Segmenter()
    network.load_state_dict(load_file(folder / BEST))
    figures = task.validate(network, torch.device("cpu"))
    card = ModelCard(
        name="segmenter",
        version=version,
        sha256="0" * 64,  # replaced when the weights are written
        licence="Apache-2.0",
        data=(
            f"{sum(map(len, task.files))} pages drawn by ecgbatch.training.pages, of which "
            f"{len(task.files[-1])} have rows that cross: records of PTB-XL, folds 1 "
            "to 8 (Wagner et al. 2020, PhysioNet, CC BY 4.0), and of the simulator"
        ),
        command=command,
        input=InputContract(px_per_mm=PX_PER_MM, channels=CHANNELS, normalisation=NORMALISATION),
        classes=CLASSES,
        measured=tuple(
            Measured(figure=words, value=float(figures[name]), data=data)
            for name, words in _FIGURES.items()
        ),
        known_failures=_FAILURES,
    )
    return write_model(network, card, folder / "weights")
