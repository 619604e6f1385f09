"""What is said of views of records, held against what is true of them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from ecgbatch.evaluation.discrimination import (
    auroc,
    calibration_error,
    f1,
    macro_auroc,
    selective_risk,
)
from ecgbatch.models.diagnosis import Diagnosis, cases_of
from ecgbatch.models.members import MEMBERS
from ecgbatch.models.vocabularies import statements
from ecgbatch.stages.triage import VOCABULARY, is_referred
from ecgbatch.training.diagnosis.fit import Asked
from ecgbatch.training.diagnosis.targets import Targets
from ecgbatch.types import DoubleArray


class Report:
    """What is said of views of fold 9."""

    def __init__(self, network: Diagnosis, asked: Asked, truth: Targets) -> None:
        self.network, self.asked = network, asked
        self.holds, self.known = truth.holds[asked.row], truth.known[asked.row]
        self.names = truth.names
        with torch.no_grad():
            found = network.ensemble(asked.logits, asked.share)
            doubt = network.ensemble.doubt(*found, cases_of(asked.logits))
        self.said: DoubleArray = found[0].numpy().astype(np.float64)
        self.alone: DoubleArray = found[1].numpy().astype(np.float64)
        self.doubt: DoubleArray = doubt.numpy().astype(np.float64)
        self.case = int(cases_of(asked.logits)[0])
        self.threshold = network.ensemble.threshold[self.case].numpy()
        self.largest_doubt = float(network.ensemble.largest_doubt[self.case])

    def columns(self, vocabulary: str) -> npt.NDArray[np.intp]:
        """Targets of the statements of a vocabulary that are made."""
        names = [each.target for each in statements() if each.vocabulary == vocabulary]
        places = [self.names.index(name) for name in names if name]
        made = self.network.ensemble.estimable
        return np.array([place for place in places if bool(made[place])])

    def macro(
        self, scores: DoubleArray, vocabulary: str = "ptbxl5", views: object = slice(None)
    ) -> float:
        """Macro AUROC of some views."""
        what = self.columns(vocabulary)
        holds, known = self.holds[views][:, what], self.known[views][:, what]  # type: ignore[index]
        return macro_auroc(scores[views][:, what], holds, known, fewest=5)[0]  # type: ignore[index]

    def lines(self, title: str) -> Iterator[str]:
        """Yield AUROCs, decisions and risks."""
        areas = [self.macro(self.said, name) for name in ("ptbxl5", "ptbxl23", "rhythm")]
        af = self.names.index("rhythm:AFIB")
        there = self.known[:, af]
        areas.append(auroc(self.said[there, af], self.holds[there, af]))
        what = self.columns("ptbxl5")
        kept = [(self.said[self.known[:, t], t], self.holds[self.known[:, t], t], t) for t in what]
        score = np.mean([f1(said >= self.threshold[t], right) for said, right, t in kept])
        error = np.mean([calibration_error(said, right) for said, right, _ in kept])
        cells = [*areas, score, error]
        yield f"| {title} | {len(self.said)} | {' | '.join(f'{each:.3f}' for each in cells)} |"

    def risks(self, title: str) -> Iterator[str]:
        """Yield wrong answers by coverage, with the members' spread and without it."""
        what = self.columns("ptbxl5")
        known = self.known[:, what]
        wrong = ((self.said >= self.threshold) != self.holds)[:, what][known]
        spread = np.nanstd(logit(self.alone), axis=0)[:, what][known]
        near = -np.abs(logit(self.said) - logit(self.threshold))[:, what][known]
        for label, doubt in (
            ("as shipped", self.doubt[:, what][known]),
            ("by distance alone", near),
            ("by spread alone", spread),
        ):
            found = selective_risk(wrong, doubt)
            cells = " | ".join(f"{100 * each.error:.1f} %" for each in found)
            yield f"| {title}, {label} | {cells} |"

    def gain(self, title: str) -> Iterator[str]:
        """Yield how far all members together are ahead of the best one alone."""
        cells = []
        for vocabulary in ("ptbxl5", "ptbxl23", "rhythm"):
            alone = {
                name: self.macro(scores, vocabulary)
                for name, scores in zip(MEMBERS, self.alone, strict=True)
                if np.isfinite(scores).any()
            }
            best = max(alone, key=lambda name: alone[name])
            gain = self.macro(self.said, vocabulary) - alone[best]
            cells.append(f"{gain:+.3f} beside `{best}`")
        yield f"| {title} | {' | '.join(cells)} |"

    def triage(self, title: str) -> Iterator[str]:
        """Yield how many pages are referred, and how often piles are wrong with and without."""
        made = self.network.ensemble.estimable
        piles = [each for each in statements() if each.vocabulary == VOCABULARY and each.said]
        places = {each.code: self.names.index(each.target) for each in piles}
        places = {code: place for code, place in places.items() if bool(made[place])}
        what = [*places.values()]
        held = (self.said >= self.threshold)[:, what]
        doubtful = ~(self.doubt <= self.largest_doubt)[:, what]
        wrong = ((held != self.holds[:, what]) & self.known[:, what]).any(axis=1)
        words = np.where(doubtful, "abstain", np.where(held, "yes", "no"))
        referred = np.array([is_referred(dict(zip(places, row, strict=True))) for row in words])
        cells = [
            f"{100 * share:.1f} %"
            for share in (
                referred.mean(),
                wrong.mean(),
                wrong[~referred].mean(),
                wrong[referred].mean(),
                wrong[referred].sum() / max(wrong.sum(), 1),
            )
        ]
        yield f"| {title} | {len(wrong)} | {' | '.join(cells)} |"


def logit(probability: DoubleArray) -> DoubleArray:
    """Return logits of probabilities, none of them beyond what four digits tell."""
    inside = np.clip(probability, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)))
