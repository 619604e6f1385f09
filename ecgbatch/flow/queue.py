"""Pages on which a person should say something, gathered for whoever does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch import schema, tables
from ecgbatch.config import RunConfig
from ecgbatch.flow.book import chosen_release
from ecgbatch.flow.files import encode
from ecgbatch.flow.output import Output
from ecgbatch.flow.reviews import verdicts
from ecgbatch.flow.take_in import in_reading_order
from ecgbatch.report.review_page import Item, html, label_studio
from ecgbatch.storage import Store
from ecgbatch.types import Lead

Draw = Callable[[Store, Mapping[str, Any], list[Lead]], bytes | None]
"""Draws a page, blanked, from its row and leads, as JPEG; None where its source is gone."""


@dataclass(frozen=True, slots=True)
class Queued:
    """What was written.

    Attributes:
        waiting: Pages of class ``review`` without a verdict.
        shown: Those that have a picture on the page.
        folder: Address of what was written.
    """

    waiting: int
    shown: int
    folder: str


def write_queue(
    out: str, *, config: RunConfig, draw: Draw, limit: int, release: str | None = None
) -> Queued:
    """Write the queue of a release: a table, a page that opens offline, and Label Studio's tasks.

    Args:
        out: Address or path of the output.
        config: How to reach it; its release is looked at unless one is named.
        draw: Draws one page.
        limit: So many pages are shown, those of the lowest quality first; the table has all.
        release: The release.

    Raises:
        ConfigError: There is no such release.
        StorageError: Storage refused or did not answer.
    """
    output = Output.at(out, config.storage)
    store = output.store()
    release = chosen_release(store, output, config, release)
    done = {
        (row["scan_id"], row["page_no"], row["version"])
        for row in verdicts(store).select(["scan_id", "page_no", "version"]).to_pylist()
    }
    waiting = sorted(_waiting(store, release, done), key=lambda found: found[1]["quality_score"])
    rows: list[dict[str, Any]] = []
    items: list[Item] = []
    for part, page in waiting:
        ((_, leads),) = tables.pages_with_leads(store, part, [page])
        ordered = in_reading_order(leads, px_per_mm=page["rectified_px_per_mm"] or 1.0)
        row = {name: page.get(name) for name in schema.QUEUE.names}
        row |= {"release": release, "names": [lead.lead for lead in ordered]}
        jpeg = draw(store, page, leads) if len(items) < limit else None
        if jpeg is not None:
            picture = f"pictures/{page['scan_id']}-{page['page_no']}.jpg"
            store.write(output.uri("review", release, picture), jpeg)
            row["picture"] = picture
            items.append(Item(row, jpeg))
        rows.append(row)
    queue = pa.Table.from_pylist(rows, schema=schema.QUEUE)
    for name, data in {
        "queue.parquet": encode(queue),
        "review.html": html(items, release=release, waiting=len(rows)).encode(),
        "tasks.json": label_studio(items).encode(),
    }.items():
        store.write(output.uri("review", release, name), data)
    return Queued(len(rows), len(items), output.uri("review", release))


def _waiting(
    store: Store, release: str, done: set[tuple[str, int, str]]
) -> Iterator[tuple[tables.Part, dict[str, Any]]]:
    for part in tables.parts(store, table="pages", release=release):
        pages = tables.read(store, part, table="pages")
        for row in pages.filter(pc.equal(pages["quality_class"], "review")).to_pylist():
            if (row["scan_id"], row["page_no"], row["version"]) not in done:
                yield part, row
