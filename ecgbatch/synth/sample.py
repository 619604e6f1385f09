"""The sample archive of the repository: written anew by ``make sample``, byte for byte the same.

    python -m ecgbatch.synth.sample samples

``archive/`` is what a hospital has, from ``sample.toml``; ``truth/`` has the records as WFDB, the
pages' truth as ``pages.json``, and ``pairs.csv`` with the record behind each file of one page.
"""

from __future__ import annotations

import csv
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ecgbatch.synth.damage import damaged, turned
from ecgbatch.synth.dicom import waveform_file
from ecgbatch.synth.heart import SimulatedRecord, simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.scans import (
    SHEET_DPI,
    Sheet,
    blank_sheet,
    cover_sheet,
    record_files,
    scan_file,
    spoiled,
)
from ecgbatch.synth.style import style
from ecgbatch.synth.truth import PageTruth
from ecgbatch.types import LEADS

_JPEG_QUALITY = 55


def write_sample(folder: Path) -> None:
    """Write ``archive/`` and ``truth/`` into a folder."""
    text = files("ecgbatch.synth").joinpath("sample.toml").read_text(encoding="utf-8")
    truths: list[dict[str, Any]] = []
    records: dict[str, SimulatedRecord] = {}
    for entry in tomllib.loads(text)["file"]:
        path = folder / "archive" / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry["kind"] == "text":
            path.write_text(entry["text"], encoding="utf-8", newline="\n")
            continue
        for page in entry["pages"]:
            if "record" in page and page["record"] not in records:
                records[page["record"]] = simulate(_seed(page), condition=page["condition"])
        if entry["kind"] == "dicom":
            [page] = entry["pages"]
            path.write_bytes(_waveform(records[page["record"]]))
            truths.append({"path": entry["path"], "page_no": 1, "record": page["record"]})
            continue
        pages = [_page(page, records) for page in entry["pages"]]
        kind = entry["kind"].removeprefix("truncated_")
        data = scan_file(kind, pages, jpeg_quality=_JPEG_QUALITY, smallest=True)
        path.write_bytes(spoiled(data, "truncated") if kind != entry["kind"] else data)
        for number, (page, sheet) in enumerate(zip(entry["pages"], pages, strict=True), 1):
            truths.append(_truth_row(entry, number, page, sheet.truth))
    _write_truth(folder / "truth", truths, records)


def _seed(page: dict[str, Any]) -> int:
    return int(page["record"].removeprefix("r"))


def _page(page: dict[str, Any], records: Mapping[str, SimulatedRecord]) -> Sheet:
    if "special" in page:
        return cover_sheet() if page["special"] == "cover" else blank_sheet()
    dpi, look = page.get("dpi", SHEET_DPI), style(page["style"], **page.get("changes", {}))
    drawn = render(
        records[page["record"]].by_name(),
        fs_hz=500.0,
        layout=layout(page["layout"]),
        style=look,
        dpi=dpi,
        seed=_seed(page),
    )
    drawn = damaged(drawn, profile=page.get("profile", "clean"), seed=_seed(page))
    drawn = turned(drawn, quarter_turns=page.get("quarter_turns", 0))
    return Sheet(drawn.pixels, dpi, drawn.truth, look)


def _waveform(record: SimulatedRecord) -> bytes:
    return waveform_file(
        record.by_name(), fs_hz=record.fs_hz, number=record.seed, patient="TEST^INVENTED"
    )


def _truth_row(
    entry: dict[str, Any], number: int, page: dict[str, Any], truth: PageTruth | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"path": entry["path"], "page_no": number}
    if truth is None:
        return row | {"special": page["special"]}
    row |= {"record": page["record"], "condition": page["condition"]}
    if entry["kind"] == "truncated_jpeg":
        row["special"] = "truncated"
    return row | {"page": json.loads(truth.to_json(polylines=False))}


def _write_truth(
    folder: Path, truths: Sequence[dict[str, Any]], records: Mapping[str, SimulatedRecord]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, record in records.items():
        leads_uv = dict(zip(LEADS, record.signal_uv, strict=True))
        for path, data in record_files(name, leads_uv, fs_hz=record.fs_hz).items():
            (folder / path).write_bytes(data)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in truths)
    (folder / "pages.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")
    paths = [row["path"] for row in truths]
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["page", "record"])
        for row in truths:
            if paths.count(row["path"]) == 1 and "special" not in row:
                table.writerow([row["path"].rsplit("/", 1)[-1], row["record"]])


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
