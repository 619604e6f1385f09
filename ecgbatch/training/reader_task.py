"""How the reader learns: pieces of training pages, and words set for the purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbatch.imaging.printed import printed_scale
from ecgbatch.models.reader import (
    HEIGHT_PX,
    LETTER_PX,
    NAME_WIDTH_PX,
    NAMES,
    ReaderNet,
    line_symbols,
    lines_of,
    name_class,
    names_of,
    word_image,
)
from ecgbatch.synth.faces import face_names
from ecgbatch.synth.pdf import Shape
from ecgbatch.synth.style import GAINS_MM_PER_MV, SPEEDS_MM_PER_S
from ecgbatch.synth.text import set_type
from ecgbatch.synth.truth import Box
from ecgbatch.training.drawn_pages import DrawnPages
from ecgbatch.training.examples import Cut
from ecgbatch.training.lines import scale_line
from ecgbatch.types import FloatArray

_PAGES = 8
_LINE_PX = 768
_SET_SHARE = 0.4
_SPELLINGS = ("{}", "{}", "{}", "{}", "upper", "C", "D", "DI")


@dataclass(frozen=True)
class ReaderTask(DrawnPages):
    """See ``training.loop.Task`` and ``DrawnPages``.

    Attributes:
        fonts: Files of further fonts.
        names: In a batch.
        lines: In a batch.
    """

    fonts: tuple[str, ...] = ()
    names: int = 48
    lines: int = 8

    def network(self) -> nn.Module:
        """Return the network, not yet trained."""
        return ReaderNet()

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw pictures of names and lines, and what they say."""
        cuts = [cut for example in self.some(rng, _PAGES) for cut in example.cuts]
        order = rng.permutation(len(cuts))
        of_names = [cuts[index] for index in order if cuts[index].kind != "line"]
        of_lines = sorted(
            (cuts[index] for index in order if cuts[index].kind == "line" and _fits(cuts[index])),
            key=lambda cut: "mm" not in cut.text,
        )
        set_names = round(_SET_SHARE * self.names)
        names = of_names[: self.names - set_names]
        names += [_set_name(rng, self.fonts) for _ in range(self.names - len(names))]
        set_lines = round(_SET_SHARE * self.lines)
        told = of_lines[: self.lines - set_lines]
        while len(told) < self.lines:
            drawn = _set_line(rng, self.fonts)
            told += [drawn] if _fits(drawn) else []
        symbols = [line_symbols(cut.text) for cut in told]
        longest = max(map(len, symbols))
        padded = np.zeros((len(told), longest), np.int64)
        for row, line in zip(padded, symbols, strict=True):
            row[: len(line)] = line
        lines = np.zeros((len(told), HEIGHT_PX, _LINE_PX), np.float32)
        for picture, cut in zip(lines, told, strict=True):
            worn = _worn(word_image(cut.pixels, _jittered(cut.box_px, rng)), rng)
            picture[:, : worn.shape[1]] = worn[:, :_LINE_PX]
        return {
            "names": np.stack(
                [
                    _worn(
                        word_image(cut.pixels, _jittered(cut.box_px, rng), width_px=NAME_WIDTH_PX),
                        rng,
                    )
                    for cut in names
                ]
            ),
            "name": np.array([_class(cut) for cut in names], np.int64),
            "lines": lines,
            "line": padded,
            "length": np.array([len(line) for line in symbols], np.int64),
        }

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Return the loss of a batch, and its parts."""
        reader = _reader(network)
        with torch.autocast(batch["names"].device.type, torch.bfloat16):
            features = [network(batch[part][:, None]) for part in ("names", "lines")]
        logits = reader.names(features[0].float())
        of_names = functional.cross_entropy(logits, batch["name"], label_smoothing=0.02)
        likely = functional.log_softmax(reader.lines(features[1].float()), dim=2)
        steps = torch.full((len(likely),), likely.shape[1], dtype=torch.long)
        of_lines = functional.ctc_loss(
            likely.transpose(0, 1), batch["line"], steps, batch["length"], zero_infinity=True
        )
        right = float((logits.argmax(dim=1) == batch["name"]).float().mean())
        figures = {"names": float(of_names.detach()), "lines": float(of_lines.detach())}
        return of_names + of_lines, figures | {"names_right": right}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Measure on pages of records that are never learned from."""
        cuts = [cut for example in self.held_out() for cut in example.cuts]
        return read_scores(_reader(network.to(device)), cuts)


def read_scores(network: ReaderNet, cuts: Sequence[Cut]) -> Mapping[str, float]:
    """Measure a reader.

    Args:
        network: In evaluation mode.
        cuts: Pieces with names, lines, and neither.

    Returns:
        Shares of names that are read right, of pieces without one that are taken for one, of lines
        with a scale whose speed or gain is read right, is not read, and is read wrong, and of other
        lines in which a scale is read. ``score`` is the mean of what is right.
    """
    names = [cut for cut in cuts if cut.kind == "name"]
    nothing = [cut for cut in cuts if cut.kind == "none"]
    right = sum(NAMES[_best(network, cut)] == name_class(cut.text) for cut in names) / max(
        len(names), 1
    )
    taken = sum(NAMES[_best(network, cut)] != "" for cut in nothing) / max(len(nothing), 1)
    counts = {"read": 0, "unread": 0, "wrong": 0, "invented": 0}
    told = other = 0
    for cut in cuts:
        if cut.kind != "line":
            continue
        wanted = _scale(cut.text)
        [line] = lines_of(network, [word_image(cut.pixels, cut.box_px)])
        scale = printed_scale(line.text, line.likelihood)
        found = (scale.speed_mm_per_s, scale.gain_mm_per_mv)
        if wanted == (None, None):
            other += 1
            counts["invented"] += found != (None, None)
            continue
        for one, expected in zip(found, wanted, strict=True):
            if expected is not None:
                told += 1
                counts["read" if one == expected else "unread" if one is None else "wrong"] += 1
    figures = {name: counts[name] / max(told, 1) for name in ("read", "unread", "wrong")}
    return {
        "names_right": right,
        "none_taken_for_name": taken,
        **{f"scale_{name}": value for name, value in figures.items()},
        "scale_invented": counts["invented"] / max(other, 1),
        "score": (right + figures["read"]) / 2,
    }


def _scale(text: str) -> tuple[float | None, float | None]:
    plain = text.replace("v", "V")
    scale = printed_scale(plain, (1.0,) * len(plain))
    return scale.speed_mm_per_s, scale.gain_mm_per_mv


def _best(network: ReaderNet, cut: Cut) -> int:
    picture = word_image(cut.pixels, cut.box_px, width_px=NAME_WIDTH_PX)
    return int(names_of(network, [picture])[0].argmax())


def _reader(network: nn.Module) -> ReaderNet:
    inner = getattr(network, "module", network)  # as gradients of several processes are joined
    assert isinstance(inner, ReaderNet)
    return inner


def _fits(cut: Cut) -> bool:
    """Whether the picture of a line is no longer than those of a batch, letters apart enough."""
    left, top, right, bottom = cut.box_px
    width = (right - left + bottom - top) * LETTER_PX / (bottom - top)
    return width <= _LINE_PX and len(line_symbols(cut.text)) < width / 6


def _class(cut: Cut) -> int:
    return NAMES.index(name_class(cut.text) if cut.kind == "name" else "")


def _jittered(box_px: Box, rng: np.random.Generator) -> Box:
    """Return a box as a locator finds it: not quite."""
    left, top, right, bottom = box_px
    height = bottom - top
    x, y = rng.normal(0, 0.08, 2) * height
    taller, wider = rng.normal(0, 0.07, 2) * height
    return left + x - wider, top + y - taller, right + x + wider, bottom + y + taller


def _worn(picture: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Make ink thinner, thicker, greyer and noisier."""
    ink = torch.from_numpy(picture)[None, None]
    kind = rng.random()
    if kind < 0.15:
        ink = functional.max_pool2d(ink, 3, stride=1, padding=1)
    elif kind < 0.25:
        ink = -functional.max_pool2d(-ink, (1, 2), stride=1, padding=(0, 1))[..., :-1]
    elif kind < 0.5:
        ink = functional.avg_pool2d(ink, 3, stride=1, padding=1)
    worn = ink[0, 0].numpy() * float(rng.uniform(0.6, 1.15)) + float(rng.normal(0, 0.04))
    if rng.random() < 0.5:
        noise = rng.standard_normal(worn.shape, dtype=np.float32)
        worn = worn + float(rng.uniform(0, 0.12)) * noise
    return np.asarray(np.clip(worn, -0.5, 1.5), np.float32)


def _set_name(rng: np.random.Generator, fonts: Sequence[str]) -> Cut:
    name = NAMES[int(rng.integers(len(NAMES) - 1))]
    spelling = _SPELLINGS[int(rng.integers(len(_SPELLINGS)))]
    text = name
    if spelling == "upper":
        text = name.upper()
    elif spelling == "C" and name.startswith("V"):
        text = f"C{name[1:]}"
    elif spelling == "D" and name in {"I", "II", "III"}:
        text = f"D{len(name)}"
    elif spelling == "DI" and name in {"I", "II", "III"}:
        text = f"D{name}"
    return _set(text, "name", rng, fonts)


def _set_line(rng: np.random.Generator, fonts: Sequence[str]) -> Cut:
    gains = rng.choice(GAINS_MM_PER_MV, 2)
    text = scale_line(
        rng,
        speed_mm_per_s=float(rng.choice(SPEEDS_MM_PER_S)),
        gain_mm_per_mv=float(gains[0]),
        chest=float(gains[1] if rng.random() < 0.2 else gains[0]),
    )
    return _set(text, "line", rng, fonts)


def _set(text: str, kind: str, rng: np.random.Generator, fonts: Sequence[str]) -> Cut:
    """Set a text on a piece of grid paper, with a trace that may run through it."""
    faces = (*face_names(), *fonts)
    capital = float(rng.uniform(14, 34))
    shape = Shape(
        float(rng.uniform(0.75, 1.3)),
        float(rng.uniform(-3, 14)) if rng.random() < 0.2 else 0.0,
        float(rng.uniform(0, 0.1)) if rng.random() < 0.5 else 0.0,
        float(rng.uniform(0, 0.3)) if rng.random() < 0.3 else 0.0,
    )
    dot = float(rng.uniform(0.8, 1.8)) if rng.random() < 0.3 else None
    face = faces[int(rng.integers(len(faces)))]
    [word] = set_type(((text, round(capital, 1)),), face=face, shape=shape, dot_px=dot)
    around = 15
    height, width = word.share.shape
    size = (height + 2 * around, width + 2 * around)
    paper = float(rng.uniform(190, 255))
    grey = np.full(size, paper, np.float32)
    depth = float(rng.uniform(0, 60)) * (rng.random() < 0.5)
    first = rng.integers(0, 10, 2)
    grey[first[0] :: 10] -= depth
    grey[:, first[1] :: 10] -= depth
    if rng.random() < 0.25:  # a trace through it
        x = np.arange(size[1])
        y = size[0] * (
            0.5 + 0.6 * np.sin(x / rng.uniform(8, 60) + rng.uniform(0, 6)) * rng.random()
        )
        for step in range(int(rng.integers(2, 4))):
            row = np.clip(np.rint(y).astype(int) + step, 0, size[0] - 1)
            grey[row, x] = np.minimum(grey[row, x], 60)
    inked = grey[around : around + height, around : around + width]
    inked += word.share * (float(rng.uniform(0, 90)) - inked)
    pixels = np.clip(grey, 0, 255).astype(np.uint8)
    box = (float(around), float(around), float(around + width), float(around + height))
    return Cut(pixels, box, kind, text)
