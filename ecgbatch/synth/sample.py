"""The sample archive of the repository: written anew by ``make sample``, byte for byte the same.

    python -m ecgbatch.synth.sample samples

``archive/`` is what a hospital has, from ``sample.toml``; ``truth/`` has the records as WFDB, the
pages' truth as ``pages.json``, and ``pairs.csv`` with the record behind each file of one page.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import wfdb
from PIL import Image

from ecgbatch.synth import pen
from ecgbatch.synth.damage import damaged, turned
from ecgbatch.synth.dicom import waveform_file
from ecgbatch.synth.heart import SimulatedRecord, simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.pdf import PdfPage, write_pdf
from ecgbatch.synth.style import style
from ecgbatch.synth.text import set_type
from ecgbatch.synth.truth import PageTruth
from ecgbatch.synth.vector import vector_page
from ecgbatch.types import LEADS, ByteArray

_Drawn: TypeAlias = tuple[ByteArray, PageTruth | None]
"""Pixels, and the truth of a page that holds an ECG."""

_DPI = 200.0
_JPEG_QUALITY = 55
_COVER = (
    "ARCHIVE TRANSMITTAL SHEET",
    "Batch 0007    Pages 2    Box 14",
    "Hospital of Nowhere, Department of Invented Cardiology",
    "Scanned for testing. No person is behind any of these pages.",
)


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
        path.write_bytes(_encoded(entry["kind"], pages, entry["pages"]))
        for number, (page, (_, known)) in enumerate(zip(entry["pages"], pages, strict=True), 1):
            truths.append(_truth_row(entry, number, page, known))
    _write_truth(folder / "truth", truths, records)


def _seed(page: dict[str, Any]) -> int:
    return int(page["record"].removeprefix("r"))


def _page(page: dict[str, Any], records: Mapping[str, SimulatedRecord]) -> _Drawn:
    if "special" in page:
        return (_cover() if page["special"] == "cover" else _blank()), None
    drawn = render(
        records[page["record"]].by_name(),
        fs_hz=500.0,
        layout=layout(page["layout"]),
        style=style(page["style"], **page.get("changes", {})),
        dpi=page.get("dpi", _DPI),
        seed=_seed(page),
    )
    drawn = damaged(drawn, profile=page.get("profile", "clean"), seed=_seed(page))
    drawn = turned(drawn, quarter_turns=page.get("quarter_turns", 0))
    return drawn.pixels, drawn.truth


def _cover() -> ByteArray:
    pixels = _paper()
    top = 300
    for line in _COVER:
        [word] = set_type(((line, 28.0),), face="sans_bold")
        pen.apply(pixels, word.at(220, top), rgb=(0, 0, 0))
        top += 110
    bars = np.random.default_rng(7).integers(2, 8, 60)
    edges = 220 + np.cumsum(bars * 3)
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        pen.apply(pixels, pen.rectangle(left - 0.5, top, right - 0.5, top + 180), rgb=(0, 0, 0))
    return pixels


def _blank() -> ByteArray:
    """Return the back of a sheet: white, with a little dust."""
    pixels = _paper()
    rng = np.random.default_rng(8)
    pixels[rng.integers(0, pixels.shape[0], 25), rng.integers(0, pixels.shape[1], 25)] = 0
    return pixels


def _paper() -> ByteArray:
    return np.full((1700, 2200, 3), 255, np.uint8)


def _encoded(kind: str, pages: Sequence[_Drawn], entries: Sequence[dict[str, Any]]) -> bytes:
    """Return the pages as one file."""
    pictures = [Image.fromarray(pixels) for pixels, _ in pages]
    dpis = [float(entry.get("dpi", _DPI)) for entry in entries]
    if kind == "pdf_vector":
        [(_, truth)], [entry] = pages, entries
        assert truth is not None
        look = style(entry["style"], **entry.get("changes", {}))
        return write_pdf([vector_page(truth, look)])
    if kind == "pdf_scan":
        return write_pdf([_pdf_scan(*pair) for pair in zip(pictures, dpis, strict=True)])
    if kind == "jpeg":
        return _jpeg(pictures[0], dpis[0])
    if kind == "truncated_jpeg":
        whole = _jpeg(pictures[0], dpis[0])
        return whole[: 6 * len(whole) // 10]
    buffer = io.BytesIO()
    if kind == "png":
        pictures[0].save(buffer, "PNG", optimize=True, dpi=(dpis[0], dpis[0]))
        return buffer.getvalue()
    mode, compression = {
        "tiff_g4": ("1", "group4"),
        "tiff_lzw": ("L", "tiff_lzw"),
        "tiff_jpeg": ("RGB", "jpeg"),
    }[kind]
    first, *rest = (
        picture.convert(mode, dither=Image.Dither.NONE) if mode != "RGB" else picture
        for picture in pictures
    )
    first.save(
        buffer,
        "TIFF",
        compression=compression,
        **({"quality": _JPEG_QUALITY} if compression == "jpeg" else {}),
        save_all=True,
        append_images=rest,
        dpi=(dpis[0], dpis[0]),
    )
    return buffer.getvalue()


def _jpeg(picture: Image.Image, dpi: float) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True, dpi=(dpi, dpi))
    return buffer.getvalue()


def _pdf_scan(picture: Image.Image, dpi: float) -> PdfPage:
    width, height = (size * 72 / dpi for size in picture.size)
    content = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /Scan Do Q\n".encode()
    return PdfPage(width, height, content, _jpeg(picture, dpi), picture.size)


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
        wfdb.wrsamp(
            name,
            fs=record.fs_hz,
            units=["mV"] * len(LEADS),
            sig_name=list(LEADS),
            d_signal=np.rint(2 * record.signal_uv.T).astype(np.int64),  # half microvolts, exactly
            fmt=["16"] * len(LEADS),
            adc_gain=[2000.0] * len(LEADS),
            baseline=[0] * len(LEADS),
            write_dir=str(folder),
        )
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
