"""WFDB records: a header and one signal file in format 16, as ``wfdb.rdrecord`` reads them.

One unit is one microvolt (gain 1000 per mV, baseline 0), which is bit for bit what the tables
hold; -32768 is the format's own value for a missing sample and reads back as NaN.

Source: header(5) and signal(5) of the WFDB Applications Guide, https://physionet.org/physiotools/wag/
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ecgbatch.export.records import ExportRecord

_MISSING = -32768
_GAIN_PER_MV = 1000


def files(record: ExportRecord) -> Mapping[str, bytes]:
    """Return the bytes of ``<name>.hea`` and ``<name>.dat``, by ending."""
    units = np.clip(np.rint(record.signal_uv), _MISSING + 1, -(_MISSING + 1))
    units = np.where(np.isnan(units), _MISSING, units).astype("<i2")
    lines = [f"{record.name} {len(units)} {record.fs_hz:.10g} {units.shape[1]}"]
    for title, row in zip(record.names, units, strict=True):
        # gain(baseline)/units, resolution, zero, first value, checksum, block size, description
        checksum = int(row.sum(dtype=np.int64).astype(np.int16))
        lines.append(
            f"{record.name}.dat 16 {_GAIN_PER_MV}(0)/mV 16 0 {row[0]} {checksum} 0 {title}"
        )
    lines += [f"# {line}" for line in _remarks(record)]
    return {"hea": ("\n".join(lines) + "\n").encode(), "dat": units.T.tobytes()}


def _remarks(record: ExportRecord) -> list[str]:
    page = record.page
    remarks = [f"layout: {page['layout']}"]
    for name, unit in (("speed_mm_per_s", "mm/s"), ("gain_mm_per_mv", "mm/mV")):
        if page[name] is not None:
            title = name.partition("_")[0]
            remarks.append(f"{title}: {page[name]:g} {unit} ({page[f'{title}_source']})")
    return [
        *remarks,
        f"quality: {page['quality_class']} {page['quality_score']:.2f}",
        f"flags: {' '.join(page['flags']) or 'none'}",
        f"t0_ms: {record.t0_ms:g}",
        f"made by: ecgbatch {page['software_version']} {page['fingerprint']}",
    ]
