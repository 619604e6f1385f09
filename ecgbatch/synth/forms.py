"""Headers and footers: forms from ``forms.toml``, filled with invented people and numbers."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ecgbatch.synth.letterhead import (
    Captions,
    Composed,
    composed_footer,
    composed_header,
    spoken_scale,
)
from ecgbatch.synth.style import Style


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One line of a form.

    Attributes:
        text: What it says.
        role: ``header``, ``scale`` or ``footer``.
        x_mm: Left end, from the left end of the form.
        y_mm: Line of the letters: from the top of the header, or up from the foot of the page.
        capital_mm: Height of a capital.
    """

    text: str
    role: str
    x_mm: float
    y_mm: float
    capital_mm: float


@dataclass(frozen=True, slots=True)
class PrintedForm:
    """What is printed above or below the traces.

    Attributes:
        lines: Texts.
        boxes_mm: Rules, frames and bars, ``(left, top, right, bottom)``, from the left end of the
            form and the top of the header.
    """

    lines: tuple[PrintedLine, ...] = ()
    boxes_mm: tuple[tuple[float, float, float, float], ...] = ()


def header(style: Style, rng: np.random.Generator) -> PrintedForm:
    """Return the header of a style, filled in."""
    values = _fields(style, rng)
    if style.header != "drawn":
        return _filled("header", style.header, values)
    captions = _captions(rng)
    width_mm = style.paper_mm[0] - 2 * style.margin_mm
    composed = composed_header(
        _more_fields(values, rng),
        captions,
        width_mm=width_mm,
        height_mm=style.header_mm,
        letter=_letter(style),
        rng=rng,
    )
    return _printed("header", composed)


def footer(style: Style, rng: np.random.Generator) -> PrintedForm:
    """Return the footer of a style, filled in."""
    values = _fields(style, rng)
    if style.footer != "drawn":
        return _filled("footer", style.footer, values)
    gains = tuple(dict.fromkeys((style.gain_mm_per_mv, style.gain_of("V1"))))
    composed = composed_footer(
        _more_fields(values, rng),
        _captions(rng),
        width_mm=style.paper_mm[0] - 2 * style.margin_mm,
        scale=spoken_scale(style.speed_mm_per_s, gains, rng),
        letter=_letter(style),
        rng=rng,
    )
    return _printed("footer", composed)


def _letter(style: Style) -> float:
    """Return the width of an average letter over the height of a capital."""
    # Courier advances by 0.6 of its size, of which a capital is 0.562; others by less on average.
    return style.text_width * ((1.07 if "mono" in style.face else 0.9) + style.text_spacing)


def _printed(part: str, composed: Composed) -> PrintedForm:
    lines = tuple(
        PrintedLine(text, "scale" if scale else part, x_mm, y_mm, capital_mm)
        for x_mm, y_mm, capital_mm, text, scale in composed.lines
    )
    return PrintedForm(lines, tuple(composed.boxes))


def _captions(rng: np.random.Generator) -> Captions:
    languages = list(_forms()["captions"].values())
    # Half of the archives are in English.
    at = 0 if rng.random() < 0.5 else int(rng.integers(len(languages)))
    captions: Captions = languages[at]
    return captions


def _more_fields(values: dict[str, str], rng: np.random.Generator) -> dict[str, str]:
    """Return what composed forms ask for beyond the fixed ones."""
    invented = _forms()["invented"]
    return {
        **values,
        "qt": f"{values['qt']}/{values['qtc']}",
        "height": f"{rng.integers(148, 200)} cm",
        "weight": f"{rng.integers(45, 130)} kg",
        "pressure": f"{rng.integers(95, 175)}/{rng.integers(55, 105)} mmHg",
        "medication": str(rng.choice(invented["medications"])),
        "sokolow": f"{rng.uniform(0.9, 4.0):.2f}",
        "technician": values["initials"],
        "confirmed": "",
        "hospital": str(rng.choice(invented["wards"])),
        "device": str(rng.choice(invented["devices"])),
    }


def scale_text(style: Style) -> tuple[str, str]:
    """Return speed and gain as carts print them."""
    speed = f"{style.speed_mm_per_s:g}mm/s"
    chest = style.chest_gain_mm_per_mv
    if chest is None or chest == style.gain_mm_per_mv:
        return speed, f"{style.gain_mm_per_mv:g}mm/mV"
    return speed, f"Limb: {style.gain_mm_per_mv:g} mm/mV  Chest: {chest:g} mm/mV"


def _filled(part: str, kind: str, values: dict[str, str]) -> PrintedForm:
    if kind == "none":
        return PrintedForm()
    lines = tuple(
        PrintedLine(
            text=text.format(**values),
            role="scale" if "{speed}" in text else part,
            x_mm=x_mm,
            y_mm=y_mm,
            capital_mm=capital_mm,
        )
        for x_mm, y_mm, capital_mm, text in _forms()[part][kind]["lines"]
    )
    return PrintedForm(lines)


def _fields(style: Style, rng: np.random.Generator) -> dict[str, str]:
    invented = _forms()["invented"]
    speed, gain = scale_text(style)
    year, month, day = rng.integers(1995, 2025), rng.integers(1, 13), rng.integers(1, 29)
    rate = int(rng.integers(48, 112))
    qt = round(400 * (60 / rate) ** (1 / 3))  # Fridericia, for a QTc of 400 ms
    family, given = rng.choice(invented["families"]), rng.choice(invented["given"])
    return {
        "name": f"{family}, {given}",
        "id": f"TEST-{rng.integers(10**6):06d}",
        "birth": f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.{year - 60}",
        "age": str(rng.integers(19, 95)),
        "sex": str(rng.choice(["Male", "Female"])),
        "room": str(rng.integers(1, 400)),
        "ward": str(rng.choice(invented["wards"])),
        "date": f"{year}-{month:02d}-{day:02d}",
        "time": f"{rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}",
        "rate": str(rate),
        "pr": str(rng.integers(120, 220)),
        "qrs": str(rng.integers(72, 140)),
        "qt": str(qt),
        "qtc": str(round(qt * (rate / 60) ** 0.5)),
        "axes": f"{rng.integers(20, 75)} {rng.integers(-40, 90)} {rng.integers(10, 80)}",
        "statement": str(rng.choice(invented["statements"])),
        "remark": str(rng.choice(invented["remarks"])),
        "doctor": str(rng.choice(invented["families"])),
        "initials": "".join(chr(65 + int(letter)) for letter in rng.integers(0, 26, 2)),
        "filter": str(rng.choice(invented["filters"])),
        "mains": str(rng.choice(["AC50", "AC60", "~50Hz"])),
        "version": f"{rng.integers(1, 9)}.{rng.integers(0, 30)}",
        "serial": f"SN{rng.integers(10**5):05d}",
        "order": f"{rng.integers(10**5):05d}",
        "speed": speed,
        "gain": gain,
    }


@cache
def _forms() -> dict[str, Any]:
    text = files("ecgbatch.synth").joinpath("forms.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
