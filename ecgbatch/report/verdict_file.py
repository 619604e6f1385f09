"""Files in which reviewers say what they found: CSV, the JSON of our page, Label Studio's export.

Nothing of a file is believed: one value that cannot be is a reason to refuse the whole file, with
its line, because half of a reviewer's work is worse than none of it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecgbatch.errors import ConfigError
from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.schema.review import CORRECTED, VERDICT_KINDS
from ecgbatch.types import EXTRA_LEADS, LEADS

FIELDS = ("scan_id", "page_no", "verdict", "layout", "speed_mm_per_s", "gain_mm_per_mv", "names")

_SCAN_ID = re.compile(r"[0-9a-f]{32}")
_SPEEDS_MM_PER_S = (5.0, 200.0)  # 5 to 100 are in use
_GAINS_MM_PER_MV = (1.0, 80.0)  # 2.5 to 40 are in use
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer said of one page.

    Attributes:
        where: Line or entry of the file, for messages.
        scan_id: 32 hexadecimal digits.
        page_no: From 1.
        verdict: One of ``VERDICT_KINDS``.
        layout: Such as ``3x4+1R``; None where it is right.
        speed_mm_per_s: None where it is right.
        gain_mm_per_mv: None where it is right.
        names: Names of all leads from the top left, row by row; empty where they are right.
    """

    where: str
    scan_id: str
    page_no: int
    verdict: str
    layout: str | None = None
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    names: tuple[str, ...] = ()

    @property
    def corrects(self) -> bool:
        """Whether anything is to be different."""
        values = (self.layout, self.speed_mm_per_s, self.gain_mm_per_mv)
        return bool(self.names) or any(value is not None for value in values)


def read_verdicts(data: bytes, name: str) -> list[Verdict]:
    """Read a file of verdicts.

    Args:
        data: Its bytes.
        name: Its name, for messages; ``.csv`` is CSV, anything else JSON.

    Raises:
        ConfigError: Something in it cannot be; the message names line or entry, and the column.
    """
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{name} is larger than any file of verdicts")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not text in UTF-8") from None
    rows = _csv(text, name) if name.lower().endswith(".csv") else _json(text, name)
    found = [_checked(row, f"{name}, {where}") for where, row in rows]
    if not found:
        raise ConfigError(f"{name} holds no verdict")
    seen: set[tuple[str, int]] = set()
    for verdict in found:
        if (verdict.scan_id, verdict.page_no) in seen:
            raise ConfigError(f"{verdict.where}: a second verdict on the same page")
        seen.add((verdict.scan_id, verdict.page_no))
    return found


_Rows = Iterator[tuple[str, Mapping[str, Any]]]


def _csv(text: str, name: str) -> _Rows:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = {"scan_id", "page_no", "verdict"} - set(reader.fieldnames or ())
    unknown = set(reader.fieldnames or ()) - {*FIELDS, "reviewer"}
    if missing or unknown:
        raise ConfigError(f"{name}, line 1: the columns are {', '.join(FIELDS)}")
    for row in reader:
        if None in row or None in row.values():
            raise ConfigError(f"{name}, line {reader.line_num}: not as many values as columns")
        yield f"line {reader.line_num}", {key: value.strip() for key, value in row.items()}


def _json(text: str, name: str) -> _Rows:
    try:
        entries = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise ConfigError(f"{name}, line {line}: not JSON") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{name}: not a list of verdicts")
    for number, entry in enumerate(entries, start=1):
        where = f"entry {number}"
        if "annotations" in entry:
            row = _label_studio(entry, f"{name}, {where}")
            if row is not None:
                yield where, row
        else:
            yield where, entry


def _label_studio(task: Mapping[str, Any], where: str) -> Mapping[str, Any] | None:
    """Return the last annotation of a task as a row; None for tasks that nobody has done."""
    done = [a for a in task["annotations"] if not a.get("was_cancelled")]
    if not done:
        return None
    try:
        row: dict[str, Any] = {name: task["data"][name] for name in ("scan_id", "page_no")}
        for result in done[-1]["result"]:
            value = result["value"]
            (text,) = value.get("choices") or value.get("text") or [value.get("number")]
            row[result["from_name"]] = text
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ConfigError(f"{where}: not an annotation of our tasks") from None
    return row


def _checked(row: Mapping[str, Any], where: str) -> Verdict:
    unknown = set(row) - {*FIELDS, "reviewer"}
    if unknown:
        raise ConfigError(f"{where}: there is no such column; they are {', '.join(FIELDS)}")
    scan, page, verdict = (row.get(name) for name in ("scan_id", "page_no", "verdict"))
    if not isinstance(scan, str) or not _SCAN_ID.fullmatch(scan):
        raise ConfigError(f"{where}: scan_id is not 32 hexadecimal digits")
    if not re.fullmatch(r"[1-9]\d{0,6}", str(page)):
        raise ConfigError(f"{where}: page_no is no number from 1")
    if verdict not in VERDICT_KINDS:
        raise ConfigError(f"{where}: verdict is one of {', '.join(VERDICT_KINDS)}")
    layout = row.get("layout") or None
    if layout is not None and StatedLayout.parse(str(layout)) is None:
        raise ConfigError(f"{where}: layout is not such as 3x4+1R")
    found = Verdict(
        where,
        scan,
        int(str(page)),
        str(verdict),
        None if layout is None else str(layout),
        _number(row.get("speed_mm_per_s"), _SPEEDS_MM_PER_S, f"{where}: speed_mm_per_s"),
        _number(row.get("gain_mm_per_mv"), _GAINS_MM_PER_MV, f"{where}: gain_mm_per_mv"),
        _names(row.get("names"), where),
    )
    if found.corrects != (verdict == CORRECTED):
        raise ConfigError(
            f"{where}: corrections belong to `corrected`, and to nothing else"
            if found.corrects
            else f"{where}: `corrected`, and nothing says how"
        )
    return found


def _number(value: Any, limits: tuple[float, float], where: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{where} is no number") from None
    if not limits[0] <= number <= limits[1]:
        raise ConfigError(f"{where} lies outside of {limits[0]:g} to {limits[1]:g}")
    return number


def _names(value: Any, where: str) -> tuple[str, ...]:
    words: Sequence[Any] = value.split() if isinstance(value, str) else value or ()
    known = {*LEADS, *EXTRA_LEADS}
    for word in words:
        if word not in known:
            raise ConfigError(f"{where}: names holds a word that is no lead")
    return tuple(map(str, words))
