"""What is said of records as layouts show them, held against what is true of them."""

import numpy as np
import numpy.typing as npt
import torch

from ecgbatch.evaluation.discrimination import macro_auroc
from ecgbatch.models.diagnosis import Diagnosis, cases_of
from ecgbatch.models.members import CASES
from ecgbatch.models.vocabularies import statements
from ecgbatch.training.diagnosis.fit import Asked, ask
from ecgbatch.training.diagnosis.printings import REPORTED_LAYOUTS
from ecgbatch.training.diagnosis.records import REPORTED_FOLD, Labelled
from ecgbatch.training.diagnosis.targets import Targets, targets_of
from ecgbatch.training.diagnosis.views import Views

FloatArray = npt.NDArray[np.float64]
CASE = CASES.index("signals")  # no page is looked at here


class Report:
    """Truth of fold 9 and what is said of it, printing by printing."""

    def __init__(self, network: Diagnosis, labelled: Labelled, views: Views) -> None:
        self.network, self.labelled, self.views = network, labelled, views
        self.truth: Targets = targets_of(labelled)
        self.asked: Asked = ask(
            network, labelled, views, fold=REPORTED_FOLD, layouts=REPORTED_LAYOUTS
        )
        with torch.inference_mode():
            found = network.ensemble(self.asked.logits, self.asked.share)
            doubt = network.ensemble.doubt(*found, cases_of(self.asked.logits))
        self.probability, self.alone, _ = (part.numpy().astype(np.float64) for part in found)
        self.doubt: FloatArray = doubt.numpy().astype(np.float64)
        self.threshold = network.ensemble.threshold[CASE].numpy()
        self.estimable = network.ensemble.estimable.numpy()

    def columns(self, vocabulary: str) -> npt.NDArray[np.intp]:
        """Targets of the statements of a vocabulary that are made."""
        names = [each.target for each in statements() if each.vocabulary == vocabulary]
        places = [self.truth.names.index(name) for name in names if name]
        return np.array([place for place in places if self.estimable[place]])

    def of_layout(self, name: str) -> npt.NDArray[np.bool_]:
        """Views in a layout."""
        return np.asarray(self.asked.layout == name)

    def macro(self, scores: FloatArray, layout_name: str, vocabulary: str) -> tuple[float, int]:
        """Macro AUROC of scores ``(view, target)``."""
        here, what = self.of_layout(layout_name), self.columns(vocabulary)
        rows = self.asked.row[here]
        return macro_auroc(
            scores[here][:, what], self.truth.holds[rows][:, what], self.truth.known[rows][:, what]
        )

    def pairs(
        self, scores: FloatArray, layout_name: str, target: int
    ) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Scores and truth of labelled records for one target."""
        here = self.of_layout(layout_name)
        rows = self.asked.row[here]
        there = self.truth.known[rows, target]
        return scores[here, target][there], self.truth.holds[rows, target][there]
