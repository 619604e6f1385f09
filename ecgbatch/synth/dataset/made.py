"""What makers give: files and rows, and the printed page they start from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ecgbatch.synth.damage import damaged
from ecgbatch.synth.dataset.draw import PageChoice
from ecgbatch.synth.dataset.recipe import Recipe
from ecgbatch.synth.paper import RenderedPage, render
from ecgbatch.synth.sources import Source, excerpt
from ecgbatch.synth.truth import PageTruth
from ecgbatch.types import DoubleArray


@dataclass(slots=True)
class Made:
    """The files and rows of one unit of work, in the order in which they came.

    Attributes:
        files: Bytes by path below the data set's root.
        index: Rows of ``index.INDEX``, or of an archive's truth.
        signals: Rows of ``index.SIGNALS``.
        truths: Of an archive: what is known of each page, for ``truth/pages``.
        pages: Pages that were printed.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    index: list[dict[str, Any]] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    truths: list[dict[str, Any]] = field(default_factory=list)
    pages: int = 0

    def add(self, path: str, data: bytes) -> dict[str, str]:
        """Add a file and return its path and checksum."""
        self.files[path] = data
        return {"path": path, "sha256": hashlib.sha256(data).hexdigest()}

    def extend(self, other: Made) -> None:
        """Add all of another one but its files, which are written as they come."""
        self.index += other.index
        self.signals += other.signals
        self.truths += other.truths
        self.pages += other.pages


@dataclass(frozen=True, slots=True, eq=False)
class Printed:
    """A page as printed and damaged, and what was printed on it.

    Attributes:
        page: Pixels and truth.
        leads_uv: ``(sample,)`` by lead from the page's ``start_s``, at the page's rate.
    """

    page: RenderedPage
    leads_uv: Mapping[str, DoubleArray]


def printed(recipe: Recipe, source: Source, choice: PageChoice) -> Printed:
    """Print and damage one page.

    Raises:
        ConfigError: The record is not what the source's list says.
    """
    leads_uv = excerpt(
        source,
        choice.ref,
        start_s=choice.start_s,
        seconds=choice.layout.duration_s,
        fs_hz=recipe.fs_hz,
    )
    page = render(
        leads_uv,
        fs_hz=recipe.fs_hz,
        layout=choice.layout,
        style=choice.style,
        dpi=choice.dpi,
        seed=choice.seed,
    )
    return Printed(damaged(page, profile=choice.profile, seed=choice.seed), leads_uv)


def index_row(choice: PageChoice, truth: PageTruth) -> dict[str, Any]:
    """Return what a row of the index says of the page."""
    return {
        "item_id": choice.page_id,
        "page_id": choice.page_id,
        **facts_of(choice),
        "speed_mm_per_s": truth.speed_mm_per_s,
        "gain_mm_per_mv": truth.gain_mm_per_mv,
        "chest_gain_mm_per_mv": truth.chest_gain_mm_per_mv,
        "fs_hz": truth.fs_hz,
        "width_px": truth.width_px,
        "height_px": truth.height_px,
    }


def facts_of(choice: PageChoice) -> dict[str, Any]:
    """Return what was chosen for a page, in plain values."""
    return {
        "record_id": choice.ref.record_id,
        "patient_id": choice.ref.patient_id,
        "split": choice.split,
        "labels": list(choice.ref.labels),
        "layout": choice.layout.name,
        "style": choice.style.name,
        "profile": choice.profile,
        "dpi": choice.dpi,
        "start_s": choice.start_s,
        "seed": choice.seed,
    }


def truth_file(facts: Mapping[str, Any], truth: PageTruth, *, polylines: bool = True) -> bytes:
    """Return the JSON of one page: what was chosen, and ``page`` with everything known of it."""
    head = json.dumps(facts, ensure_ascii=False)
    return f'{head[:-1]}, "page": {truth.to_json(polylines=polylines)}}}\n'.encode()


def signal_rows(page_id: str, made: Printed) -> list[dict[str, Any]]:
    """Return the samples of every printed lead, without those that are not on the page."""
    rows = []
    for number, region in enumerate(made.page.truth.regions):
        samples = made.leads_uv[region.lead][region.first_sample : region.stop_sample]
        on_page = np.isfinite(region.polyline_px).all(axis=1)
        values = np.where(on_page, samples, np.nan).astype(np.float32)
        rows.append(
            {
                "page_id": page_id,
                "region": number,
                "lead": region.lead,
                "role": region.role,
                "t0_ms": region.t0_ms,
                "first_sample": region.first_sample,
                "fs_hz": made.page.truth.fs_hz,
                "samples_uv": values,
            }
        )
    return rows
