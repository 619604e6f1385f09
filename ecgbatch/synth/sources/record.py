"""A record as pages are printed from it: what is known before it is read, and an excerpt of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.signal.resample import resample
from ecgbatch.types import DoubleArray


@dataclass(frozen=True, slots=True)
class RecordRef:
    """One record of a source, by reference.

    Attributes:
        record_id: Its name, unique within the source.
        patient_id: Whose it is; splits keep patients together.
        fs_hz: Samples per second.
        leads: Names of its leads in our words.
        begins_s: Where each lead begins, on the record's time axis.
        ends_s: Where each lead ends.
        labels: Statements that hold for it, as far as the source tells.
        place: Where the source finds it; its own business.
    """

    record_id: str
    patient_id: str
    fs_hz: float
    leads: tuple[str, ...]
    begins_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    labels: tuple[str, ...] = ()
    place: str = ""

    @property
    def duration_s(self) -> float:
        """Seconds from its start to the end of its last lead."""
        return max(self.ends_s)

    def span_s(self, lead: str) -> tuple[float, float] | None:
        """Return where a lead begins and ends, or None where there is no such lead."""
        if lead not in self.leads:
            return None
        place = self.leads.index(lead)
        return self.begins_s[place], self.ends_s[place]


class Source(Protocol):
    """Records that pages can be printed from. Opened once per process."""

    def __len__(self) -> int:
        """Return how many records there are."""
        ...

    def ref(self, number: int) -> RecordRef:
        """Return one record by its number, from 0."""
        ...

    def load(self, ref: RecordRef, *, start_s: float, seconds: float) -> Mapping[str, DoubleArray]:
        """Read a window of one record.

        Args:
            ref: Which record.
            start_s: Begin of the window; a whole number of samples from the record's start.
            seconds: Its length.

        Returns:
            ``(sample,)`` microvolts at the record's own rate by lead; NaN where nothing is known.
            Shorter where the record ends before the window.

        Raises:
            ConfigError: The record is not what it was; the message names it.
        """
        ...


def excerpt(
    source: Source, ref: RecordRef, *, start_s: float, seconds: float, fs_hz: float
) -> dict[str, DoubleArray]:
    """Read a window of one record at the rate of the page.

    Nothing is repeated and nothing made up: where the record ends before the window, NaN follows.

    Args:
        source: Of the record.
        ref: Which record.
        start_s: Begin of the window.
        seconds: Its length.
        fs_hz: Rate of the result; a record of another rate is resampled, band-limited.

    Returns:
        ``(sample,)`` microvolts by lead, all ``ceil(seconds * fs_hz)`` long.

    Raises:
        ConfigError: The record holds infinite values, or is not what it was.
    """
    count = int(np.ceil(seconds * fs_hz - 1e-6))
    leads = {}
    for lead, values in source.load(ref, start_s=start_s, seconds=seconds).items():
        if np.isinf(values).any():
            raise ConfigError(f"record {ref.record_id}: {lead} has an infinite sample")
        if ref.fs_hz == fs_hz:
            known = values[:count]
        else:
            known = resample(
                values.astype(np.float32), from_hz=ref.fs_hz, to_hz=fs_hz, first_s=0.0, count=count
            ).astype(np.float64)
        leads[lead] = np.full(count, np.nan)
        leads[lead][: len(known)] = known
    return leads
