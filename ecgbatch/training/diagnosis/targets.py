"""What is true of each record for each target, and for which targets a record is labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgbatch.models.vocabularies import targets
from ecgbatch.training.diagnosis.records import Labelled

BoolArray = npt.NDArray[np.bool_]

_LABELLED_BY = {"super": "has_super", "sub": "has_sub", "rhythm": "has_rhythm", "age": "has_age"}
"""Column that tells whether a group was looked at; forms are named wherever they are seen."""
_WITHOUT_HEIGHTS = ("rhythm", "form")
"""Groups that leads of lost amplitude still tell."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Truth, record by record.

    Attributes:
        names: As in ``vocabularies.targets``.
        holds: ``(record, target)``.
        known: ``(record, target)``; where it is False nothing is known of it.
    """

    names: tuple[str, ...]
    holds: BoolArray
    known: BoolArray


def targets_of(labelled: Labelled) -> Targets:
    """Return the targets of labelled records."""
    holds, known = [], []
    for name in targets():
        labels = name.split("|")
        groups = {label.partition(":")[0] for label in labels}
        holds.append(np.any([labelled.said[label] for label in labels], axis=0))
        there = np.ones(len(labelled), np.bool_)
        for group in groups & _LABELLED_BY.keys():
            there &= labelled.said[_LABELLED_BY[group]]
        if not groups <= set(_WITHOUT_HEIGHTS):
            there &= labelled.has_amplitude
        known.append(there)
    return Targets(targets(), np.stack(holds, axis=1), np.stack(known, axis=1))
