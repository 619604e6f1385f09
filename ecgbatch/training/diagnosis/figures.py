"""What an ensemble is worth on fold 9, for its card."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ecgbatch.evaluation.discrimination import auroc, calibration_error, f1, macro_auroc
from ecgbatch.models.card import Measured
from ecgbatch.models.diagnosis import Diagnosis, cases_of
from ecgbatch.models.members import MEMBERS, PAGE_MEMBERS
from ecgbatch.models.vocabularies import statements
from ecgbatch.training.diagnosis.fit import Asked, ask
from ecgbatch.training.diagnosis.records import REPORTED_FOLD, Labelled
from ecgbatch.training.diagnosis.targets import Targets, targets_of
from ecgbatch.training.diagnosis.views import WHOLE, Views

_PRINTED = "3x4+1R"
_FIBRILLATION = "rhythm:AFIB"


@torch.no_grad()
def figures(network: Diagnosis, labelled: Labelled, views: Views) -> list[Measured]:
    """Measure an ensemble on records that nothing was learnt or chosen from.

    Args:
        network: Fitted.
        labelled: Records.
        views: What their printings measured.
    """
    truth = targets_of(labelled)
    found: list[Measured] = []
    for name in (WHOLE, _PRINTED):
        asked = ask(network, labelled, views, fold=REPORTED_FOLD, layouts=(name,))
        data = f"{len(asked.row)} records of PTB-XL, fold {REPORTED_FOLD}, as {name} shows them"
        found += ensemble_figures(network, asked, truth, data=data)
    return found


@torch.no_grad()
def page_figures(network: Diagnosis, seen: Asked, truth: Targets) -> list[Measured]:
    """Measure the members that see pages, one by one and together.

    Args:
        network: Fitted.
        seen: What they say of pages.
        truth: Of all records.
    """
    data = f"{len(seen.row)} printed pages of fold {REPORTED_FOLD} of PTB-XL, half of them damaged"
    alone = network.ensemble(seen.logits, seen.share)[1].numpy().astype(np.float64)
    holds, known = truth.holds[seen.row], truth.known[seen.row]
    what = _made(network, "ptbxl5", truth.names)
    found = []
    for name, said in zip(MEMBERS, alone, strict=True):
        if name in PAGE_MEMBERS:
            area, count = macro_auroc(said[:, what], holds[:, what], known[:, what])
            figure = f"{name} alone, ptbxl5, macro AUROC of {count}"
            found.append(Measured(figure=figure, value=area, data=data))
    return [*found, *ensemble_figures(network, seen, truth, data=data)]


@torch.no_grad()
def ensemble_figures(
    network: Diagnosis, asked: Asked, truth: Targets, *, data: str
) -> list[Measured]:
    """Measure what an ensemble makes of what its members say.

    Args:
        network: Fitted.
        asked: What they say of views of one case.
        truth: Of all records.
        data: Says which views.
    """
    found: list[Measured] = []
    said = network.ensemble(asked.logits, asked.share)[0].numpy().astype(np.float64)
    holds, known = truth.holds[asked.row], truth.known[asked.row]
    for vocabulary in ("ptbxl5", "ptbxl23", "rhythm"):
        what = _made(network, vocabulary, truth.names)
        area, count = macro_auroc(said[:, what], holds[:, what], known[:, what])
        found.append(
            Measured(figure=f"{vocabulary}, macro AUROC of {count}", value=area, data=data)
        )
    what = _made(network, "ptbxl5", truth.names)
    limits = network.ensemble.threshold[int(cases_of(asked.logits)[0])].numpy()
    pairs = [(said[known[:, t], t], holds[known[:, t], t], limits[t]) for t in what]
    scores = [f1(values >= limit, right) for values, right, limit in pairs]
    errors = [calibration_error(values, right) for values, right, _ in pairs]
    fibrillates = truth.names.index(_FIBRILLATION)
    there = known[:, fibrillates]
    area = auroc(said[there, fibrillates], holds[there, fibrillates])
    found += [
        Measured(figure="ptbxl5, macro F1", value=float(np.mean(scores)), data=data),
        Measured(figure="ptbxl5, calibration error", value=float(np.mean(errors)), data=data),
        Measured(figure="atrial fibrillation, AUROC", value=area, data=data),
    ]
    return found


def _made(network: Diagnosis, vocabulary: str, names: tuple[str, ...]) -> npt.NDArray[np.intp]:
    """Targets of the statements of a vocabulary that are made."""
    chosen = [each.target for each in statements() if each.vocabulary == vocabulary and each.said]
    places = [names.index(name) for name in chosen]
    return np.array([each for each in places if bool(network.ensemble.estimable[each])], np.intp)
