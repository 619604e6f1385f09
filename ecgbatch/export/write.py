"""Tables → files that other tools read, part by part in bounded memory.

    DEST/<first two digits>/<record>.<ending>    one record per page
    DEST/index/<part>.csv                        what is known of each record, one line each
    DEST/RECORDS                                 every record's path; for WFDB only

Records are named by scan id and page, never by a key of the archive. Writing the same tables again
gives the same files.
"""

from __future__ import annotations

import csv as csv_lines
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb

from ecgbatch import tables
from ecgbatch.errors import ConfigError
from ecgbatch.export import csv, npz, wfdb
from ecgbatch.export.records import ExportRecord, records_of
from ecgbatch.storage import SideBySide, Store, join

Format: TypeAlias = Callable[[ExportRecord], Mapping[str, bytes]]

FORMATS: Mapping[str, Format] = {"wfdb": wfdb.files, "csv": csv.files, "npz": npz.files}

_INDEX_TEXT = ("layout", "speed_source", "gain_source", "quality_class", "fingerprint")
_INDEX_NUMBERS = ("page_no", "n_leads", "speed_mm_per_s", "gain_mm_per_mv", "quality_score")


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What was written.

    Attributes:
        pages: Pages that were chosen.
        records: Records made of them; fewer where a page holds no sample, more where it has
            several rates.
        files: Files of records, the index left out.
        size_bytes: Their size.
    """

    pages: int = 0
    records: int = 0
    files: int = 0
    size_bytes: int = 0


def export(
    source: Store,
    target: Store,
    *,
    form: str,
    release: str | None = None,
    where: str | None = None,
) -> ExportSummary:
    """Write every chosen page of a release in one format.

    Args:
        source: The output that holds the tables.
        target: The folder to fill.
        form: A key of ``FORMATS``.
        release: Which release; may be left out where there is only one.
        where: SQL condition on the columns of ``pages``, such as ``quality_class = 'good'``.

    Raises:
        ConfigError: The condition is not valid, or a release has to be named.
        StorageError: Tables cannot be read, or files not be written.
    """
    make = FORMATS[form]
    paths: list[str] = []  # some 50 bytes a page: the one thing that grows with the archive
    pages = 0
    with SideBySide(target) as writer:
        for part in tables.parts(source, table="pages", release=release):
            chosen = select(tables.read(source, part, table="pages"), where)
            pages += len(chosen)
            index = _Index()
            for record in _records(source, part, chosen):
                path = f"{record.name[:2]}/{record.name}"
                for ending, data in make(record).items():
                    writer.write(f"{path}.{ending}", data)
                index.add(path, record)
                paths.append(path)
            target.write(join(target.root_uri, f"index/{part.name}.csv"), index.as_bytes())
    if form == "wfdb":
        names = "".join(f"{path}\n" for path in paths)
        target.write(join(target.root_uri, "RECORDS"), names.encode())
    return ExportSummary(pages, len(paths), writer.files, writer.size_bytes)


def select(pages: Any, where: str | None) -> list[dict[str, Any]]:
    """Return the rows of ``pages`` for which the condition holds, in their order."""
    if where is None:
        return list(pages.to_pylist())
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        try:
            ids = connection.from_arrow(pages).filter(where).project("scan_id, page_no").fetchall()
        except duckdb.Error as error:
            message = str(error).splitlines()[0]
            raise ConfigError(f"--where does not fit the columns of pages: {message}") from error
    wanted = set(ids)
    return [row for row in pages.to_pylist() if (row["scan_id"], row["page_no"]) in wanted]


def _records(
    source: Store, part: tables.Part, pages: Sequence[dict[str, Any]]
) -> Iterator[ExportRecord]:
    for page, leads in tables.pages_with_leads(source, part, pages):
        yield from records_of(page, leads)


class _Index:
    """Lines of ``index/<part>.csv``."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._lines = csv_lines.writer(self._text, lineterminator="\n")
        titles = ["record", "scan_id", "fs_hz", *_INDEX_NUMBERS, *_INDEX_TEXT, "flags"]
        self._lines.writerow(titles)

    def add(self, path: str, record: ExportRecord) -> None:
        page = record.page
        texts = [*(page[name] for name in _INDEX_TEXT), " ".join(page["flags"])]
        self._lines.writerow(
            [
                csv.text_cell(path),
                csv.text_cell(page["scan_id"]),
                record.fs_hz,
                *(_short(page[name]) for name in _INDEX_NUMBERS),
                *(csv.text_cell(text) for text in texts),
            ]
        )

    def as_bytes(self) -> bytes:
        return self._text.getvalue().encode()


def _short(value: float | None) -> float | None:
    """Four places are more than any of these numbers has; float32 would print sixteen."""
    return None if value is None else round(value, 4)
