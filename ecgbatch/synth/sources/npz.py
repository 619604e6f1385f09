"""NPZ files with ``signal_uv`` (record, 12, sample), ``ecg_id`` (record,) and ``fs_hz``."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ecgbatch.errors import ConfigError, PageError
from ecgbatch.storage import Store
from ecgbatch.synth.sources.labels import Patients
from ecgbatch.synth.sources.listed import table_of
from ecgbatch.synth.sources.record import RecordRef
from ecgbatch.types import LEADS, DoubleArray


class NpzFiles:
    """Reads records of NPZ files; keeps what it has unpacked, because a row costs a whole file.

    Args:
        store: From which they are read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._signals: dict[str, Any] = {}

    def list_records(self, uris: list[str], patients: Patients) -> pa.Table:
        """Return the table of records; samples are not read.

        Raises:
            ConfigError: A file is not of this kind; the message names it.
        """
        return table_of(ref for uri in uris for ref in self._refs(uri, patients))

    def _refs(self, uri: str, patients: Patients) -> Iterator[RecordRef]:
        name = uri.rpartition("/")[2]
        with self._opened(uri) as arrays:
            if not {"signal_uv", "ecg_id", "fs_hz"} <= set(arrays.files):
                raise ConfigError(f"source: {name} needs signal_uv, ecg_id and fs_hz")
            shape, dtype = _described(arrays, "signal_uv")
            ids, fs_hz = arrays["ecg_id"], float(arrays["fs_hz"])
        if len(shape) != 3 or shape[1] != len(LEADS) or shape[2] < 1 or dtype.kind not in "if":
            raise ConfigError(
                f"source: signal_uv of {name} is {dtype} {shape}, not numbers (record, 12, sample)"
            )
        if len(ids) != shape[0] or not fs_hz > 0:
            raise ConfigError(f"source: {name} has {len(ids)} ids for {shape[0]} records")
        for row, number in enumerate(ids.tolist()):
            yield RecordRef(
                record_id=str(number),
                patient_id=patients.of(str(number)),
                fs_hz=fs_hz,
                leads=LEADS,
                begins_s=(0.0,) * len(LEADS),
                ends_s=(shape[2] / fs_hz,) * len(LEADS),
                place=f"{row} {uri}",
            )

    def read_window(
        self, ref: RecordRef, start_s: float, seconds: float
    ) -> Mapping[str, DoubleArray]:
        """Read a window of one record; see ``Source.load``."""
        row, _, uri = ref.place.partition(" ")
        if uri not in self._signals:
            with self._opened(uri) as arrays:
                self._signals[uri] = arrays["signal_uv"]
        first = round(start_s * ref.fs_hz)
        stop = first + int(np.ceil(seconds * ref.fs_hz)) + 1
        window = self._signals[uri][int(row), :, first:stop].astype(np.float64)
        return dict(zip(LEADS, window, strict=True))

    def _opened(self, uri: str) -> Any:
        try:
            return np.load(self._store.open(uri), allow_pickle=False)
        except (PageError, OSError, ValueError, zipfile.BadZipFile) as error:
            name = uri.rpartition("/")[2]
            raise ConfigError(f"source: {name} cannot be read as NPZ: {error}") from error


def _described(arrays: Any, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type of one array from its header alone."""
    with arrays.zip.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    return shape, dtype
