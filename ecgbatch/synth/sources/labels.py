"""Whose a record is, from a table beside the records: PTB-XL's, or any with the same columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ecgbatch.errors import ConfigError, PageError
from ecgbatch.storage import open_store, to_uri

_IDS = ("record_id", "ecg_id", "record", "filename_hr", "filename_lr")


@dataclass(frozen=True, slots=True)
class Patients:
    """Patients by record.

    Attributes:
        by_record: Patient by the plain form of a record's id; empty where no table was given.
    """

    by_record: Mapping[str, str] = field(default_factory=dict)

    def of(self, record_id: str) -> str:
        """Return whose a record is; without a table every record is a patient of its own.

        Raises:
            ConfigError: The table does not say.
        """
        if not self.by_record:
            return record_id
        patient = self.by_record.get(plain(record_id))
        if patient is None:
            raise ConfigError(f"labels: there is no row for record {record_id}")
        return patient


def read_patients(address: str | None) -> Patients:
    """Read a CSV table with ``patient_id`` and a column that names the record.

    Args:
        address: Path or address; None for no table.

    Raises:
        ConfigError: It cannot be read, or has no such columns.
    """
    if address is None:
        return Patients()
    uri = to_uri(address)
    try:
        text = open_store(uri).read(uri).decode("utf-8-sig")
    except (PageError, UnicodeDecodeError) as error:
        raise ConfigError(f"labels: {address} cannot be read as text") from error
    rows = csv.DictReader(io.StringIO(text))
    names = [name for name in _IDS if name in (rows.fieldnames or ())]
    if not names or "patient_id" not in (rows.fieldnames or ()):
        raise ConfigError(f"labels: {address} needs patient_id and one of {', '.join(_IDS)}")
    return Patients({plain(row[name]): plain(row["patient_id"]) for row in rows for name in names})


def plain(name: str) -> str:
    """Return an id without folders, leading zeros, PTB-XL's rate suffix and the ``.0`` of a float.

    Example:
        >>> plain("records500/00000/00841_hr"), plain("841"), plain("15709.0")
        ('841', '841', '15709')
    """
    stem = name.strip().rpartition("/")[2]
    return re.sub(r"(_[hl]r|\.0)$", "", stem).lstrip("0") or "0"
