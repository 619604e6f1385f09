"""From finished rows to the tables that readers see: the border where NaN becomes null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch import schema
from ecgbatch.errors import Reason
from ecgbatch.signal.quality import LIMIT_UV


def published(
    rows: pa.Table,
    *,
    run_id: str,
    fingerprint: str,
    software_version: str,
    models: Sequence[str],
    key_id: str = "",
) -> dict[str, pa.Table]:
    """Split finished rows into ``pages`` with their ``signals``, and ``quarantine``.

    Every row is in exactly one of ``pages`` and ``quarantine``.

    Args:
        rows: Of ``schema.READ``.
        run_id: The run that writes them.
        fingerprint: Of its settings.
        software_version: Of this package.
        models: ``name@version`` of every network that was used.
        key_id: Names the secret from which ids are derived; empty where there was none.

    Returns:
        ``pages``, ``signals``, ``measurements``, ``beats``, ``labels`` and ``quarantine``, in the
        order of the rows.

    Raises:
        SchemaError: ``rows`` has other columns.
    """
    schema.require(rows, schema.READ, stage="publish")
    failed = pc.is_valid(rows["error"])
    done = rows.filter(pc.invert(failed))
    constants = {
        "run_id": run_id,
        "fingerprint": fingerprint,
        "software_version": software_version,
        "models": list(models),
        "key_id": key_id or None,
    }
    signals, n_leads = _signals(done, run_id=run_id)
    return {
        "pages": _pages(done, n_leads, constants),
        "signals": signals,
        "measurements": _measurements(done, run_id=run_id),
        "beats": _beats(done, run_id=run_id),
        "labels": _labels(done, run_id=run_id),
        "quarantine": _quarantine(rows.filter(failed), constants),
    }


def _pages(done: pa.Table, n_leads: pa.Array, constants: dict[str, Any]) -> pa.Table:
    columns = []
    for field in schema.PAGES:
        if field.name == "n_leads":
            columns.append(n_leads)
        elif field.name == "review_id":
            columns.append(pa.array(_review_ids(done), field.type))
        elif field.name in constants:
            columns.append(pa.array([constants[field.name]] * done.num_rows, field.type))
        else:
            columns.append(_without_nan(done[field.name], field))
    return pa.Table.from_arrays(columns, schema=schema.PAGES)


def _review_ids(rows: pa.Table) -> list[str | None]:
    """Return the verdict that each row follows."""
    return [given[0]["review_id"] if given else None for given in rows["given"].to_pylist()]


def _without_nan(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if not (field.nullable and pa.types.is_floating(field.type)):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column)


def _signals(done: pa.Table, *, run_id: str) -> tuple[pa.Table, pa.Array]:
    """Rows of ``signals``, and the number of leads with a sample on each page."""
    leads = _one_array(done["leads"])
    page = pc.list_parent_indices(leads).to_numpy()
    lead = leads.flatten()
    samples, known, length = _samples(pc.struct_field(lead, "signal_uv"))
    name = pc.struct_field(lead, "lead")
    code = name.dictionary_encode().indices.to_numpy()
    values = {
        "scan_id": done["scan_id"].take(pa.array(page)),
        "page_no": done["page_no"].take(pa.array(page)),
        "run_id": pa.array([run_id] * len(lead), pa.string()),
        "segment": pa.array(_counts_so_far(page, code), pa.int32()),
        "samples_uv": samples,
        "coverage": pa.array(known / np.maximum(length, 1), pa.float32()),
        "confidence": _with_nulls(pc.struct_field(lead, "confidence")),
        "repaired_uv": _samples(pc.struct_field(lead, "repaired_uv"))[0],
    }
    columns = [
        values[field.name] if field.name in values else pc.struct_field(lead, field.name)
        for field in schema.SIGNALS
    ]
    seen = np.unique(np.stack([page, code])[:, known > 0], axis=1)
    n_leads = np.bincount(seen[0], minlength=done.num_rows)
    table = pa.Table.from_arrays(columns, schema=schema.SIGNALS)
    return table, pa.array(n_leads, pa.int32())


def _measurements(done: pa.Table, *, run_id: str) -> pa.Table:
    """Rows of ``measurements``: one for each page that was measured."""
    column = _one_array(done["measurement"])
    measured = column.is_valid()
    values = column.filter(measured)
    pages = done.filter(measured)
    columns = [
        _key(pages, field.name, run_id)
        if field.name not in values.type.names
        else _without_nan(pc.struct_field(values, field.name), field)
        for field in schema.MEASUREMENTS
    ]
    return pa.Table.from_arrays(columns, schema=schema.MEASUREMENTS)


def _beats(done: pa.Table, *, run_id: str) -> pa.Table:
    """Rows of ``beats``: whole numbers, null where there is none."""
    column = _one_array(done["beats"])
    lists = {name: pc.struct_field(column, name) for name in column.type.names}
    page = pc.list_parent_indices(lists["lead"])
    pages = done.select(["scan_id", "page_no"]).take(page)
    columns = []
    for field in schema.BEATS:
        if field.name not in lists:
            columns.append(_key(pages, field.name, run_id))
            continue
        values = lists[field.name].flatten()
        if pa.types.is_floating(values.type):
            known = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
            values = pc.cast(pc.round(known), field.type)
        columns.append(values)
    return pa.Table.from_arrays(columns, schema=schema.BEATS)


def _labels(done: pa.Table, *, run_id: str) -> pa.Table:
    """Rows of ``labels``: all statements on a page after each other."""
    labels = _one_array(done["labels"])
    pages = done.select(["scan_id", "page_no"]).take(pc.list_parent_indices(labels))
    each = labels.flatten()
    columns = [
        pc.struct_field(each, field.name)
        if field.name in each.type.names
        else _key(pages, field.name, run_id)
        for field in schema.LABELS
    ]
    return pa.Table.from_arrays(columns, schema=schema.LABELS)


def _key(pages: pa.Table, name: str, run_id: str) -> Any:
    return pa.array([run_id] * pages.num_rows, pa.string()) if name == "run_id" else pages[name]


def _samples(signal_uv: pa.ListArray) -> tuple[pa.ListArray, np.ndarray, np.ndarray]:
    """Whole microvolts, null where unknown or out of range; known samples and all, per lead."""
    length = pc.fill_null(pc.list_value_length(signal_uv), 0).to_numpy()
    ends = np.concatenate([[0], np.cumsum(length)])
    values = signal_uv.flatten().to_numpy(zero_copy_only=False)
    known = np.abs(values) <= LIMIT_UV  # False for NaN
    whole = np.rint(np.where(known, values, 0)).astype(np.int16)
    dtype = schema.SIGNALS.field("samples_uv").type
    samples = pa.ListArray.from_arrays(
        pa.array(ends, pa.int32()),
        pa.array(whole, mask=~known),
        type=dtype,
        mask=signal_uv.is_null(),
    )
    before = np.concatenate([[0], np.cumsum(known)])
    return samples, before[ends[1:]] - before[ends[:-1]], length


def _with_nulls(lists: pa.ListArray) -> pa.ListArray:
    """Numbers that are none become null; so do they in lists."""
    length = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    values = lists.flatten()
    return pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(length)]), pa.int32()),
        pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values),
        type=schema.SIGNALS.field("confidence").type,
        mask=lists.is_null(),
    )


def _counts_so_far(page: np.ndarray, code: np.ndarray) -> np.ndarray:
    """How many earlier rows have the same page and the same lead."""
    order = np.lexsort((np.arange(page.size), code, page))
    starts = np.ones(page.size, np.bool_)
    starts[1:] = (np.diff(page[order]) != 0) | (np.diff(code[order]) != 0)
    place = np.arange(page.size)
    counts = np.empty(page.size, np.intp)
    counts[order] = place - np.maximum.accumulate(np.where(starts, place, 0))
    return counts


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole


def _quarantine(failed: pa.Table, constants: dict[str, Any]) -> pa.Table:
    wanted = [name for name in schema.QUARANTINE.names if name in failed.schema.names]
    listed = []
    reviews = _review_ids(failed)
    for review_id, row in zip(reviews, failed.select([*wanted, "error"]).to_pylist(), strict=True):
        error = row.pop("error")
        error["facts"] = error["facts"] or []
        retriable = Reason(error["reason"]).retriable
        listed.append({**row, **error, **constants, "retriable": retriable, "review_id": review_id})
    columns = [
        pa.array([row[field.name] for row in listed], field.type) for field in schema.QUARANTINE
    ]
    return pa.Table.from_arrays(columns, schema=schema.QUARANTINE)
