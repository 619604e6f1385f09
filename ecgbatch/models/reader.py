"""The reader: a tiny network for names of leads, and for the speed and gain in a line of text.

It knows digits and the letters of the units, and nothing else of the alphabet: every other letter
is one symbol, so that what it reads of a page cannot name anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbatch.models.devices import device_of
from ecgbatch.types import EXTRA_LEADS, LEADS, ByteArray, FloatArray

HEIGHT_PX = 32
LETTER_PX = 20
"""Height that the box of a text is brought to."""
NAME_WIDTH_PX = 96
LONGEST_LINE_PX = 2048
_STEP_PX = 4  # columns of a picture to one place at which a symbol may stand
_BEYOND = 6  # such places of paper behind the longest line, as far as a place is seen from
_ASIDE, _ABOVE = 0.5, 0.3  # of the height of the box: how much around it is seen
_BESIDE = 0.8  # of what is seen aside, from its edges: no letter stands there
_INK = 0.25  # of the darkness of letters

NAMES = (*LEADS, *EXTRA_LEADS, "-aVR", "")
"""What a name can be; the last is no name."""
OTHER = "*"
SYMBOLS = ("", *"0123456789.,/ msecV", OTHER)
"""Of lines; the first is the blank between two symbols (Graves et al. 2006)."""


class ReaderNet(nn.Module):
    """One trunk over pictures of text, and two answers.

    ``forward`` takes ``(text, 1, 32, column)`` as ``word_image`` makes it, with columns in
    multiples of 4, and returns features ``(text, 128, column / 4)``; ``names`` and ``lines`` make
    of them ``(text, NAMES)`` and ``(text, column / 4, SYMBOLS)``, as logits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            _conv(1, 16),
            nn.MaxPool2d(2),
            _conv(16, 32),
            nn.MaxPool2d(2),
            _conv(32, 48),
            nn.MaxPool2d((2, 1)),
            _conv(48, 64),
            nn.MaxPool2d((2, 1)),
        )
        self.name = nn.Sequential(nn.Linear(3 * 128, 128), nn.ReLU(), nn.Linear(128, len(NAMES)))
        self.line = nn.Sequential(
            nn.Conv1d(128, 96, 5, padding=2),
            nn.BatchNorm1d(96),
            nn.ReLU(inplace=True),
            nn.Conv1d(96, 64, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv1d(64, len(SYMBOLS), 1),
        )

    def forward(self, texts: Tensor) -> Tensor:
        """Return the features."""
        return torch.flatten(self.trunk(texts), 1, 2)

    def names(self, features: Tensor) -> Tensor:
        """Return what names they could be, from each third of the picture."""
        thirds = functional.adaptive_max_pool1d(features, 3).flatten(1)
        logits: Tensor = self.name(thirds)
        return logits

    def lines(self, features: Tensor) -> Tensor:
        """Return what stands where along the line."""
        logits: Tensor = self.line(features).transpose(1, 2)
        return logits


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def word_image(
    page: ByteArray, box_px: tuple[float, float, float, float], *, width_px: int | None = None
) -> FloatArray:
    """Return the picture of a text as the network knows it.

    Args:
        page: ``(row, column)`` uint8.
        box_px: Of the text: left, top, right, bottom.
        width_px: Columns of the picture, with the text in its middle; None takes what it needs.

    Returns:
        ``(32, column)`` float32; paper is about 0 and ink about 1.
    """
    left, top, right, bottom = box_px
    height = max(bottom - top, 4.0)
    if width_px is not None:  # a long text is made smaller
        height = max(height, (right - left + 2 * _ASIDE * height) * LETTER_PX / width_px)
    scale = LETTER_PX / height
    aside, above = _ASIDE * height, _ABOVE * height
    middle = (top + bottom) / 2
    half = height / 2 + above
    first_row, first_column = max(round(middle - half), 0), max(round(left - aside), 0)
    part = page[first_row : max(round(middle + half), 0), first_column : round(right + aside)]
    wanted = width_px or min(
        -(-round((right - left + 2 * aside) * scale) // 4) * 4, LONGEST_LINE_PX
    )
    picture = np.zeros((HEIGHT_PX, wanted), np.float32)
    if part.shape[0] < 4 or part.shape[1] < 2:
        return picture
    grey = part.astype(np.float32)
    paper = float(np.median(grey))
    ink = float(np.percentile(grey, 3))
    dark = np.clip((paper - grey) / max(paper - ink, 24.0), -0.5, 1.5)
    if width_px is not None:
        edge = round(_BESIDE * aside)
        _wipe(dark[:, : min(edge, max(round(left) - first_column, 0))])
        _wipe(dark[:, max(round(right) - first_column, dark.shape[1] - edge) :])
    rows = min(round(part.shape[0] * scale), HEIGHT_PX)
    columns = min(max(round(part.shape[1] * scale), 1), wanted)
    small = functional.interpolate(
        torch.from_numpy(dark)[None, None],
        (rows, columns),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )[0, 0].numpy()
    row = round((first_row - (middle - half)) * scale + (HEIGHT_PX - 2 * half * scale) / 2)
    row = min(max(row, 0), HEIGHT_PX - rows)
    column = (wanted - columns) // 2
    picture[row : row + rows, column : column + columns] = small
    return picture


def _wipe(dark: FloatArray) -> None:
    """Take out ink beside a text that comes in from above or below.

    The edge of a calibration pulse beside ``II`` looks like one more ``I``.
    """
    inked = dark > _INK
    follow = np.logical_and.accumulate
    dark[follow(inked, axis=0) | follow(inked[::-1], axis=0)[::-1]] = 0.0


@dataclass(frozen=True, slots=True)
class ReadLine:
    """What a line says, in ``SYMBOLS``.

    Attributes:
        text: With ``*`` for every letter that belongs to no unit.
        likelihood: ``(symbol,)`` of each symbol, 0 to 1.
    """

    text: str
    likelihood: tuple[float, ...]


def read_names(
    network: ReaderNet, page: ByteArray, boxes_px: Sequence[tuple[float, float, float, float]]
) -> list[dict[str, float]]:
    """Read names of leads.

    Args:
        network: Trained, in evaluation mode.
        page: ``(row, column)`` uint8, at 10 pixels per millimetre or near it.
        boxes_px: Of the names.

    Returns:
        For each box how likely each of ``NAMES`` is.
    """
    if not boxes_px:
        return []
    pictures = [word_image(page, box, width_px=NAME_WIDTH_PX) for box in boxes_px]
    return [dict(zip(NAMES, row, strict=True)) for row in names_of(network, pictures).tolist()]


def read_lines(
    network: ReaderNet, page: ByteArray, boxes_px: Sequence[tuple[float, float, float, float]]
) -> list[ReadLine]:
    """Read lines of text, all at once; see ``read_names``.

    Shorter lines are filled up with paper, on which nothing is read, so that none is read otherwise
    for the company that it is in.
    """
    pictures = [word_image(page, box) for box in boxes_px]
    return lines_of(network, pictures) if pictures else []


def lines_of(network: ReaderNet, pictures: Sequence[FloatArray]) -> list[ReadLine]:
    """Return what lines say.

    Args:
        network: Trained, in evaluation mode.
        pictures: ``(32, column)`` of each, as ``word_image`` makes them; at least one.
    """
    ends = [picture.shape[1] // _STEP_PX for picture in pictures]
    together = np.zeros((len(pictures), HEIGHT_PX, _STEP_PX * (max(ends) + _BEYOND)), np.float32)
    for row, picture in zip(together, pictures, strict=True):
        row[:, : picture.shape[1]] = picture
    device = device_of(network)
    with torch.inference_mode():
        seen = torch.from_numpy(together)[:, None].to(device)
        likely = torch.softmax(network.lines(network(seen)), dim=2).max(dim=2)
    symbols, values = likely.indices.cpu().tolist(), likely.values.cpu().tolist()
    return [
        collapsed(line[:end], sure[:end])
        for line, sure, end in zip(symbols, values, ends, strict=True)
    ]


def names_of(network: ReaderNet, pictures: Sequence[FloatArray]) -> FloatArray:
    """Return how likely each name is, ``(picture, NAMES)``; see ``lines_of``."""
    with torch.inference_mode():
        seen = torch.from_numpy(np.stack(pictures))[:, None].to(device_of(network))
        return np.asarray(torch.softmax(network.names(network(seen)), dim=1).cpu().numpy())


def collapsed(symbols: Sequence[int], likelihood: Sequence[float]) -> ReadLine:
    """Join repeated symbols and drop blanks.

    Args:
        symbols: Index of the likeliest symbol at each place.
        likelihood: Of each.
    """
    text: list[str] = []
    sure: list[float] = []
    before = 0
    for symbol, value in zip(symbols, likelihood, strict=True):
        if symbol and symbol != before:
            text.append(SYMBOLS[symbol])
            sure.append(value)
        elif symbol:
            sure[-1] = max(sure[-1], value)
        before = symbol
    return ReadLine("".join(text), tuple(sure))


def name_class(text: str) -> str:
    """Return the name behind what carts print: ``AVR``, ``C4`` and ``D1`` are names, too.

    Args:
        text: As printed.

    Returns:
        One of ``NAMES``, empty for what is none.
    """
    plain = text.strip().upper()
    sign, plain = ("-", plain[1:]) if plain.startswith(("-", "\N{MINUS SIGN}")) else ("", plain)
    plain = {"D1": "I", "D2": "II", "D3": "III", "DI": "I", "DII": "II", "DIII": "III"}.get(
        plain, plain
    )
    if plain.startswith("C") and plain[1:2].isdigit():
        plain = f"V{plain[1:]}"
    for name in NAMES:
        if name.upper() == f"{sign}{plain}":
            return name
    return ""


def line_symbols(text: str) -> list[int]:
    """Return the symbols of a text, as the network is to answer them."""
    known = {symbol: index for index, symbol in enumerate(SYMBOLS) if symbol}
    symbols = []
    for letter in " ".join(text.split()):
        alike = {"v": "V"}.get(letter, letter)
        symbols.append(known.get(alike, known[OTHER]))
    return symbols
