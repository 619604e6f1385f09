"""WFDB records below a folder, or of a list such as PhysioNet's ``RECORDS``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import wfdb

from ecgbatch.errors import ConfigError, PageError
from ecgbatch.signal.naming import microvolts_per, standard_lead
from ecgbatch.storage import Store, join
from ecgbatch.synth.sources.labels import Patients
from ecgbatch.synth.sources.listed import table_of
from ecgbatch.synth.sources.record import RecordRef
from ecgbatch.types import DoubleArray


def listed_in(store: Store, list_uri: str) -> list[str]:
    """Return the records of a list: a path a line, from the folder that the list lies in."""
    lines = _read(store, list_uri).decode("utf-8", errors="replace").splitlines()
    return [line.strip().removesuffix(".hea") for line in lines if line.strip()]


def list_records(store: Store, names: list[str], patients: Patients) -> pa.Table:
    """Return the table of records.

    Args:
        store: Opened at their folder.
        names: Their paths below it, without ending.
        patients: Whose they are.

    Raises:
        ConfigError: A header cannot be read; the message names the record.
    """
    return table_of(_refs(store, names, patients))


def _refs(store: Store, names: list[str], patients: Patients) -> Iterator[RecordRef]:
    for name in names:
        with _fetched(store, name, samples=False) as path:
            header = _header(path, name)
        leads = [lead for lead in map(standard_lead, header.sig_name) if lead is not None]
        leads = list(dict.fromkeys(leads))
        if not leads:
            raise ConfigError(f"record {name}: none of its signals is a lead that carts print")
        for unit in header.units:
            _unit(unit, name)
        yield RecordRef(
            record_id=name,
            patient_id=patients.of(name),
            fs_hz=float(header.fs),
            leads=tuple(leads),
            begins_s=(0.0,) * len(leads),
            ends_s=(header.sig_len / header.fs,) * len(leads),
            place=name,
        )


def read_window(
    store: Store, ref: RecordRef, start_s: float, seconds: float
) -> Mapping[str, DoubleArray]:
    """Read a window of one record; see ``Source.load``."""
    first = round(start_s * ref.fs_hz)
    stop = min(first + int(np.ceil(seconds * ref.fs_hz)) + 1, round(ref.duration_s * ref.fs_hz))
    with _fetched(store, ref.place, samples=True) as path:
        try:
            record = wfdb.rdrecord(str(path), sampfrom=first, sampto=stop)
        except (OSError, ValueError, IndexError) as error:
            raise ConfigError(f"record {ref.record_id} cannot be read: {error}") from error
    leads: dict[str, DoubleArray] = {}
    for column, (name, unit) in enumerate(zip(record.sig_name, record.units, strict=True)):
        lead = standard_lead(name)
        if lead is not None and lead not in leads:
            signal = record.p_signal[:, column].astype(np.float64)
            leads[lead] = signal * _unit(unit, ref.record_id)
    return leads


def _unit(unit: str, name: str) -> float:
    try:
        return microvolts_per(unit)
    except ConfigError as error:
        raise ConfigError(f"record {name}: {error}") from error


class _fetched:  # noqa: N801  # a context manager that reads as one
    """The files of a record in a folder of their own, because wfdb opens paths only."""

    def __init__(self, store: Store, name: str, *, samples: bool) -> None:
        self._store, self._name, self._samples = store, name, samples
        self._folder = tempfile.TemporaryDirectory(prefix="ecgbatch-wfdb-")

    def __enter__(self) -> Path:
        folder = Path(self._folder.name)
        stem = self._name.rpartition("/")[2]
        header = _read(self._store, join(self._store.root_uri, f"{self._name}.hea"))
        (folder / f"{stem}.hea").write_bytes(header)
        if self._samples:
            parent = self._name.rpartition("/")[0]
            # Names of other folders are no header to wfdb, so this stays inside the source.
            for file in dict.fromkeys(_header(folder / stem, self._name).file_name):
                uri = join(self._store.root_uri, f"{parent}/{file}" if parent else file)
                (folder / file).write_bytes(_read(self._store, uri))
        return folder / stem

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._folder.cleanup()


def _header(path: Path, name: str) -> Any:
    try:
        header = wfdb.rdheader(str(path))
    except (OSError, ValueError, IndexError) as error:
        raise ConfigError(f"record {name}: its header cannot be read: {error}") from error
    if not header.n_sig or not header.sig_name or not header.sig_len:
        raise ConfigError(f"record {name}: its header names no samples in one piece")
    return header


def _read(store: Store, uri: str) -> bytes:
    try:
        return store.read(uri)
    except PageError as error:
        raise ConfigError(f"source: {uri.rpartition('/')[2]} cannot be read: {error}") from error
