"""Signals that this project published: every page of a release is a record.

A lead is where the page showed it, on the page's time axis, and nowhere else: a page in three rows
of four columns gives leads of 2.5 s, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np
import pyarrow as pa

from ecgbatch import tables
from ecgbatch.errors import ConfigError
from ecgbatch.storage import Store
from ecgbatch.synth.sources.labels import Patients
from ecgbatch.synth.sources.listed import table_of
from ecgbatch.synth.sources.record import RecordRef
from ecgbatch.types import DoubleArray, Lead

_PARTS_KEPT = 2


class PublishedSignals:
    """Reads records from the tables of one release.

    Args:
        store: Opened at the output that holds them.
        release: Which release; None where there is only one.
    """

    def __init__(self, store: Store, release: str | None) -> None:
        self._store = store
        self._parts = {
            part.name: part for part in tables.parts(store, table="pages", release=release)
        }
        self._part = lru_cache(maxsize=_PARTS_KEPT)(self._read_part)

    def list_records(self, patients: Patients) -> pa.Table:
        """Return the table of records."""
        return table_of(self._refs(patients))

    def _refs(self, patients: Patients) -> Iterator[RecordRef]:
        for name in self._parts:
            for record_id, leads in self._part(name).items():
                longest = _longest(leads)
                if not longest:
                    continue
                yield RecordRef(
                    record_id=record_id,
                    patient_id=patients.of(record_id),
                    fs_hz=next(iter(longest.values())).fs_hz,
                    leads=tuple(longest),
                    begins_s=tuple(lead.t0_ms / 1000 for lead in longest.values()),
                    ends_s=tuple(map(_end_s, longest.values())),
                    place=name,
                )

    def read_window(
        self, ref: RecordRef, start_s: float, seconds: float
    ) -> Mapping[str, DoubleArray]:
        """Read a window of one record; see ``Source.load``."""
        leads = self._part(ref.place).get(ref.record_id)
        if leads is None:
            raise ConfigError(f"record {ref.record_id} is not in the tables any more")
        first = round(start_s * ref.fs_hz)
        count = int(np.ceil(seconds * ref.fs_hz)) + 1
        window = {}
        for name, lead in _longest(leads).items():
            begin = round(lead.t0_ms / 1000 * ref.fs_hz) - first
            window[name] = np.full(count, np.nan)
            known = lead.signal_uv[max(0, -begin) : max(0, count - begin)]
            window[name][max(0, begin) : max(0, begin) + len(known)] = known
        return window

    def _read_part(self, name: str) -> dict[str, list[Lead]]:
        part = self._parts[name]
        pages = tables.read(self._store, part, table="pages").to_pylist()
        return {
            f"{page['scan_id']}-{page['page_no']}": leads
            for page, leads in tables.pages_with_leads(self._store, part, pages)
        }


def _longest(leads: list[Lead]) -> dict[str, Lead]:
    """Return the longest printing of each lead that shows anything, at the first one's rate."""
    found: dict[str, Lead] = {}
    for lead in leads:
        if not np.isfinite(lead.signal_uv).any() or lead.t0_ms < 0:
            continue
        if lead.lead not in found or lead.signal_uv.size > found[lead.lead].signal_uv.size:
            found[lead.lead] = lead
    rates = [lead.fs_hz for lead in found.values()]
    return {name: lead for name, lead in found.items() if lead.fs_hz == rates[0]}


def _end_s(lead: Lead) -> float:
    return lead.t0_ms / 1000 + lead.signal_uv.size / lead.fs_hz
