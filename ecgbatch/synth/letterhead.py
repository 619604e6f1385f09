"""Headers and footers composed at random: blocks of captions and values, as no two carts agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Captions = Mapping[str, str | Sequence[str]]
Values = Mapping[str, str]
Box = tuple[float, float, float, float]

_PATIENT = ("name", "id", "birth", "age", "sex", "height", "weight", "pressure", "ward", "room",
            "medication", "order")  # fmt: skip
_MEASURES = ("rate", "pr", "qrs", "qt", "axes", "sokolow")
_OFFICE = ("technician", "doctor", "confirmed", "hospital", "device")


@dataclass(slots=True)
class Composed:
    """Texts and rectangles in millimetres from the left end and top of the header, or foot.

    Attributes:
        lines: ``(x, y, capital height, text, whether it says speed or gain)``.
        boxes: ``(left, top, right, bottom)`` of rules, frames and bars of a bar code.
    """

    lines: list[tuple[float, float, float, str, bool]] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


def composed_header(
    values: Values,
    captions: Captions,
    *,
    width_mm: float,
    height_mm: float,
    letter: float,
    rng: np.random.Generator,
) -> Composed:
    """Compose a header.

    Args:
        values: What to fill in, by field.
        captions: Words of one language, by field; lists are chosen from.
        width_mm: Of the paper between its margins.
        height_mm: Kept for the header.
        letter: Width of an average letter over the height of a capital.
        rng: Source of all choices.
    """
    form = Composed()
    capital = float(np.clip(rng.uniform(1.5, 2.6), 1.2, max(1.3, 0.3 * height_mm)))
    pitch = capital * float(rng.uniform(1.55, 2.3))
    top = capital + float(rng.uniform(0.5, 2.5))
    if height_mm < 14 or rng.random() < 0.1:
        _single_line(form, values, captions, (width_mm, top, letter, capital), rng)
        return form
    if rng.random() < 0.35:
        title = _chosen(captions["titles"], rng)
        size = capital * float(rng.uniform(1.1, 1.9))
        centred = 0.5 * (width_mm - size * letter * len(title))
        x = centred if rng.random() < 0.6 else float(rng.uniform(0, 0.7)) * width_mm
        form.lines.append((max(1.0, x), top + size - capital, size, title, False))
        top += 1.6 * size
    rows = max(1, int((height_mm - top - 1.0) / pitch) + 1)
    blocks = [_patient, _measures, _statements, _office]
    order = rng.permutation(4) if rng.random() < 0.3 else np.arange(4)
    count = int(rng.integers(2, 5)) if width_mm > 220 else int(rng.integers(1, 4))
    chosen = [blocks[i] for i in order[:count]]
    edges = np.linspace(0, width_mm, count + 1)[:-1] + rng.uniform(0, 6, count)
    for block, x, end in zip(chosen, edges, [*edges[1:], width_mm], strict=True):
        texts = block(values, captions, rng)[:rows]
        room = int((end - x) / (letter * capital))
        for number, text in enumerate(texts):
            if shown := text[:room].rstrip():
                form.lines.append((float(x), top + number * pitch, capital, shown, False))
    used = max((line[1] for line in form.lines), default=top) + 0.5 * capital
    _ornaments(form, width_mm, min(used, height_mm), height_mm, rng)
    return form


def composed_footer(
    values: Values,
    captions: Captions,
    *,
    width_mm: float,
    scale: tuple[str, str],
    letter: float,
    rng: np.random.Generator,
) -> Composed:
    """Compose a footer: the scales, the filter and what the machine says of itself.

    Args:
        values: What to fill in, by field.
        captions: Words of one language, by field.
        width_mm: Of the paper between its margins.
        scale: Speed and gain in words.
        letter: Width of an average letter over the height of a capital.
        rng: Source of all choices.
    """
    form = Composed()
    capital = float(rng.uniform(1.5, 2.6))
    gap = " " * int(rng.integers(2, 9))
    speed, gain = scale
    pieces = [speed, gain, values["filter"], values["mains"]]
    pieces = [pieces[i] for i in rng.permutation(4)] if rng.random() < 0.4 else pieces
    if rng.random() < 0.4:
        pieces.remove(values["mains"])
    if rng.random() < 0.4:
        pieces.append(f"{values['date']} {values['time']}")
    machine = [f"V{values['version']}", values["serial"], values["device"], values["order"]]
    pieces += [piece for piece in machine if rng.random() < 0.25]
    y, x = float(rng.uniform(1.0, 3.0)), float(rng.uniform(0, 0.25)) * width_mm
    room = int((width_mm - x) / (letter * capital))
    line = ""
    for piece in pieces:
        longer = f"{line}{gap}{piece}" if line else piece
        if len(longer) <= room:
            line = longer
    form.lines.append((x, y, capital, line, True))
    if rng.random() < 0.3:
        text = _chosen(captions["notes"], rng)
        place = width_mm - letter * capital * len(text)
        if place > x + letter * capital * len(line):
            form.lines.append((place, y, capital, text, False))
    return form


def spoken_scale(
    speed_mm_per_s: float, gains_mm_per_mv: Sequence[float], rng: np.random.Generator
) -> tuple[str, str]:
    """Return speed and gain in one of the ways that carts write them."""
    number = ("{:g}", "{:.1f}")[int(rng.random() < 0.25)]
    space = ("", " ")[int(rng.random() < 0.5)]
    per_s = ("mm/s", "mm/sec")[int(rng.random() < 0.25)]
    speed = number.format(speed_mm_per_s) + space + per_s
    gains = [number.format(gain) for gain in gains_mm_per_mv]
    gain = ("/" if rng.random() < 0.3 else " / ").join(gains) + space + "mm/mV"
    if len(gains) == 2 and rng.random() < 0.5:
        gain = f"Limb: {gains[0]}{space}mm/mV  Chest: {gains[1]}{space}mm/mV"
    if rng.random() < 0.2:
        speed, gain = f"Speed: {speed}", f"Gain: {gain}" if len(gains) == 1 else gain
    return speed, gain


def _single_line(
    form: Composed,
    values: Values,
    captions: Captions,
    places: tuple[float, float, float, float],
    rng: np.random.Generator,
) -> None:
    width_mm, top, letter, capital = places
    room = int(width_mm / (letter * capital))
    pieces = [f"{values['date']} {values['time']}", *_patient(values, captions, rng)[:3]]
    pieces += _measures(values, captions, rng)[:2]
    order = rng.permutation(len(pieces))
    line = "   ".join(pieces[i] for i in order)[:room].rstrip()
    form.lines.append((float(rng.uniform(0, 4)), top, capital, line, False))


def _patient(values: Values, captions: Captions, rng: np.random.Generator) -> list[str]:
    keep = [key for key in _PATIENT if rng.random() < 0.6] or ["name", "id"]
    colon = (": ", " : ", ":  ", "  ")[int(rng.integers(4))]
    lines, blank = [], rng.random() < 0.15  # a cart into which nobody typed anything
    for key in keep:
        value = "" if blank and key not in {"id", "sex"} else values[key]
        bare = key in {"name", "sex"} and rng.random() < 0.5
        lines.append(value if bare else f"{captions[key]}{colon}{value}")
    if rng.random() < 0.5:  # several fields side by side
        step = int(rng.integers(2, 4))
        lines = ["   ".join(lines[i : i + step]) for i in range(0, len(lines), step)]
    if rng.random() < 0.6:
        lines.insert(int(rng.integers(2)), f"{values['date']}  {values['time']}")
    return lines


def _measures(values: Values, captions: Captions, rng: np.random.Generator) -> list[str]:
    keep = [key for key in _MEASURES if key in {"rate", "qt"} or rng.random() < 0.75]
    units = {"rate": "bpm", "pr": "ms", "qrs": "ms", "qt": "ms", "axes": "°", "sokolow": "mV"}
    table = rng.random() < 0.6
    longest = max(len(str(captions[key])) for key in keep)
    if table:
        return [f"{captions[key]!s:{longest}s}   {values[key]:>8s} {units[key]}" for key in keep]
    return [f"{captions[key]}: {values[key]} {units[key]}" for key in keep]


def _statements(values: Values, captions: Captions, rng: np.random.Generator) -> list[str]:
    said = list(captions["statements"])
    count = int(rng.integers(1, 6))
    lines = [said[i] for i in rng.permutation(len(said))[:count]]
    mark = ("", "", "- ", "*** ")[int(rng.integers(4))]
    lines = [mark + line for line in lines]
    if rng.random() < 0.4:
        lines.append(_chosen(captions["notes"], rng))
    return [*lines, values["remark"]] if rng.random() < 0.2 else lines


def _office(values: Values, captions: Captions, rng: np.random.Generator) -> list[str]:
    keep = [key for key in _OFFICE if rng.random() < 0.6] or ["hospital"]
    return [values[key] if key == "hospital" else f"{captions[key]}: {values[key]}" for key in keep]


def _ornaments(
    form: Composed, width_mm: float, used_mm: float, height_mm: float, rng: np.random.Generator
) -> None:
    """Add a rule, a frame or a bar code."""
    thin = float(rng.uniform(0.12, 0.4))
    if rng.random() < 0.2:
        y = min(used_mm + 1.0, height_mm)
        form.boxes.append((0.0, y, width_mm, y + thin))
    if rng.random() < 0.1:
        bottom = min(used_mm + 0.8, height_mm)
        form.boxes += [
            (-1.0, 0.0, width_mm, thin),
            (-1.0, bottom - thin, width_mm, bottom),
            (-1.0, 0.0, -1.0 + thin, bottom),
            (width_mm - thin, 0.0, width_mm, bottom),
        ]
    if rng.random() < 0.12:
        module = float(rng.uniform(0.2, 0.4))
        edges = np.cumsum(rng.integers(1, 4, 80)) * module
        left = max(0.0, width_mm - edges[-1] - float(rng.uniform(0, 20)))
        high = float(rng.uniform(4, 8))
        form.boxes += [
            (left + begin, 0.5, left + end, 0.5 + high)
            for begin, end in zip(edges[::2], edges[1::2], strict=True)
        ]


def _chosen(options: str | Sequence[str], rng: np.random.Generator) -> str:
    return options if isinstance(options, str) else options[int(rng.integers(len(options)))]
