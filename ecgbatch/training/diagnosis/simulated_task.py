"""What a network learns that is taught by simulated hearts, and where it may be listened to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ecgbatch.evaluation.discrimination import auroc, macro_auroc
from ecgbatch.models.beats import FactsNet
from ecgbatch.models.card import Measured
from ecgbatch.models.vocabularies import targets
from ecgbatch.training.diagnosis.beat_tasks import FactsTask
from ecgbatch.training.diagnosis.fit import estimable
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, LEARNT_FOLDS, REPORTED_FOLD, Labelled
from ecgbatch.training.diagnosis.simulated import SimulatedViews, read_simulated
from ecgbatch.training.diagnosis.targets import Targets
from ecgbatch.training.diagnosis.views import WHOLE, Views
from ecgbatch.training.loop import Batch

FEWEST_SIMULATED, FEWEST_REAL = 20, 10
"""Simulated hearts that teach a statement, and real records of folds 1 to 8 that it is tried on."""
LEAST_AUROC = 0.9
"""On these real records, from which a statement that only simulated hearts teach is shown."""
_SIDES = ("folds 1 to 8, which decided that it is shown", "fold 9")
_RECORDS = 0.33  # of a batch
_HELD_BACK = 10  # every tenth heart


class SimulatedTask(FactsTask):
    """Trains ``FactsNet`` on simulated hearts, with records among them.

    Records teach how real hearts measure, and only statements that records teach anyway: whether
    one of the others holds is never taken from a record, so that all records test it.
    """

    @cached_property
    def hearts(self) -> SimulatedViews:
        """All simulated hearts."""
        return read_simulated(self.kept / "simulated-hearts")

    @cached_property
    def by_records(self) -> npt.NDArray[np.bool_]:
        """``(target,)`` which of them records teach."""
        return estimable(self.labelled, self.truth)

    @cached_property
    def by_hearts(self) -> npt.NDArray[np.bool_]:
        """``(target,)`` which of them simulated hearts show often enough."""
        return np.asarray(self.hearts.holds.sum(axis=0) >= FEWEST_SIMULATED)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw records and hearts, and leave some facts out."""
        count = round(_RECORDS * self.size)
        views = rng.choice(self.chosen, count)
        rows = self.of_view[views]
        learnt = np.flatnonzero(np.arange(len(self.hearts.facts)) % _HELD_BACK)
        hearts = rng.choice(learnt, self.size - count)
        facts = np.concatenate([self.views.facts[views], self.hearts.facts[hearts]])
        # The simulator's heights are too much alike; see docs/realism.md.
        facts *= np.exp(rng.normal(0, 0.05, facts.shape)).astype(np.float32)
        known = [
            self.truth.known[rows] & self.by_records,
            np.tile(self.by_hearts, (len(hearts), 1)),
        ]
        holds = [self.truth.holds[rows], self.hearts.holds[hearts]]
        return {
            "seen": self.hidden(facts, rng),
            "holds": np.concatenate(holds).astype(np.float32),
            "known": np.concatenate(known).astype(np.float32),
        }

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return the macro AUROC of hearts that are held back: no record is chosen by."""
        network.eval()
        held = np.flatnonzero(np.arange(len(self.hearts.facts)) % _HELD_BACK == 0)
        with torch.inference_mode():
            facts = torch.from_numpy(self.hearts.facts[held]).to(device)
            logits = network(facts).cpu().numpy().astype(np.float64)
        holds = self.hearts.holds[held][:, self.by_hearts]
        area, count = macro_auroc(logits[:, self.by_hearts], holds, np.ones_like(holds), fewest=5)
        return {"statements": count, "score": area if count else 0.0}


@dataclass(frozen=True, slots=True)
class Tried:
    """How a statement that simulated hearts teach fares on real records, whole ones.

    Attributes:
        target: Its name.
        positives: Real records that have it: in folds 1 to 8, and in fold 9.
        areas: AUROC in these; NaN without positives.
    """

    target: str
    positives: tuple[int, int]
    areas: tuple[float, float]

    @property
    def shown(self) -> bool:
        """Whether it is shown at all: folds 1 to 8 decide."""
        return self.positives[0] >= FEWEST_REAL and self.areas[0] >= LEAST_AUROC


@torch.inference_mode()
def tried(
    network: FactsNet, labelled: Labelled, truth: Targets, views: Views, hearts: SimulatedViews
) -> list[Tried]:
    """Try on real records what only simulated hearts taught.

    Args:
        network: That they taught.
        labelled: Records.
        truth: Of all of them.
        views: What their printings measured.
        hearts: That taught.
    """
    place = {int(number): row for row, number in enumerate(labelled.record_id)}
    whole = np.flatnonzero(views.layout == WHOLE)
    rows = np.array([place[int(number)] for number in views.record_id[whole]])
    said = network(torch.from_numpy(views.facts[whole])).numpy().astype(np.float64)
    before = np.isin(labelled.fold[rows], [*LEARNT_FOLDS, CHOSEN_FOLD])
    after = labelled.fold[rows] == REPORTED_FOLD
    taught = hearts.holds.sum(axis=0) >= FEWEST_SIMULATED
    found = []
    for target in np.flatnonzero(taught & ~estimable(labelled, truth)):
        known = truth.known[rows, target] & labelled.has_amplitude[rows]
        holds = truth.holds[rows, target]
        sides = [known & side for side in (before, after)]
        found.append(
            Tried(
                targets()[target],
                (int(holds[sides[0]].sum()), int(holds[sides[1]].sum())),
                (
                    auroc(said[sides[0], target], holds[sides[0]]),
                    auroc(said[sides[1], target], holds[sides[1]]),
                ),
            )
        )
    return found


def shown_alone(found: Sequence[Tried]) -> npt.NDArray[np.bool_]:
    """Return ``(target,)`` which of what was tried is shown."""
    names = {each.target for each in found if each.shown}
    return np.array([name in names for name in targets()])


def measured(found: Sequence[Tried]) -> list[Measured]:
    """Return the figures of what is shown, for a card; they stand apart from those of records."""
    return [
        Measured(
            figure=f"{each.target}, taught by simulated hearts alone, AUROC",
            value=area,
            data=f"whole records of {folds}, {count} of them positive; none taught it",
        )
        for each in found
        if each.shown
        for folds, count, area in zip(_SIDES, each.positives, each.areas, strict=True)
        if count
    ]
