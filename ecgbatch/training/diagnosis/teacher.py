"""What the trained members that see signals say of the records that others learn from.

Few records are labelled, and a label is one bit. How likely the first members think each statement
tells more of a record than that bit does (Hinton et al. 2015), so that members which see pages
learn from both. Records of folds 8 and 9 have no teacher: nothing is learnt from them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ecgbatch.models.diagnosis import Diagnosis
from ecgbatch.training.diagnosis.fit import ask
from ecgbatch.training.diagnosis.records import LEARNT_FOLDS, Labelled
from ecgbatch.training.diagnosis.views import WHOLE, Views
from ecgbatch.types import FloatArray


@torch.no_grad()
def teach(network: Diagnosis, labelled: Labelled, views: Views, *, kept: Path) -> FloatArray:
    """Return ``(record, target)`` probabilities; NaN for records without a teacher.

    Args:
        network: Fitted.
        labelled: Records.
        views: What their printings measured.
        kept: File in which the answer is kept.
    """
    if kept.exists():
        with np.load(kept) as file:
            return np.asarray(file["probability"], np.float32)
    said = np.full((len(labelled), len(network.ensemble.threshold)), np.nan, np.float32)
    for fold in sorted(LEARNT_FOLDS):
        asked = ask(network, labelled, views, fold=fold, layouts=(WHOLE,))
        said[asked.row] = network.ensemble(asked.logits, asked.share)[0].numpy()
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez(kept, probability=said)
    return said
