"""One NumPy archive per record; loads without pickle."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from ecgbatch.export.records import ExportRecord


def files(record: ExportRecord) -> Mapping[str, bytes]:
    """Return the bytes of ``<name>.npz``.

    It holds ``signal_uv`` (signal, sample) float32 with NaN where missing, ``names``, ``fs_hz``
    and ``t0_ms``.
    """
    sink = io.BytesIO()
    np.savez_compressed(
        sink,
        signal_uv=record.signal_uv,
        names=np.array(record.names),
        fs_hz=np.float64(record.fs_hz),
        t0_ms=np.float64(record.t0_ms),
    )
    return {"npz": sink.getvalue()}
