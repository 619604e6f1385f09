"""The picture of one page of an archive, found by its scan id or by the file itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import cv2
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecgbatch import tables
from ecgbatch.errors import ConfigError, PageError
from ecgbatch.report.overlay import published_picture, quarantined_picture
from ecgbatch.storage import Store, join, open_store, scan_id, to_uri
from ecgbatch.types import ByteArray, Lead

Rows: TypeAlias = list[dict[str, Any]]
Decode: TypeAlias = Callable[[bytes, int], ByteArray | None]
"""From the bytes of a file and a page number to the page's pixels, upright as its tags say."""

_REVIEW_WIDTH_PX = 1800

_SCAN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn page.

    Attributes:
        png: The picture.
        verdict: ``good``, ``review``, ``poor``, or the reason of the quarantine.
        without_paper: Why nothing of the source page is in it: a reason, ``quarantined`` where
            nobody can tell its text from its traces, or empty where something is.
    """

    png: bytes
    verdict: str
    without_paper: str


def draw_page(
    store: Store,
    scan: str,
    *,
    page_no: int,
    decode: Decode,
    release: str | None = None,
    whole_paper: bool = False,
) -> Picture:
    """Draw one page with what the tables say of it.

    Args:
        store: The output that holds the tables and the plan.
        scan: A scan id of 32 hexadecimal digits, or the path or address of the file.
        page_no: Page within the file, from 1.
        decode: How to get at the pixels of the source.
        release: Which release; may be left out where there is only one.
        whole_paper: Show the paper as it is, text and all: the picture can name a patient.

    Raises:
        ConfigError: The tables do not hold this page; the message says which they hold.
        StorageError: The tables cannot be read.
    """
    wanted = scan if _SCAN_ID.fullmatch(scan) else scan_id(to_uri(scan))
    part, pages, quarantine = _find(store, wanted, page_no=page_no, release=release)
    row = (pages or quarantine)[0]
    if not pages and not whole_paper:
        picture = quarantined_picture(quarantine, None)
        return Picture(_png(picture), row["reason"], "quarantined")
    address = to_uri(scan) if wanted != scan else _planned_address(store, row)
    pixels, without_paper = _paper(store, address, row, page_no=page_no, decode=decode)
    if pages:
        leads = _leads(store, part, wanted, page_no)
        picture = published_picture(row, leads, pixels, whole_paper=whole_paper)
        return Picture(_png(picture), row["quality_class"], without_paper)
    return Picture(_png(quarantined_picture(quarantine, pixels)), row["reason"], without_paper)


def _find(
    store: Store, wanted: str, *, page_no: int, release: str | None
) -> tuple[tables.Part, Rows, Rows]:
    """Return the part that holds the page, and its rows of ``pages`` or of ``quarantine``."""
    parts = tables.parts(store, table="pages", release=release)[::-1]  # the newest first
    known: set[int] = set()
    with ThreadPoolExecutor(store.settings.requests_at_once) as readers:
        look = partial(_rows_of, store, wanted)
        for part, (pages, quarantine) in zip(parts, readers.map(look, parts), strict=True):
            here = [row for row in pages if row["page_no"] == page_no]
            aside = [row for row in quarantine if row["page_no"] in {page_no, 0}]
            if here or aside:
                readers.shutdown(wait=False, cancel_futures=True)
                return part, here, aside
            known |= {row["page_no"] for row in (*pages, *quarantine)}
    if known:
        raise ConfigError(f"there is no page {page_no}; of this scan stand: {sorted(known)}")
    raise ConfigError(
        "no page of this scan stands in the tables: name a scan_id of them, or the file by the "
        "same address as in the conversion (and with the same ECGBATCH_ID_KEY)"
    )


def _rows_of(store: Store, wanted: str, part: tables.Part) -> tuple[Rows, Rows]:
    pages, quarantine = (
        tables.rows_of_scan(store, part, table=table, scan_id=wanted).to_pylist()
        for table in ("pages", "quarantine")
    )
    return pages, quarantine


def _leads(store: Store, part: tables.Part, wanted: str, page_no: int) -> Sequence[Lead]:
    rows = tables.rows_of_scan(store, part, table="signals", scan_id=wanted)
    return tables.leads(rows.filter(pc.equal(rows["page_no"], page_no)))


def _planned_address(store: Store, row: Mapping[str, Any]) -> str | None:
    """Look up where a scan lies; only the plan of its run knows."""
    for plan in _plans(store, row["run_id"]):
        found = plan.filter(pc.equal(plan["scan_id"], row["scan_id"]))
        if found.num_rows:
            return str(found["uri"][0])
    return None


def _plans(store: Store, run_id: str) -> Iterator[pa.Table]:
    for listed in store.list(join(store.root_uri, f"runs/{run_id}/plan/")):
        if listed.uri.endswith(".parquet"):
            with store.open(listed.uri) as file:
                yield pq.read_table(file, columns=["scan_id", "uri"], partitioning=None)


def review_picture(
    store: Store, row: Mapping[str, Any], leads: Sequence[Lead], *, decode: Decode
) -> bytes | None:
    """Draw a published page, blanked, as a small JPEG; None where its source cannot be read.

    Args:
        store: The output that holds the plan.
        row: Of ``pages``.
        leads: Its rows of ``signals``.
        decode: How to get at the pixels of the source.
    """
    address = _planned_address(store, row)
    pixels, without_paper = _paper(store, address, row, page_no=row["page_no"], decode=decode)
    if without_paper:
        return None
    picture = published_picture(row, leads, pixels)
    height_px = round(picture.shape[0] * _REVIEW_WIDTH_PX / picture.shape[1])
    small = cv2.resize(picture, (_REVIEW_WIDTH_PX, height_px), interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 80]
    return bytes(cv2.imencode(".jpg", small[:, :, ::-1], quality)[1].tobytes())


def _paper(
    store: Store, address: str | None, row: Mapping[str, Any], *, page_no: int, decode: Decode
) -> tuple[ByteArray | None, str]:
    """Return the source page, or why there is none: a picture without paper still tells much."""
    if address is None:
        return None, "not in the plan"
    try:
        folder = address.rpartition("/")[0] + "/"
        data = open_store(folder, store.settings).read(address, version=row["version"])
        return decode(data, page_no), ""
    except PageError as error:
        return None, error.reason.value


def _png(picture: ByteArray) -> bytes:
    encoded = cv2.imencode(".png", picture[:, :, ::-1])[1]
    return bytes(encoded.tobytes())
