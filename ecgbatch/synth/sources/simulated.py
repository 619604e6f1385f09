"""Records of the simulator: as many as wanted, each a function of seed and number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ecgbatch.synth.electrodes import FAULTS
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.patient import find_condition
from ecgbatch.synth.sources.record import RecordRef
from ecgbatch.types import EXTRA_LEADS, LEADS, DoubleArray

_LEADS = (*LEADS, *EXTRA_LEADS)
_FS_HZ = 500.0


@dataclass(frozen=True, slots=True)
class Simulated:
    """Simulated records; every record is a patient of its own.

    Attributes:
        seed: Of the data set.
        count: How many records.
        seconds: Length of each.
        conditions: Weight by condition.
        faults: Share of records with electrodes that were swapped or came off.
    """

    seed: int
    count: int
    seconds: float
    conditions: Mapping[str, float]
    faults: float = 0.0

    def __len__(self) -> int:
        """Return how many records there are."""
        return self.count

    def ref(self, number: int) -> RecordRef:
        """Return one record by its number."""
        rng = np.random.default_rng([self.seed, number, 1])
        weights = np.array(list(self.conditions.values()))
        condition = str(rng.choice(list(self.conditions), p=weights / weights.sum()))
        fault = str(rng.choice(FAULTS)) if rng.random() < self.faults else ""
        name = f"sim-{self.seed}-{number:07d}"
        return RecordRef(
            record_id=name,
            patient_id=name,
            fs_hz=_FS_HZ,
            leads=_LEADS,
            begins_s=(0.0,) * len(_LEADS),
            ends_s=(self.seconds,) * len(_LEADS),
            labels=(*find_condition(condition).labels, *([fault] if fault else [])),
            place=f"{number}/{condition}/{fault}",
        )

    def load(self, ref: RecordRef, *, start_s: float, seconds: float) -> Mapping[str, DoubleArray]:
        """Simulate one record and return the window."""
        number, condition, fault = ref.place.split("/")
        [seed] = np.random.SeedSequence([self.seed, int(number)]).generate_state(1, np.uint64)
        record = simulate(
            int(seed),
            condition=condition,
            seconds=self.seconds,
            fs_hz=_FS_HZ,
            fault=fault or None,
        )
        first = round(start_s * _FS_HZ)
        stop = first + int(np.ceil(seconds * _FS_HZ - 1e-6))
        return {lead: signal[first:stop] for lead, signal in record.by_name().items()}
