"""From trained members to an ensemble: calibrated and decided on fold 8, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ecgbatch.evaluation.discrimination import f1, selective_risk
from ecgbatch.models.diagnosis import Diagnosis, Ensemble, Seen, cases_of
from ecgbatch.models.members import CASES, PAGE_MEMBERS, SIGNAL_MEMBERS, SIMULATED
from ecgbatch.signal.facts import FACTS
from ecgbatch.signal.frames import FRAME_HZ, centred
from ecgbatch.synth.layouts import layout
from ecgbatch.training.diagnosis.printings import shown
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, LEARNT_FOLDS, REPORTED_FOLD, Labelled
from ecgbatch.training.diagnosis.targets import Targets
from ecgbatch.training.diagnosis.views import Views
from ecgbatch.training.loop import BEST
from ecgbatch.types import FloatArray

FEWEST_LEARNT, FEWEST_REPORTED = 20, 10
"""Positives from which a statement can be judged: in folds 1 to 7, and in fold 9."""
_SHIFT_PENALTY, _WEIGHT_PENALTY = 0.003, 0.003
_THRESHOLDS = np.concatenate([np.linspace(0.04, 0.2, 17), np.linspace(0.22, 0.7, 25)])
_WITHHELD = 0.05  # of all answers of fold 8
_COUNTS = (0.0, 0.25, 0.5, 1.0)
_PAGES_AT_ONCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What members say of printings of labelled records.

    Attributes:
        logits: ``(member, view, target)``; NaN where a member saw nothing.
        share: ``(view,)`` see ``Diagnosis.logits``.
        row: ``(view,)`` place of each view's record.
        layout: ``(view,)`` how it was printed.
    """

    logits: Tensor
    share: Tensor
    row: npt.NDArray[np.intp]
    layout: npt.NDArray[np.str_]


def assembled(folder: Path) -> Diagnosis:
    """Put the best weights of every trained member together, not yet fitted.

    Args:
        folder: With a folder for each member.
    """
    network = Diagnosis(FACTS)
    for name in SIGNAL_MEMBERS:
        tensors = load_file(folder / name / BEST)
        if name == "signal":
            tensors = {
                key.removeprefix("net."): value
                for key, value in tensors.items()
                if key.startswith("net.")
            }
        member: nn.Module = getattr(network, name)
        member.load_state_dict(tensors)
    network.simulated.load_state_dict(load_file(folder / SIMULATED / BEST))
    return network.eval()


@torch.no_grad()
def ask(
    network: Diagnosis, labelled: Labelled, views: Views, *, fold: int, layouts: Sequence[str]
) -> Asked:
    """Ask all members about the measured views of a fold.

    Args:
        network: The members.
        labelled: Records.
        views: What their printings measured.
        fold: Of the records.
        layouts: How they were printed.
    """
    place = {int(number): row for row, number in enumerate(labelled.record_id)}
    rows = np.array([place[int(number)] for number in views.record_id])
    chosen = np.flatnonzero((labelled.fold[rows] == fold) & np.isin(views.layout, layouts))
    samples = labelled.signal_mv.shape[2]
    masks = {name: shown(layout(name), fs_hz=FRAME_HZ, samples=samples) for name in layouts}
    unseen = np.full((len(PAGE_MEMBERS), network.ensemble.threshold.shape[1]), np.nan, np.float32)
    logits, shares = [], []
    for first in range(0, len(chosen), _PAGES_AT_ONCE):
        pages = []
        for view in chosen[first : first + _PAGES_AT_ONCE]:
            signal = labelled.signal_mv[rows[view]].astype(np.float32)
            frame = centred(np.where(masks[str(views.layout[view])], signal, np.float32(np.nan)))
            shapes_uv = 1000 * views.shapes[view].astype(np.float32)
            pages.append(Seen(frame[None], views.facts[view], shapes_uv, unseen))
        found, share = network.logits(pages)
        logits.append(found)
        shares.append(share)
    return Asked(torch.cat(logits, dim=1), torch.cat(shares), rows[chosen], views.layout[chosen])


def in_every_case(read: Asked, seen: Asked) -> Asked:
    """Put together what members say of what they may have: samples, pixels, or both of a record.

    Args:
        read: What members that see signals say of printings.
        seen: What members that see pages say of pages of the same records.

    Returns:
        The printings, the pages, and each printing with a page of its record.
    """
    page_of = {int(row): place for place, row in enumerate(seen.row)}
    both = [place for place, row in enumerate(read.row) if int(row) in page_of]
    pages = [page_of[int(read.row[place])] for place in both]
    first = len(SIGNAL_MEMBERS)
    joined = torch.cat([read.logits[:first, both], seen.logits[first:, pages]])
    return Asked(
        torch.cat([read.logits, seen.logits, joined], dim=1),
        torch.cat([read.share, seen.share, read.share[both]]),
        np.concatenate([read.row, seen.row, read.row[both]]),
        np.concatenate([read.layout, seen.layout, read.layout[both]]),
    )


def fit(ensemble: Ensemble, asked: Asked, truth: Targets) -> None:
    """Fit weights and calibration, then thresholds and what is withheld.

    Args:
        ensemble: Whose numbers are set.
        asked: Printings of records that no member was trained on. Of a case that is not among
            them nothing is set.
        truth: Of all records.
    """
    holds = torch.from_numpy(truth.holds[asked.row].astype(np.float32))
    known = torch.from_numpy(truth.known[asked.row].astype(np.float32))

    def off(probability: Tensor, there: Tensor) -> Tensor:
        said = torch.nan_to_num(probability, nan=0.5).clamp(1e-6, 1 - 1e-6)
        each = functional.binary_cross_entropy(said, holds.expand_as(said), reduction="none")
        return (each * there).sum() / there.sum()

    def alone() -> Tensor:
        _, members, _ = ensemble(asked.logits, asked.share)
        return off(members, known * torch.isfinite(asked.logits))

    def together() -> Tensor:
        whole, _, _ = ensemble(asked.logits, asked.share)
        ties = (ensemble.weight, ensemble.weight_by_share)
        return (
            off(whole, known)
            + _SHIFT_PENALTY * ensemble.shift.square().mean()
            + _WEIGHT_PENALTY * sum(each.square().mean() for each in ties)
        )

    # First by itself, so that what a member is said to have said is a probability, too.
    _minimize(ensemble, ("sharpness",), alone)
    _minimize(ensemble, ("weight", "weight_by_share", "slope", "shift"), together)
    _decide(ensemble, asked, truth)


def _minimize(ensemble: Ensemble, names: Sequence[str], loss: Callable[[], Tensor]) -> None:
    """Change some of the ensemble's numbers until a loss is least."""
    leaves = [getattr(ensemble, name).detach().clone().requires_grad_() for name in names]
    for name, leaf in zip(names, leaves, strict=True):
        setattr(ensemble, name, leaf)
    optimizer = torch.optim.LBFGS(leaves, max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    for name, leaf in zip(names, leaves, strict=True):
        setattr(ensemble, name, leaf.detach())


@torch.no_grad()
def _decide(ensemble: Ensemble, asked: Asked, truth: Targets) -> None:
    """Choose thresholds by F1, how much the members' spread counts, and whom to withhold."""
    found = cases_of(asked.logits)
    for case in range(len(CASES)):
        views = np.flatnonzero((found == case).numpy())
        if not len(views):
            continue
        logits, share, row = asked.logits[:, views], asked.share[views], asked.row[views]
        probability, alone, weights = ensemble(logits, share)
        said, limits = probability.numpy(), ensemble.threshold[case]
        known, holds = truth.known[row], truth.holds[row]
        for target in range(len(truth.names)):
            there = known[:, target]
            if holds[there, target].any():
                limits[target] = _threshold(said[there, target], holds[there, target])
        kept = known & ensemble.estimable.numpy()
        wrong = ((said >= limits.numpy()) != holds)[kept]
        risks = {}
        for counts in _COUNTS:
            ensemble.spread_counts[case] = counts
            doubt = ensemble.doubt(probability, alone, weights, found[views]).numpy()[kept]
            risks[counts] = selective_risk(wrong, doubt.astype(np.float64), coverages=(0.9,))[0]
        ensemble.spread_counts[case] = min(risks, key=lambda counts: risks[counts].error)
        doubt = ensemble.doubt(probability, alone, weights, found[views]).numpy()[kept]
        ensemble.largest_doubt[case] = float(np.quantile(doubt, 1 - _WITHHELD))


def _threshold(said: FloatArray, holds: npt.NDArray[np.bool_]) -> float:
    """Return the middle of what is nearly best by F1: few positives make a jagged curve."""
    found = np.array([f1(said >= limit, holds) for limit in _THRESHOLDS])
    return float(np.median(_THRESHOLDS[found >= found.max() - 0.01]))


def estimable(labelled: Labelled, truth: Targets) -> npt.NDArray[np.bool_]:
    """Return ``(target,)`` for which there are positives enough to learn and to report it.

    Records of lost amplitude do not count: most members do not see them, and no figure does.
    """
    positive = truth.holds & truth.known & labelled.has_amplitude[:, None]
    learnt = positive[labelled.of_folds(LEARNT_FOLDS)].sum(axis=0)
    chosen = positive[labelled.of_folds({CHOSEN_FOLD})].any(axis=0)
    reported = positive[labelled.of_folds({REPORTED_FOLD})].sum(axis=0)
    return np.asarray((learnt >= FEWEST_LEARNT) & chosen & (reported >= FEWEST_REPORTED))
