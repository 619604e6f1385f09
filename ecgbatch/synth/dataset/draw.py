"""What is printed on a page of a data set: a function of recipe, source and the page's number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage import drawn_profile
from ecgbatch.synth.dataset.recipe import DRAWN, Recipe
from ecgbatch.synth.layouts import Layout, layout, lead_of
from ecgbatch.synth.looks import drawn_look
from ecgbatch.synth.plan import plan_page
from ecgbatch.synth.sources import RecordRef, Source
from ecgbatch.synth.style import Style, drawn_style, style, style_names

_TRIES = 40
_USUAL_MM_PER_S = 25.0
_LEAST_S = 0.5
"""A lead of which the record holds less inside its column is not printed: it would show nothing."""
_RHYTHM = ("II", "V1", "V5", "III", "aVF", "V2", "I", "V6")
"""Leads that carts print as long rows, the usual ones first."""


@dataclass(frozen=True, slots=True)
class PageChoice:
    """One page, before it is printed.

    Attributes:
        index: Its number in the data set.
        ref: The record.
        start_s: Begin of the window of the record that the page shows.
        split: Part of the data set that the record's patient belongs to.
        layout: The arrangement.
        style: The look.
        dpi: Dots per inch.
        profile: The damage.
        seed: Of lettering and damage.
    """

    index: int
    ref: RecordRef
    start_s: float
    split: str
    layout: Layout
    style: Style
    dpi: float
    profile: str
    seed: int

    @property
    def page_id(self) -> str:
        """The page's name in files and tables."""
        return f"{self.index:08d}"


def draw_page(recipe: Recipe, source: Source, index: int) -> PageChoice:
    """Draw one page.

    The record comes first, then a layout that it fills, then a look that holds the layout.

    Raises:
        ConfigError: Nothing of the recipe can be printed from the page's record.
    """
    rng = np.random.default_rng([recipe.seed, index])
    ref = source.ref(record_number(recipe.seed, index, len(source)))
    return draw_of(recipe, ref, index=index, rng=rng)


def draw_of(recipe: Recipe, ref: RecordRef, *, index: int, rng: np.random.Generator) -> PageChoice:
    """Draw one page of a record that is given; see ``draw_page``."""
    for attempt in range(_TRIES):
        name, form = _drawn(recipe.styles, rng), _drawn(recipe.layouts, rng)
        # The later tries leave a style as it is: its own marks are the ones sure to fit.
        drawn = _look(recipe, ref, name, form, rng, vary=attempt < _TRIES // 2)
        if drawn is None:
            continue
        arranged, look = drawn
        start_s = _start_s(ref, arranged, rng)
        dpi, profile = float(_drawn(recipe.dpi, rng)), _drawn(recipe.profiles, rng)
        if not fills(ref, arranged, start_s=start_s) or not _fits(arranged, look):
            continue
        return PageChoice(
            index=index,
            ref=ref,
            start_s=start_s,
            split=split_of(ref.patient_id, recipe.splits),
            layout=arranged,
            style=look,
            dpi=dpi,
            profile=drawn_profile(rng, turned=True).name if profile == DRAWN else profile,
            seed=int(rng.integers(2**63)),
        )
    raise ConfigError(
        f"record {ref.record_id} ({', '.join(ref.leads)}; {ref.duration_s:g} s): no layout, speed "
        "and style of the recipe can print it; choose layouts with fewer leads or seconds, "
        "another paper or a wider row_pitch_mm"
    )


def _look(
    recipe: Recipe, ref: RecordRef, name: str, form: str, rng: np.random.Generator, *, vary: bool
) -> tuple[Layout, Style] | None:
    """Draw how a layout is printed, or None where what was drawn is not what the recipe allows."""
    changes: dict[str, Any] = {}
    if recipe.row_pitch_mm is not None:
        changes["row_pitch_mm"] = round(float(rng.uniform(*recipe.row_pitch_mm)), 2)
    if name == DRAWN:
        found = drawn_look(rng, layouts=[form])
        look = replace(found.style, **changes)
        if {look.speed_mm_per_s} <= _numbers(recipe.speeds) and {look.gain_mm_per_mv} <= _numbers(
            recipe.gains
        ):
            return found.layout, look
        return None
    speed, gain = (float(_drawn(table, rng)) for table in (recipe.speeds, recipe.gains))
    arranged = _with_other_rhythm(_at_speed(layout(form), speed), ref, recipe.other_rhythm, rng)
    changes |= {"speed_mm_per_s": speed, "gain_mm_per_mv": gain}
    if rng.random() < recipe.split_gain and gain >= 5:
        changes["chest_gain_mm_per_mv"] = gain / 2
    return arranged, drawn_style(rng, name, **changes) if vary else style(name, **changes)


def _numbers(weights: Mapping[str, float]) -> set[float]:
    return {float(name) for name in weights}


def require_printable(recipe: Recipe, ref: RecordRef) -> None:
    """Make sure that a record can be printed by the recipe, before anything is written.

    Raises:
        ConfigError: No layout at any speed has its leads and its length, or none fits any style;
            the message names what to change.
    """
    first, *_ = recipe.layouts
    filled = [
        (form, float(speed))
        for name in recipe.layouts
        for speed in recipe.speeds
        if fills(ref, form := _at_speed(layout(name), float(speed)), start_s=0.0)
    ]
    if not filled:
        wanted = layout(first)
        raise ConfigError(
            f"layouts: record {ref.record_id} has the leads {', '.join(ref.leads)} and "
            f"{ref.duration_s:g} s; none of the layouts can be printed from that ({first} takes "
            f"{', '.join(wanted.leads)} and {wanted.duration_s:g} s): choose others, or leave the "
            "record out"
        )
    pitch = {} if recipe.row_pitch_mm is None else {"row_pitch_mm": recipe.row_pitch_mm[0]}
    if not any(
        _fits(form, style(name, speed_mm_per_s=speed, **pitch))
        for form, speed in filled
        for name in set(recipe.styles) - {DRAWN} or style_names()
    ):
        raise ConfigError(
            "layouts, styles, speeds and row_pitch_mm: no style of the recipe has room for any of "
            "its layouts at these speeds"
        )


def record_number(seed: int, index: int, count: int) -> int:
    """Return the record of a page: every record once, in a shuffled order, then again."""
    return int(_order(seed, count)[index % count])


@lru_cache(maxsize=2)
def _order(seed: int, count: int) -> Any:
    return np.random.default_rng([seed, count, 2]).permutation(count)


def split_of(patient_id: str, splits: Mapping[str, float]) -> str:
    """Return the split of a patient: the same in every data set with these shares, in any order.

    Example:
        >>> split_of("15709", {"train": 0.8, "val": 0.1, "test": 0.1})
        'train'
    """
    digest = hashlib.sha256(f"split {patient_id}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    reached = 0.0
    for name, share in splits.items():
        reached += share
        if place < reached:
            return name
    return name


def fills(ref: RecordRef, form: Layout, *, start_s: float) -> bool:
    """Whether a record holds something of every lead inside its column.

    A record that ends within a column is printed as far as it goes.
    """
    slots = [
        (name, form.starts_s(column), form.column_s)
        for row in form.rows
        for column, name in enumerate(row)
    ]
    slots += [(name, 0.0, form.duration_s) for name in form.rhythm]
    for name, begin_s, seconds in slots:
        span = ref.span_s(lead_of(name))
        if span is None:
            return False
        shown_s = min(span[1], start_s + begin_s + seconds) - max(span[0], start_s + begin_s)
        if shown_s < _LEAST_S:
            return False
    return True


def _at_speed(form: Layout, speed_mm_per_s: float) -> Layout:
    """Return a layout as carts print it at another speed: as wide, so with more or less time."""
    return replace(form, column_s=form.column_s * _USUAL_MM_PER_S / speed_mm_per_s)


def _start_s(ref: RecordRef, form: Layout, rng: np.random.Generator) -> float:
    """Draw where the page begins in a record that is longer than the page."""
    spare = int((ref.duration_s - form.duration_s) * ref.fs_hz)
    return int(rng.integers(spare + 1)) / ref.fs_hz if spare > 0 else 0.0


def _with_other_rhythm(
    form: Layout, ref: RecordRef, share: float, rng: np.random.Generator
) -> Layout:
    if not form.rhythm or rng.random() >= share:
        return form
    there = [lead for lead in _RHYTHM if lead in ref.leads]
    if len(there) < len(form.rhythm):
        return form
    chosen = sorted(rng.choice(len(there), len(form.rhythm), replace=False).tolist())
    return replace(form, rhythm=tuple(there[place] for place in chosen))


def _fits(form: Layout, look: Style) -> bool:
    try:
        plan_page(form, look, dpi=100, rng=np.random.default_rng(0))
    except ConfigError:
        return False
    return True


def _drawn(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    names: Sequence[str] = list(weights)
    shares = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]
