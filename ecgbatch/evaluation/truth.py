"""The true signals of pages: WFDB records, and which of them a page shows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb

from ecgbatch.errors import ConfigError
from ecgbatch.signal.naming import microvolts_per, standard_lead
from ecgbatch.types import DoubleArray


@dataclass(frozen=True, slots=True, eq=False)
class TrueRecord:
    """One record.

    Attributes:
        name: Path of the record without its ending, relative to where records were looked for.
        fs_hz: Samples per second.
        leads_mv: ``(sample,)`` in mV by the lead's standard name; NaN where the record has none.
    """

    name: str
    fs_hz: float
    leads_mv: Mapping[str, DoubleArray]


def find_records(folder: Path) -> list[Path]:
    """Every WFDB record below a folder, as paths without ending, sorted.

    Raises:
        ConfigError: There is none.
    """
    found = sorted(path.with_suffix("") for path in folder.rglob("*.hea"))
    if not found:
        raise ConfigError(f"no WFDB record (*.hea) stands below {folder}")
    return found


def read_record(path: Path) -> TrueRecord:
    """Read a record in mV, whatever the case of its lead names.

    Args:
        path: Without ending.

    Raises:
        ConfigError: The record is not whole.
    """
    try:
        record = wfdb.rdrecord(str(path))
    except (OSError, ValueError) as error:
        raise ConfigError(f"the record {path.name} cannot be read: {error}") from error
    leads = {}
    for column, (name, unit) in enumerate(zip(record.sig_name, record.units, strict=True)):
        lead = standard_lead(name)
        if lead is not None:
            in_mv = microvolts_per(unit) / 1000
            leads[lead] = record.p_signal[:, column].astype(np.float64) * in_mv
    return TrueRecord(name=path.name, fs_hz=float(record.fs), leads_mv=leads)


def pair(pages: Iterable[str], records: Iterable[Path]) -> dict[str, Path]:
    """Find the record that each page shows by comparing file names.

    Names are compared without folders, endings, leading zeros, a page number behind a hyphen and
    the rate suffixes ``_hr`` and ``_lr`` of PTB-XL. A page whose name fits several records is left
    out; list such pages with ``read_pairs``.

    Args:
        pages: Addresses or file names of pages.
        records: Paths of records, without ending.

    Returns:
        Record by page, for the pages that fit exactly one.

    Example:
        >>> found = pair(["00841_hr-0.png", "001.png"], [Path("kit/00841_hr"), Path("ludb/1")])
        >>> {page: record.name for page, record in found.items()}
        {'00841_hr-0.png': '00841_hr', '001.png': '1'}
    """
    by_key: dict[str, list[Path]] = {}
    for record in records:
        by_key.setdefault(_key(record.name), []).append(record)
    pairs = {}
    for page in pages:
        name = page.rsplit("/", 1)[-1]
        fitting = by_key.get(_key(name.rsplit(".", 1)[0]), [])
        if len(fitting) == 1:
            pairs[page] = fitting[0]
    return pairs


def _key(stem: str) -> str:
    return re.sub(r"(-\d+)?$", "", re.sub(r"_[hl]r(?=-\d+$|$)", "", stem)).lstrip("0")


def read_pairs(path: Path, *, records: Path) -> dict[str, Path]:
    """Read pairs from a CSV file with the columns ``page`` and ``record``.

    Args:
        path: Of the file. ``page`` is a file name, ``record`` a path without ending.
        records: Folder that the records' paths start from.

    Raises:
        ConfigError: A column is missing.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        if not {"page", "record"} <= set(rows.fieldnames or ()):
            raise ConfigError(f"{path} needs the columns 'page' and 'record'")
        return {row["page"]: records / row["record"] for row in rows}
