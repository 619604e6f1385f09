"""Which lead is printed where and when: layouts are data, in ``layouts.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from ecgbatch.errors import ConfigError
from ecgbatch.types import EXTRA_LEADS, LEADS

COLUMN_TIMES = ("consecutive", "simultaneous")
"""Each column goes on where its left neighbour ended, or all show the same moment."""


@dataclass(frozen=True, slots=True)
class Layout:
    """An arrangement of leads on one page.

    Attributes:
        name: As in ``layouts.toml``; ``+1R`` and so on count the rhythm rows.
        rows: Leads of the matrix, row by row; a leading ``-`` prints the lead upside down, as
            Cabrera's order does with aVR.
        rhythm: Leads of the long rows below the matrix.
        column_s: Printed seconds per column.
        column_times: One of ``COLUMN_TIMES``.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    rhythm: tuple[str, ...]
    column_s: float
    column_times: str = "consecutive"

    def __post_init__(self) -> None:
        """Refuse what nobody could print.

        Raises:
            ConfigError: Rows of unequal length, an unknown lead, no lead, or a bad duration.
        """
        if not self.rows or len({len(row) for row in self.rows}) != 1 or not self.rows[0]:
            raise ConfigError(f"layout {self.name}: rows must be of one length and not empty")
        for printed in (*(name for row in self.rows for name in row), *self.rhythm):
            if lead_of(printed) not in (*LEADS, *EXTRA_LEADS):
                raise ConfigError(f"layout {self.name}: there is no lead {printed!r}")
        if not self.column_s > 0:
            raise ConfigError(f"layout {self.name}: column_s must be above 0")
        if self.column_times not in COLUMN_TIMES:
            raise ConfigError(f"layout {self.name}: column_times must be one of {COLUMN_TIMES}")

    @property
    def columns(self) -> int:
        """Columns of the matrix."""
        return len(self.rows[0])

    @property
    def row_count(self) -> int:
        """Rows of the page, rhythm rows included."""
        return len(self.rows) + len(self.rhythm)

    @property
    def duration_s(self) -> float:
        """Seconds from the left end of the page to the right."""
        return self.columns * self.column_s

    @property
    def leads(self) -> tuple[str, ...]:
        """Every lead on the page, once, in the order of first appearance."""
        printed = (*(name for row in self.rows for name in row), *self.rhythm)
        return tuple(dict.fromkeys(lead_of(name) for name in printed))

    def starts_s(self, column: int) -> float:
        """Return where in the record a column begins, in seconds."""
        return column * self.column_s if self.column_times == "consecutive" else 0.0


def lead_of(printed: str) -> str:
    """Return the lead behind a printed name: ``-aVR`` is aVR upside down."""
    return printed.removeprefix("-")


def printed_name(name: str, names: str) -> str:
    """Return the name of a lead as another tradition prints it.

    Args:
        name: A name of a layout.
        names: ``standard``, ``capitals``, ``C`` (chest leads as IEC 60601-2-25 has the
            electrodes) or ``D`` (limb leads as carts for Romance languages have them).
    """
    sign, lead = name[: len(name) - len(lead_of(name))], lead_of(name)
    if names == "capitals":
        return name.upper()
    if names == "C" and lead.startswith("V"):
        return f"{sign}C{lead[1:]}"
    if names == "D" and lead in _ROMAN:
        return f"{sign}D{_ROMAN[lead]}"
    return name


_ROMAN = {"I": 1, "II": 2, "III": 3}


def layout(
    name: str,
    *,
    rhythm: Sequence[str] | None = None,
    column_s: float | None = None,
    column_times: str | None = None,
) -> Layout:
    """Look a layout up by its name, with the usual variations.

    Args:
        name: A name of ``layout_names()``.
        rhythm: Other leads in the rhythm rows; as many as the layout has.
        column_s: Other seconds per column, as carts print at other speeds.
        column_times: Other times of the columns.

    Raises:
        ConfigError: There is no such layout, or the variation does not fit it.
    """
    known = _table()
    if name not in known:
        raise ConfigError(f"layout: there is no {name!r}; there are {', '.join(known)}")
    found = known[name]
    if rhythm is not None and len(rhythm) != len(found.rhythm):
        raise ConfigError(f"layout {name}: rhythm needs {len(found.rhythm)} leads")
    return replace(
        found,
        rhythm=found.rhythm if rhythm is None else tuple(rhythm),
        column_s=found.column_s if column_s is None else column_s,
        column_times=found.column_times if column_times is None else column_times,
    )


def layout_names() -> tuple[str, ...]:
    """Return every name that ``layout`` knows."""
    return tuple(_table())


@cache
def _table() -> dict[str, Layout]:
    text = files("ecgbatch.synth").joinpath("layouts.toml").read_text(encoding="utf-8")
    return {
        name: Layout(
            name=name,
            rows=tuple(tuple(row) for row in entry["rows"]),
            rhythm=tuple(entry.get("rhythm", ())),
            column_s=float(entry["column_s"]),
            column_times=entry.get("column_times", "consecutive"),
        )
        for name, entry in tomllib.loads(text).items()
    }
