"""Names that files have in archives: tidy, odd, wrong; each with its number, so none is two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_ENDINGS = {
    "jpeg": ("jpg", "jpg", "jpeg", "JPG"),
    "png": ("png", "PNG"),
    "pdf_scan": ("pdf", "pdf", "PDF"),
    "pdf_vector": ("pdf",),
    "dicom": ("dcm", "dcm", ""),
    "tiff": ("tif", "tif", "tiff", "TIF"),
}
_WRONG_ENDING = 0.02

_PATTERNS: tuple[Callable[[int, int], str], ...] = (
    lambda index, year: f"{year}/ward {index % 9 + 1}/ECG_{index:06d}",
    lambda index, year: f"{year}/ward {index % 9 + 1}/ECG_{index:06d}",
    lambda index, year: f"{year}/{index % 12 + 1:02d}/batch_{index:07d}",
    lambda index, _: f"export/{index // 100:05d}/{index:08d}",
    lambda index, year: f"{year}/EKG Müller-Test (Kopie) № {index}",
    lambda index, _: f"misc/100% sure/ECG#{index}+a&b='x'",
    lambda index, year: f"{year}/心電図_{index:05d}",
    lambda index, _: f"old share/..{index}..  (2) ",
    lambda index, _: f"long/{'scanned document ' * 8}{index:06d}",
)

_OTHERS: tuple[tuple[str, bytes], ...] = (
    ("Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)),
    (".DS_Store", b"\x00\x00\x00\x01Bud1" + bytes(120)),
    ("index.csv", b"file;kind\nECG_000001.jpg;ECG\n"),
    ("readme.txt", b"Please do not move files in this folder.\n"),
    ("report.docx", b"PK\x03\x04" + bytes(60)),
)


def path_of(index: int, kind: str, rng: np.random.Generator) -> str:
    """Return where a file lies in the archive.

    Args:
        index: Its number; part of the name.
        kind: Of ``scans.scan_file``, or ``dicom``.
        rng: Source of the choices.
    """
    stem = _PATTERNS[int(rng.integers(len(_PATTERNS)))](index, int(rng.integers(1998, 2025)))
    endings = _ENDINGS[kind.partition("_")[0] if kind.startswith("tiff") else kind]
    if rng.random() < _WRONG_ENDING:
        endings = tuple(name for names in _ENDINGS.values() for name in names)
    ending = endings[int(rng.integers(len(endings)))]
    return f"{stem}.{ending}" if ending else stem


def other_file(index: int, rng: np.random.Generator) -> tuple[str, bytes]:
    """Return path and bytes of a file that is no page."""
    name, data = _OTHERS[int(rng.integers(len(_OTHERS)))]
    return f"folders/{index:06d}/{name}", data
