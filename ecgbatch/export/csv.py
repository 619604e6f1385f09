"""One CSV file per record: time in milliseconds, then one column of microvolts per signal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ecgbatch.export.records import ExportRecord

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def files(record: ExportRecord) -> Mapping[str, bytes]:
    """Return the bytes of ``<name>.csv``; a missing sample is an empty cell."""
    time_ms = record.t0_ms + np.arange(record.signal_uv.shape[1]) * (1000 / record.fs_hz)
    columns = {"time_ms": pa.array(time_ms)}
    for title, row in zip(record.names, record.signal_uv, strict=True):
        missing = np.isnan(row)
        units = np.where(missing, 0, np.rint(row)).astype(np.int32)
        columns[text_cell(f"{title}_uv")] = pa.array(units, mask=missing)
    sink = pa.BufferOutputStream()
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    pyarrow.csv.write_csv(pa.table(columns), sink, write_options=options)
    return {"csv": sink.getvalue().to_pybytes()}


def text_cell(text: str) -> str:
    """Return ``text`` so that no spreadsheet takes it for a formula; numbers never pass here.

    Source: OWASP, "CSV Injection".

    Example:
        >>> text_cell("=1+1"), text_cell("II_uv")
        ("'=1+1", 'II_uv')
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
