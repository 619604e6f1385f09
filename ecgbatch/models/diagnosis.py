"""The ensemble: what its members say of a page, calibrated, weighed and decided.

All of it is one file of weights: the members, how sharp each is, how much it counts, thresholds,
and which statements could be judged at all. So they cannot be mixed up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ecgbatch.errors import ConfigError
from ecgbatch.models.beats import FactsNet, ShapesNet
from ecgbatch.models.card import ModelCard, load_weights, read_card
from ecgbatch.models.members import CASES, MEMBERS, SIGNAL_MEMBERS
from ecgbatch.models.patches import PatchNet
from ecgbatch.models.vocabularies import target_is_rhythm, targets
from ecgbatch.types import FloatArray

GROUPS = ("form", "rhythm")
"""Statements about the form of waves, and about their order; members are not equally good at both.
"""
FULL_S = 120.0
"""Twelve leads of ten seconds."""
BoolArray: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the members are given of one page.

    Attributes:
        frames_mv: ``(frame, 12, sample)`` from ``signal.frames``.
        facts: ``(fact,)`` in the order of ``signal.facts.FACTS``.
        shapes_uv: ``(12, sample)`` from ``signal.shapes``.
        page_logits: ``(page member, target)`` of ``models.page``, NaN where one saw nothing.
        page_share: How much of twelve leads of ten seconds its pixels show.
    """

    frames_mv: FloatArray
    facts: FloatArray
    shapes_uv: FloatArray
    page_logits: FloatArray
    page_share: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is said of one page, target by target.

    Attributes:
        probability: ``(target,)`` calibrated; NaN where no member could answer.
        spread: ``(target,)`` weighted standard deviation of the members' probabilities.
        members: ``(member, target)`` probability of each, NaN where it saw nothing.
        weights: ``(member, target)`` how much each counts, 0 to 1.
        threshold: ``(target,)`` probability from which a statement is made.
        decided: ``(target,)`` whether the probability reaches it.
        doubtful: ``(target,)`` too near the threshold for how much the members differ.
        simulated: ``(target,)`` what the network says that simulated hearts taught, which no
            record calibrated; NaN where nothing was measured.
    """

    probability: FloatArray
    spread: FloatArray
    members: FloatArray
    weights: FloatArray
    threshold: FloatArray
    decided: BoolArray
    doubtful: BoolArray
    simulated: FloatArray


class Ensemble(nn.Module):
    """Weights and calibration of the members' logits; see ``forward``.

    Attributes:
        sharpness: ``(member, group)`` factor of logits; below 1 where a member is too sure.
        weight: ``(member, group)`` logarithm of how much it counts.
        weight_by_share: ``(member, group)`` the same for each unit of what the page shows of twelve
            leads of ten seconds.
        slope: ``(case, group)`` factor of the logit of the mean.
        shift: ``(case, target)`` added to it.
        threshold: ``(case, target)`` probability from which a statement is made.
        spread_counts: ``(case,)`` how many units of doubt a unit of spread of logits is.
        largest_doubt: ``(case,)`` answers of more doubt are withheld.
        estimable: ``(target,)`` whether there were positives enough to learn and to report it.
    """

    sharpness: Tensor
    weight: Tensor
    weight_by_share: Tensor
    slope: Tensor
    shift: Tensor
    threshold: Tensor
    spread_counts: Tensor
    largest_doubt: Tensor
    estimable: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        many, members, groups, cases = len(names), len(MEMBERS), len(GROUPS), len(CASES)
        self.group = torch.tensor([int(target_is_rhythm(name)) for name in names])
        for name, value in (
            ("sharpness", torch.ones(members, groups)),
            ("weight", torch.zeros(members, groups)),
            ("weight_by_share", torch.zeros(members, groups)),
            ("slope", torch.ones(cases, groups)),
            ("shift", torch.zeros(cases, many)),
            ("threshold", torch.full((cases, many), 0.5)),
            ("spread_counts", torch.zeros(cases)),
            ("largest_doubt", torch.full((cases,), -0.1)),
            ("estimable", torch.ones(many, dtype=torch.bool)),
        ):
            self.register_buffer(name, value)

    def forward(self, logits: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Weigh and calibrate.

        Args:
            logits: ``(member, page, target)``; NaN where a member saw nothing.
            share: ``(page,)`` how much of twelve leads of ten seconds the page shows.

        Returns:
            ``(page, target)`` probabilities, NaN where no member answers; ``(member, page,
            target)`` probabilities of each; and weights of the same shape.
        """
        group = self.group.to(logits.device)
        there = torch.isfinite(logits)
        alone = torch.sigmoid(torch.nan_to_num(logits) * self.sharpness[:, None, group])
        strength = (
            self.weight[:, None, group]
            + self.weight_by_share[:, None, group] * (share[None, :, None])
        )
        # Not minus infinity: its gradient is not a number where nobody saw anything.
        weights = torch.softmax(strength.masked_fill(~there, -1e9), dim=0) * there
        mean = (weights * alone).sum(dim=0).clamp(1e-6, 1 - 1e-6)
        case = cases_of(logits)
        whole = torch.sigmoid(self.slope[case][:, group] * torch.logit(mean) + self.shift[case])
        nobody = ~there.any(dim=0)
        return (
            whole.masked_fill(nobody, float("nan")),
            alone.masked_fill(~there, float("nan")),
            weights,
        )

    def doubt(self, probability: Tensor, alone: Tensor, weights: Tensor, case: Tensor) -> Tensor:
        """Return how doubtful answers are: minus the distance to the threshold, plus the spread.

        Both are counted in logits. Arguments are what ``forward`` and ``cases_of`` return.
        """
        distance = torch.logit(probability, 1e-4) - torch.logit(self.threshold[case])
        differ = spread(torch.logit(alone, 1e-4), weights)
        return self.spread_counts[case][:, None] * differ - distance.abs()


def cases_of(logits: Tensor) -> Tensor:
    """Return ``(page,)`` the case of ``CASES`` that each page is.

    Args:
        logits: ``(member, page, target)``, NaN where a member saw nothing.
    """
    there = torch.isfinite(logits).any(dim=2)
    read, seen = there[: len(SIGNAL_MEMBERS)].any(dim=0), there[len(SIGNAL_MEMBERS) :].any(dim=0)
    return torch.where(read & seen, 2, torch.where(seen, 1, 0))


def spread(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted standard deviation over the first axis; NaN have no weight."""
    known = torch.nan_to_num(values)
    mean = (weights * known).sum(dim=0)
    return (weights * (known - mean).square()).sum(dim=0).clamp(min=0).sqrt()


class Diagnosis(nn.Module):
    """The members that see what was digitized, and how all members are put together.

    Attributes:
        signal: Sees samples.
        facts: Sees measured facts.
        shapes: Sees usual beats.
        ensemble: Weighs what they and the members of ``models.page`` say.
        simulated: Sees measured facts; simulated hearts taught it what records lack. It has no
            part in the ensemble.
        only_simulated: ``(target,)`` of which it alone may say something.
    """

    only_simulated: Tensor

    def __init__(self, fact_names: Sequence[str]) -> None:
        super().__init__()
        names = targets()
        self.signal = PatchNet(len(names))
        self.facts = FactsNet(fact_names, len(names))
        self.shapes = ShapesNet(len(names))
        self.ensemble = Ensemble(names)
        self.simulated = FactsNet(fact_names, len(names))
        self.register_buffer("only_simulated", torch.zeros(len(names), dtype=torch.bool))

    def logits(self, pages: Sequence[Seen]) -> tuple[Tensor, Tensor]:
        """Ask the members about pages, in one batch each.

        Returns:
            ``(member, page, target)`` logits with those of the page members, NaN where a member
            sees nothing of a page, and ``(page,)`` the share of twelve leads of ten seconds that
            is shown.
        """
        device = self.ensemble.slope.device
        found = torch.full((len(MEMBERS), len(pages), len(targets())), float("nan"), device=device)
        facts = torch.from_numpy(np.stack([page.facts for page in pages])).to(device)
        measured = torch.isfinite(facts).any(dim=1)
        found[1, measured] = self.facts(facts)[measured]
        shapes = torch.from_numpy(np.stack([page.shapes_uv for page in pages]) / 1000).to(device)
        drawn = torch.isfinite(shapes).any(dim=2).any(dim=1)
        found[2, drawn] = self.shapes(shapes.float())[drawn]
        glances = torch.from_numpy(np.stack([page.page_logits for page in pages])).to(device)
        found[len(SIGNAL_MEMBERS) :] = glances.transpose(0, 1)
        shares = torch.tensor([page.page_share for page in pages], device=device).clamp(max=1.0)
        counts = [len(page.frames_mv) for page in pages]
        if sum(counts):
            frames = torch.from_numpy(np.concatenate([page.frames_mv for page in pages])).to(device)
            seen_s = torch.isfinite(frames).sum(dim=(1, 2)) / 100.0
            each = self.signal(frames)
            stops = np.cumsum(counts)
            for place, (count, stop) in enumerate(zip(counts, stops, strict=True)):
                if count:
                    here = slice(stop - count, stop)
                    weight = seen_s[here, None] / seen_s[here].sum()
                    mean = (torch.sigmoid(each[here]) * weight).sum(dim=0)
                    found[0, place] = torch.logit(mean, 1e-6)
                    shares[place] = (seen_s[here].mean() / FULL_S).clamp(max=1.0)
        return found, shares

    @torch.inference_mode()
    def answers(self, pages: Sequence[Seen]) -> list[Answer]:
        """Say what pages show.

        Args:
            pages: Any number.

        Returns:
            One answer per page.
        """
        if not pages:
            return []
        logits, share = self.logits(pages)
        probability, alone, weights = self.ensemble(logits, share)
        case = cases_of(logits)
        doubt = self.ensemble.doubt(probability, alone, weights, case)
        threshold = self.ensemble.threshold[case]
        decided = probability >= threshold
        doubtful = ~(doubt <= self.ensemble.largest_doubt[case][:, None])  # True for NaN
        facts = torch.from_numpy(np.stack([page.facts for page in pages])).to(logits.device)
        apart = torch.sigmoid(self.simulated(facts))
        apart[~torch.isfinite(facts).any(dim=1)] = float("nan")
        parts = (
            probability,
            spread(alone, weights),
            alone.transpose(0, 1),
            weights.transpose(0, 1),
            threshold,
            decided,
            doubtful,
            apart,
        )
        rows = [part.cpu().numpy() for part in parts]
        return [Answer(*(row[place] for row in rows)) for place in range(len(pages))]


def open_diagnosis(
    card_path: Path, fact_names: Sequence[str], *, device: torch.device
) -> tuple[Diagnosis, ModelCard]:
    """Load the ensemble with the weights of a card.

    Args:
        card_path: Its weights stand beside it.
        fact_names: Names of the facts, in their order.
        device: That it computes on.

    Raises:
        ConfigError: Card or weights are missing, or belong to another version.
        ChecksumError: The weights are not those that the card was written for.
    """
    card = read_card(card_path)
    for sha256 in card.fitted_with:
        beside = read_card(card_path.with_name("page.json"))
        if beside.sha256 != sha256:
            raise ConfigError(
                f"{card_path}: it was fitted to go with other weights than those of "
                f"{beside.identity}: install ecgbatch again"
            )
    network = Diagnosis(fact_names)
    load_weights(network, card, card_path.with_suffix(".safetensors"))
    return network.eval().to(device), card
