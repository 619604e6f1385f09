"""How a page looks: paper, grid, pen, marks and lettering. Styles are data, in ``styles.toml``."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.faces import face_names, known_face
from ecgbatch.synth.pdf import Shape

Colour = tuple[int, int, int]

PAPERS_MM = {
    "letter": (279.4, 215.9),
    "a4": (297.0, 210.0),
    "letter_portrait": (215.9, 279.4),
    "a4_portrait": (210.0, 297.0),
    "roll_210": (295.0, 210.0),
    "roll_112": (297.0, 112.0),
    "roll_80": (300.0, 80.0),
    "wide": (356.0, 216.0),
}
"""Width and height. Rolls are named after the width of the paper that the cart takes."""

SPEEDS_MM_PER_S = (6.25, 12.5, 25.0, 50.0)
GAINS_MM_PER_MV = (2.5, 5.0, 10.0, 20.0, 40.0)

_CHOICES: dict[str, tuple[str | float | None, ...]] = {
    "minor_grid": ("line", "dot", "none"),
    "major_grid": ("line", "dot", "none"),
    "pulse": ("left", "right", "none"),
    "pulse_rows": ("all", "first", "last"),
    "separator": ("none", "tick", "bars", "bar", "line", "dashed", "dotted"),
    "name_place": ("above", "below", "left", "none"),
    "names": ("standard", "capitals", "C", "D"),
    "header": ("none", "hospital", "report", "strip", "drawn"),
    "footer": ("none", "scales", "full", "drawn"),
    "speed_mm_per_s": SPEEDS_MM_PER_S,
    "gain_mm_per_mv": GAINS_MM_PER_MV,
    "chest_gain_mm_per_mv": (None, *GAINS_MM_PER_MV),
}

_SIZE = re.compile(r"[1-9]\d{1,2}(\.\d+)?x[1-9]\d{1,2}(\.\d+)?")
_ANY = (-math.inf, math.inf)
_LIMITS = {
    "ink_density": (0.01, 1.0),
    "ink_grain": (0.0, 1.0),
    "line_width_mm": (0.05, 2.0),
    "name_shift_mm": (-20.0, 20.0),
    "text_width": (0.4, 2.0),
    "text_slant_deg": (-30.0, 30.0),
    "text_weight": (0.0, 0.2),
    "text_spacing": (0.0, 1.0),
    "text_dots_per_mm": (3.0, 40.0),
}


@dataclass(frozen=True, slots=True)
class Style:
    """Everything about the look of a page that is not the layout.

    Attributes:
        name: As in ``styles.toml``.
        paper: A key of ``PAPERS_MM``, or width and height in mm as ``297x210``.
        paper_rgb: Colour of the bare paper.
        field_rgb: Colour under the grid.
        minor_grid: ``line``, ``dot`` or ``none``, every millimetre.
        major_grid: The same, every five millimetres.
        minor_rgb: Colour of the fine grid.
        major_rgb: Colour of the strong grid.
        minor_width_mm: Width of its lines, or diameter of its dots.
        major_width_mm: The same.
        framed: Whether the grid is a box below the header, rather than the whole sheet.
        grid_aligned: Whether the cart prints its own grid, so that traces start on it; on
            pre-printed paper they start anywhere.
        margin_mm: Bare paper around the grid's box, and around the printing.
        header_mm: Height of the band at the top that is kept for the header.
        footer_mm: The same at the bottom.
        row_pitch_mm: Distance of rows; None shares the height out. A small one makes neighbouring
            traces overlap.
        speed_mm_per_s: Paper speed.
        gain_mm_per_mv: Gain of the limb leads.
        chest_gain_mm_per_mv: Gain of V leads; None is the same.
        ink_rgb: Colour of the trace.
        line_width_mm: Width of the trace.
        ink_density: 0 to 1, how opaque the trace is.
        ink_grain: 0 to 1, how unevenly the trace is inked along its way.
        pulse: Side of the calibration pulses, or ``none``.
        pulse_rows: Whether every row has one, or only the first or the last.
        pulse_width_mm: Length of their plateau; some carts print half of the usual 5 mm.
        column_gap_mm: Bare distance between columns.
        separator: Mark between columns.
        separator_width_mm: Its thickness; None is the trace's, and at least 0.25 mm.
        joined: Whether the pen stays down from one column to the next.
        name_place: Where lead names stand relative to the start of their trace.
        name_distance_mm: How far above or below the zero line.
        name_shift_mm: How far right of the start of the trace; negative is left of it.
        names: ``standard``, ``capitals`` (AVR), ``C`` (C1 for V1) or ``D`` (D1 for I).
        face: Lettering, one of ``faces.face_names()`` or a font file.
        text_mm: Height of a capital letter of lead names.
        text_width: Factor on the width of letters.
        text_slant_deg: Their lean to the right.
        text_weight: Added to their strokes, as a share of ``text_mm``.
        text_spacing: Added between them, as a share of ``text_mm``.
        text_dots_per_mm: Dots of the cart's print head; None prints finer than pixels.
        text_rgb: Colour of all lettering.
        header: Kind of header, or ``none``; ``drawn`` is another one for every seed.
        footer: Kind of footer, the same way.
    """

    name: str = "pink_letter"
    paper: str = "letter"
    paper_rgb: Colour = (255, 255, 255)
    field_rgb: Colour = (255, 255, 255)
    minor_grid: str = "line"
    major_grid: str = "line"
    minor_rgb: Colour = (249, 222, 222)
    major_rgb: Colour = (240, 176, 180)
    minor_width_mm: float = 0.12
    major_width_mm: float = 0.2
    framed: bool = True
    grid_aligned: bool = True
    margin_mm: float = 6.0
    header_mm: float = 40.0
    footer_mm: float = 8.0
    row_pitch_mm: float | None = None
    speed_mm_per_s: float = 25.0
    gain_mm_per_mv: float = 10.0
    chest_gain_mm_per_mv: float | None = None
    ink_rgb: Colour = (20, 20, 24)
    line_width_mm: float = 0.25
    ink_density: float = 1.0
    ink_grain: float = 0.0
    pulse: str = "left"
    pulse_rows: str = "all"
    pulse_width_mm: float = 5.0
    column_gap_mm: float = 0.0
    separator: str = "none"
    separator_width_mm: float | None = None
    joined: bool = False
    name_place: str = "above"
    name_distance_mm: float = 6.0
    name_shift_mm: float = 0.8
    names: str = "standard"
    face: str = "sans"
    text_mm: float = 2.4
    text_width: float = 1.0
    text_slant_deg: float = 0.0
    text_weight: float = 0.0
    text_spacing: float = 0.0
    text_dots_per_mm: float | None = None
    text_rgb: Colour = (20, 20, 24)
    header: str = "hospital"
    footer: str = "scales"

    def __post_init__(self) -> None:
        """Refuse what no cart prints.

        Raises:
            ConfigError: A choice that does not exist, or a number out of range; the message
                names the field.
        """
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"style.{name}: {getattr(self, name)!r} is not in {choices}")
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = _LIMITS.get(field.name, (0, 400) if field.name[-3:] == "_mm" else _ANY)
            if isinstance(value, int | float) and not low <= value <= high:
                raise ConfigError(f"style.{field.name}: {value} is not between {low} and {high}")
            if field.name.endswith("_rgb") and not (
                len(value) == 3 and all(0 <= part <= 255 for part in value)
            ):
                raise ConfigError(f"style.{field.name}: {value} is not three numbers to 255")
        if self.paper not in PAPERS_MM and not _SIZE.fullmatch(self.paper):
            raise ConfigError(
                f"style.paper: {self.paper!r} is neither a size as 297x210, in mm, nor in "
                f"{tuple(PAPERS_MM)}"
            )
        if not known_face(self.face):
            raise ConfigError(
                f"style.face: {self.face!r} is neither a font file nor in {face_names()}"
            )

    @property
    def paper_mm(self) -> tuple[float, float]:
        """Width and height of the sheet."""
        if self.paper in PAPERS_MM:
            return PAPERS_MM[self.paper]
        width, height = self.paper.split("x")
        return float(width), float(height)

    @property
    def letter_shape(self) -> Shape:
        """How the face is bent."""
        return Shape(self.text_width, self.text_slant_deg, self.text_weight, self.text_spacing)

    def gain_of(self, lead: str) -> float:
        """Return the gain of a lead in mm per mV."""
        if lead.startswith("V") and self.chest_gain_mm_per_mv is not None:
            return self.chest_gain_mm_per_mv
        return self.gain_mm_per_mv


def style(name: str, **changes: Any) -> Style:
    """Look a style up by its name, with changes to single fields.

    Raises:
        ConfigError: There is no such style or field, or a value is impossible.
    """
    known = _table()
    if name not in known:
        raise ConfigError(f"style: there is no {name!r}; there are {', '.join(known)}")
    wrong = set(changes) - {field.name for field in fields(Style)}
    if wrong:
        raise ConfigError(f"style: there is no field {', '.join(sorted(wrong))}")
    return Style(**{**known[name], **changes})


def style_names() -> tuple[str, ...]:
    """Return every name that ``style`` knows."""
    return tuple(_table())


def drawn_style(rng: np.random.Generator, name: str | None = None, **changes: Any) -> Style:
    """Draw a style at random, with other pens, marks and lettering than its own.

    Args:
        rng: Source of the choices.
        name: Of the style to vary; None draws one.
        **changes: Fields that are not drawn but given.

    Raises:
        ConfigError: There is no such style or field, or a value is impossible.
    """
    name = str(rng.choice(style_names())) if name is None else name
    drawn: dict[str, Any] = {
        "line_width_mm": round(float(rng.uniform(0.14, 0.42)), 3),
        "pulse": str(rng.choice(["left", "left", "right", "none"])),
        "pulse_width_mm": float(rng.choice([5.0, 5.0, 2.5])),
        "separator": str(rng.choice(["none", "tick", "bars", "line", "dashed"])),
        "name_place": str(rng.choice(["above", "above", "below"])),
        "name_distance_mm": round(float(rng.uniform(4.0, 8.0)), 2),
        "face": str(rng.choice(face_names())),
        "text_mm": round(float(rng.uniform(1.9, 3.2)), 2),
        "joined": bool(rng.random() < 0.3),
        "grid_aligned": bool(rng.random() < 0.6),
    }
    return style(name, **{**drawn, **changes})


@cache
def _table() -> dict[str, dict[str, Any]]:
    text = files("ecgbatch.synth").joinpath("styles.toml").read_text(encoding="utf-8")
    return {
        name: {
            "name": name,
            **{key: tuple(v) if isinstance(v, list) else v for key, v in entry.items()},
        }
        for name, entry in tomllib.loads(text).items()
    }
