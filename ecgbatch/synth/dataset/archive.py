"""What a hospital's archive holds, file by file: good scans and whatever else lies there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ecgbatch.synth.dataset.draw import PageChoice, draw_page
from ecgbatch.synth.dataset.made import Made, facts_of, printed, signal_rows
from ecgbatch.synth.dataset.names import other_file, path_of
from ecgbatch.synth.dataset.recipe import Recipe
from ecgbatch.synth.dicom import waveform_file
from ecgbatch.synth.pdf import DOCUMENT_FACES
from ecgbatch.synth.scans import (
    MULTI_PAGE,
    SPOILS,
    Sheet,
    blank_sheet,
    cover_sheet,
    record_files,
    scan_file,
    spoiled,
)
from ecgbatch.synth.sources import Source, excerpt
from ecgbatch.types import LEADS

PAGES_PER_FILE = 8
"""Numbers kept for the pages of one file, so that each has its own."""

_BITONAL = ("bitonal_scan", "bitonal_scan", "fax", "copied_and_faxed")
_DICOM_S = 10.0


def make_file(recipe: Recipe, source: Source, index: int) -> Made:
    """Make one file of an archive, perhaps with a copy of it, and what is known of it."""
    rng = np.random.default_rng([recipe.seed, index, 3])
    made = Made()
    if rng.random() < recipe.archive.others:
        path, data = other_file(index, rng)
        made.files[f"archive/{path}"] = data
        made.index.append(_row(path, data, {"format": "other", "page_no": 0}))
        return made
    kind = _kind(recipe, rng)
    if kind == "dicom":
        choice = draw_page(recipe, source, index * PAGES_PER_FILE)
        if set(LEADS) <= set(choice.ref.leads):
            return _with_copy(_waveform(recipe, source, choice, made, rng), recipe, index, rng)
        kind = "jpeg"
    count = 1
    if kind in MULTI_PAGE and rng.random() < recipe.archive.multi_page:
        count = int(rng.integers(2, PAGES_PER_FILE - 1))
    choices = [
        _choice(recipe, source, index * PAGES_PER_FILE + page, kind, rng) for page in range(count)
    ]
    if kind == "pdf_vector" and not _has_lines_only(choices[0]):
        kind = "pdf_scan"
    _scan(recipe, source, kind, choices, made, rng)
    return _with_copy(made, recipe, index, rng)


def _kind(recipe: Recipe, rng: np.random.Generator) -> str:
    weights = recipe.archive.formats
    shares = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=shares / shares.sum()))


def _choice(
    recipe: Recipe, source: Source, page: int, kind: str, rng: np.random.Generator
) -> PageChoice:
    choice = draw_page(recipe, source, page)
    if kind == "tiff_g4":  # one bit a pixel: whoever scanned it chose so
        return replace(choice, profile=str(rng.choice(_BITONAL)))
    if kind == "pdf_vector":  # straight from the cart, in one of the faces that PDF knows by name
        known = choice.style.face in DOCUMENT_FACES
        look = choice.style if known else replace(choice.style, face=DOCUMENT_FACES[0])
        return replace(choice, profile="clean", style=look)
    return choice


def _has_lines_only(choice: PageChoice) -> bool:
    return "dot" not in {choice.style.minor_grid, choice.style.major_grid}


def _scan(
    recipe: Recipe,
    source: Source,
    kind: str,
    choices: Sequence[PageChoice],
    made: Made,
    rng: np.random.Generator,
) -> None:
    pages: list[tuple[Sheet, dict[str, Any]]] = []
    for choice in choices:
        one = printed(recipe, source, choice)
        sheet = Sheet(one.page.pixels, choice.dpi, one.page.truth, choice.style)
        pages.append((sheet, {"page_id": choice.page_id, **facts_of(choice)}))
        made.pages += 1
        made.signals += signal_rows(choice.page_id, one)
        shown = {lead: one.leads_uv[lead] for lead in choice.layout.leads}
        _add_record(made, choice, shown, recipe.fs_hz)
    if len(choices) > 1 and rng.random() < recipe.archive.covers:
        batch = int(rng.integers(1, 9999))
        pages.insert(0, (cover_sheet(batch=batch, pages=len(choices)), {"special": "cover"}))
        pages.append((blank_sheet(seed=batch), {"special": "blank"}))
    data = scan_file(kind, [sheet for sheet, _ in pages], jpeg_quality=min(recipe.jpeg_quality, 95))
    damage = None
    if rng.random() < recipe.archive.damaged:
        damage = str(rng.choice(SPOILS))
        data = spoiled(data, damage)
    path = path_of(choices[0].index // PAGES_PER_FILE, kind, rng)
    made.files[f"archive/{path}"] = data
    for number, (sheet, facts) in enumerate(pages, start=1):
        told = {"format": kind, "page_no": number, **facts}
        made.index.append(_row(path, data, told | ({"special": damage} if damage else {})))
        truth: dict[str, Any] = {"path": path, **told}
        if sheet.truth is not None:
            truth["page"] = json.loads(sheet.truth.to_json(polylines=False))
        made.truths.append(truth)


def _waveform(
    recipe: Recipe, source: Source, choice: PageChoice, made: Made, rng: np.random.Generator
) -> Made:
    seconds = min(_DICOM_S, choice.ref.duration_s)
    leads_uv = excerpt(source, choice.ref, start_s=0.0, seconds=seconds, fs_hz=recipe.fs_hz)
    twelve = {lead: np.nan_to_num(leads_uv[lead]) for lead in LEADS}
    data = waveform_file(
        twelve, fs_hz=recipe.fs_hz, number=choice.index + 1, patient="TEST^INVENTED"
    )
    path = path_of(choice.index // PAGES_PER_FILE, "dicom", rng)
    made.files[f"archive/{path}"] = data
    made.pages += 1
    facts = facts_of(choice)
    told = {key: facts[key] for key in ("record_id", "patient_id", "split", "labels", "seed")}
    told |= {"format": "dicom", "page_no": 1, "page_id": choice.page_id}
    made.index.append(_row(path, data, told))
    _add_record(made, choice, twelve, recipe.fs_hz)
    return made


def _add_record(made: Made, choice: PageChoice, leads_uv: Mapping[str, Any], fs_hz: float) -> None:
    folder = f"truth/records/{choice.page_id[:-4]}"
    for name, data in record_files(choice.page_id, leads_uv, fs_hz=fs_hz).items():
        made.files[f"{folder}/{name}"] = data


def _with_copy(made: Made, recipe: Recipe, index: int, rng: np.random.Generator) -> Made:
    """Add the same bytes under another name, as people do before they change something."""
    if rng.random() >= recipe.archive.duplicates:
        return made
    first = made.index[0]["path"]
    folder, _, name = first.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    other = f"copies/{index:06d}/Copy of {stem or name}{dot}{ending if dot else ''}"
    other = f"{folder}/{other}" if rng.random() < 0.5 else other
    data = made.files[f"archive/{first}"]
    made.files[f"archive/{other}"] = data
    rows = [row for row in made.index if row["path"] == first]
    made.index += [{**row, "path": other, "duplicate_of": first} for row in rows]
    return made


def _row(path: str, data: bytes, facts: Mapping[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"path": path, "sha256": digest, "size_bytes": len(data), **facts}
