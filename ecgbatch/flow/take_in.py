"""From what a reviewer said to facts that hold: each verdict is completed by what stands there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch import schema, tables
from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.book import chosen_release
from ecgbatch.flow.output import Output
from ecgbatch.flow.reviews import keep, verdicts
from ecgbatch.imaging.naming import usual_names
from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.report.verdict_file import Verdict
from ecgbatch.schema.review import REJECTED
from ecgbatch.stages.given import stated_layout
from ecgbatch.storage import Store
from ecgbatch.types import Lead

_REVIEW_ID_DIGITS = 12
_SAME_ROW_MM = 5.0  # zero lines of one printed row differ by less


def take_in(
    out: str,
    found: Sequence[Verdict],
    *,
    reviewer: str,
    config: RunConfig,
    release: str | None = None,
) -> int:
    """Keep verdicts with the output; the next run obeys them.

    Args:
        out: Address or path of the output.
        found: What the reviewer said of pages of one release.
        reviewer: Who they are.
        config: How to reach the output; its release was reviewed unless one is named.
        release: The release that was reviewed.

    Returns:
        How many verdicts are new; 0 where the same were taken in before.

    Raises:
        ConfigError: A page does not stand in that release, or cannot be corrected like this; the
            message names the verdict, and nothing was kept.
    """
    output = Output.at(out, config.storage)
    store = output.store()
    release = chosen_release(store, output, config, release)
    standing = _Standing(store, release, {verdict.scan_id for verdict in found})
    before = {row["review_id"]: row for row in verdicts(store).to_pylist()}
    rows = []
    for verdict in found:
        page, leads = standing.page(verdict)
        rows.append(_completed(verdict, page, leads, before.get(page["review_id"])))
    name = hashlib.sha256(json.dumps([rows, reviewer]).encode()).hexdigest()[:16]
    now = datetime.now(tz=UTC)
    kept = pa.Table.from_pylist(
        [{**row, "reviewer": reviewer, "reviewed_at": now} for row in rows], schema=schema.VERDICTS
    )
    return len(rows) if keep(store, kept, name=name) else 0


def in_reading_order(leads: Sequence[Lead], *, px_per_mm: float) -> list[Lead]:
    """Return the leads that have a place, row by row from the top left."""
    placed = sorted((lead for lead in leads if lead.origin_px is not None), key=_zero)
    rows: list[list[Lead]] = []
    for lead in placed:
        if rows and _zero(lead) - _zero(rows[-1][-1]) <= _SAME_ROW_MM * px_per_mm:
            rows[-1].append(lead)
        else:
            rows.append([lead])
    return [lead for row in rows for lead in sorted(row, key=lambda lead: lead.origin_px or ())]


def _zero(lead: Lead) -> float:
    return lead.origin_px[1] if lead.origin_px is not None else 0.0


class _Standing:
    """The pages of some scans as they stand in a release."""

    def __init__(self, store: Store, release: str, scans: set[str]) -> None:
        self._store = store
        self._pages: dict[tuple[str, int], tuple[tables.Part, Mapping[str, Any]]] = {}
        wanted = pa.array(sorted(scans), pa.string())
        for part in tables.parts(store, table="pages", release=release):
            rows = tables.read(store, part, table="pages")
            for row in rows.filter(pc.is_in(rows["scan_id"], value_set=wanted)).to_pylist():
                self._pages[row["scan_id"], row["page_no"]] = part, row

    def page(self, verdict: Verdict) -> tuple[Mapping[str, Any], list[Lead]]:
        """Return the row of the page that a verdict is on, and its leads in reading order."""
        found = self._pages.get((verdict.scan_id, verdict.page_no))
        if found is None:
            raise ConfigError(f"{verdict.where}: no such page stands in this release")
        part, row = found
        rows = tables.rows_of_scan(self._store, part, table="signals", scan_id=verdict.scan_id)
        leads = tables.leads(rows.filter(pc.equal(rows["page_no"], verdict.page_no)))
        scale = row["rectified_px_per_mm"] or 1.0
        return row, in_reading_order(leads, px_per_mm=scale)


def _completed(
    verdict: Verdict,
    page: Mapping[str, Any],
    leads: Sequence[Lead],
    before: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return a row of ``schema.VERDICTS``: what was not corrected holds as it stands.

    Args:
        verdict: What was said now.
        page: Row of the page.
        leads: Of the page, in reading order.
        before: The verdict that the page follows, if it follows one.
    """
    drawn = page["homography"] is not None
    if verdict.corrects and not drawn:
        raise ConfigError(
            f"{verdict.where}: this page gave its samples itself, and cannot be corrected: accept "
            "or reject it"
        )
    stated = _stated(verdict, page, before)
    names = verdict.names
    if stated is not None and not names:
        names = usual_names(stated) or ()
        if verdict.layout is None and before is not None:
            names = tuple(name["lead"] for name in before["names"])
        if not names:
            raise ConfigError(
                f"{verdict.where}: a {verdict.layout} has no usual order of leads: give the names "
                "of all of them, row by row"
            )
    count = len(leads) if stated is None else stated.leads
    if names and len(names) != count:
        raise ConfigError(f"{verdict.where}: names has {len(names)} leads, and the page {count}")
    given: dict[str, Any] = {"layout": None, "speed_mm_per_s": None, "gain_mm_per_mv": None}
    given["names"] = None
    if verdict.verdict != REJECTED and drawn:
        given = {name: getattr(verdict, name) or page[name] for name in given if name != "names"}
        if stated is not None:
            given["layout"] = verdict.layout or page["layout"]
            given["names"] = [{"x_mm": None, "y_mm": None, "lead": name} for name in names]
        else:
            names = names or tuple(lead.lead for lead in leads)
            given["names"] = list(_places(leads, names, px_per_mm=page["rectified_px_per_mm"]))
    row = {
        "scan_id": verdict.scan_id,
        "version": page["version"],
        "page_no": verdict.page_no,
        "verdict": verdict.verdict,
        **given,
    }
    text = json.dumps(row, sort_keys=True)
    return {**row, "review_id": hashlib.sha256(text.encode()).hexdigest()[:_REVIEW_ID_DIGITS]}


def _stated(
    verdict: Verdict, page: Mapping[str, Any], before: Mapping[str, Any] | None
) -> StatedLayout | None:
    """Return the layout in which the page is to be read; None where it is read as it looks."""
    if verdict.layout is not None and verdict.layout != page["layout"]:
        return StatedLayout.parse(verdict.layout)
    if before is not None and before["layout"] == page["layout"]:
        return stated_layout(before)  # a page that would be read wrongly again without it
    return None


def _places(
    leads: Sequence[Lead], names: Sequence[str], *, px_per_mm: float
) -> Iterator[dict[str, Any]]:
    for lead, name in zip(leads, names, strict=True):
        if lead.origin_px is not None:
            x_px, y_px = lead.origin_px
            yield {"x_mm": x_px / px_per_mm, "y_mm": y_px / px_per_mm, "lead": name}
