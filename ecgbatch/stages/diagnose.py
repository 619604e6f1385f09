"""Stage ``diagnose``: what each page shows, in the words of five vocabularies.

It sees leads, facts and usual beats, and what members said that saw the pixels (``glance``). A
page of which nothing can be said gets rows that abstain and say why; that is no fault of the page.
Switched off, it says nothing of any page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.config import DiagnoseSettings, PoolSettings
from ecgbatch.models.members import MEMBERS, PAGE_MEMBERS, SIMULATED
from ecgbatch.models.vocabularies import Statement, is_rhythm, statements, targets
from ecgbatch.signal.facts import FACTS
from ecgbatch.signal.frames import frames_of
from ecgbatch.signal.plausible import Shown, look_at, look_at_page
from ecgbatch.signal.rules import Finding, judge
from ecgbatch.signal.shapes import SHAPE_SAMPLES
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.measure import as_lead
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.stages.triage import REFER, VOCABULARY, is_referred
from ecgbatch.types import LEADS, FloatArray

if TYPE_CHECKING:
    from ecgbatch.models.diagnosis import Answer, Diagnosis, Seen

_Key: TypeAlias = tuple[str, int]
_ON_CPU = Needs(cpus=1.0, rows_per_batch=8)
_UNSEEN = np.full((len(PAGE_MEMBERS), len(targets())), np.nan, np.float32)
_TARGET = {name: place for place, name in enumerate(targets())}


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """The ensemble with what does not change from page to page.

    Attributes:
        network: Says what pages show.
        model: Its ``name@version``.
        thresholds: ``(case, target)`` probabilities from which statements are made; see ``CASES``.
        told: Statements that were learnt and reported with positives enough.
        apart: Statements that only simulated hearts taught; nothing is decided of them.
    """

    network: Diagnosis
    model: str
    thresholds: FloatArray
    told: tuple[Statement, ...]
    apart: tuple[Statement, ...] = ()


def diagnose(pages: pa.Table, *, judge: Judge | None) -> Iterator[pa.Table]:
    """Say what every page shows.

    Args:
        pages: Rows of ``schema.MEASURED``.
        judge: Who says so; None says nothing.

    Yields:
        Rows of ``schema.READ``.
    """
    convert = partial(_say_nothing) if judge is None else _Batch(pages, judge).row
    return map_rows(pages, convert, stage=Diagnose.name, reads=schema.MEASURED, writes=schema.READ)


def _say_nothing(row: Row) -> Iterator[Values]:
    del row
    yield {"labels": []}


@dataclass(frozen=True, eq=False)
class _Batch:
    """Pages that the networks see together, when the first of them is asked for."""

    pages: pa.Table
    judge: Judge

    def row(self, row: Row) -> Iterator[Values]:
        """Return the labels of one page."""
        key = (row["scan_id"], row["page_no"])
        seen, shown = self._looked.get(key) or _look(row)
        facts = _facts(seen.facts)
        yield {"labels": list(labels_of(self.judge, shown, self._answers.get(key), facts))}

    @cached_property
    def _looked(self) -> Mapping[_Key, tuple[Seen, Shown]]:
        """What is seen of each page; one that cannot be laid out fails again in its own row."""
        looked = {}
        for index in range(self.pages.num_rows):
            row = Row(self.pages, index)
            if row["error"] is None:
                with suppress(ValueError, TypeError, ArithmeticError):
                    looked[row["scan_id"], row["page_no"]] = _look(row)
        return looked

    @cached_property
    def _answers(self) -> Mapping[_Key, Answer]:
        """Answers by page, for pages of which something can be said."""
        asked = {key: seen for key, (seen, shown) in self._looked.items() if shown.reason is None}
        answers = self.judge.network.answers(list(asked.values()))
        return dict(zip(asked, answers, strict=True))


def _look(row: Row) -> tuple[Seen, Shown]:
    from ecgbatch.models.diagnosis import FULL_S, Seen

    facts = np.asarray(row.array("facts"), np.float32)
    shapes = np.asarray(row.array("shapes_uv"), np.float32)
    leads = [as_lead(values) for values in row.structs("leads")]
    frames = frames_of(leads)
    glance = row["glance"] or {}
    logits = np.array(glance.get("logits") or [], np.float32).reshape(-1, len(targets()))
    seen = Seen(
        frames_mv=frames,
        facts=facts if facts.size else np.full(len(FACTS), np.nan, np.float32),
        shapes_uv=(shapes if shapes.size else np.full(len(LEADS) * SHAPE_SAMPLES, np.nan)).reshape(
            len(LEADS), SHAPE_SAMPLES
        ),
        page_logits=logits if len(logits) else _UNSEEN,
        page_share=sum(glance.get("shown_s") or ()) / FULL_S,
    )
    if not leads and glance:  # a page that was not digitized
        return seen, look_at_page(np.array(glance["shown_s"]), seconds=glance["seconds"])
    return seen, look_at(seen.frames_mv, seen.facts)


def _facts(vector: FloatArray) -> dict[str, float]:
    return {
        name: float(value) for name, value in zip(FACTS, vector, strict=True) if np.isfinite(value)
    }


def labels_of(
    by: Judge, shown: Shown, answer: Answer | None, facts: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    """Yield rows of ``labels`` of one page, without its keys.

    Args:
        by: Who says so.
        shown: What the page shows.
        answer: What the ensemble says; None where it was not asked.
        facts: What was measured.
    """
    rules = {finding.code: finding for finding in judge(facts)}
    piles: dict[str, str] = {}
    for statement in by.told:
        target = _TARGET[statement.target]
        reason = shown.reason if is_rhythm(statement) else shown.form_reason
        told = _told(answer, target, reason)
        if statement.vocabulary == VOCABULARY:
            piles[statement.code] = told["decision"]
        yield {
            **_named(statement),
            **told,
            "threshold": (by.thresholds[0] if answer is None else answer.threshold)[target],
            "model": by.model,
            "taught_by": "records",
            "leads": shown.leads,
            "seconds": shown.seconds,
            **_evidence(rules.get(statement.rule or "")),
        }
    for statement in by.apart:
        reason = shown.reason if is_rhythm(statement) else shown.form_reason
        yield {
            **_named(statement),
            **_guessed(answer, _TARGET[statement.target], reason),
            "threshold": 1.0,
            "model": by.model,
            "taught_by": "simulated",
            "leads": shown.leads,
            "seconds": shown.seconds,
            **_evidence(rules.get(statement.rule or "")),
        }
    if piles:
        yield {
            "vocabulary": VOCABULARY,
            "code": REFER,
            "decision": "yes" if is_referred(piles) else "no",
            "threshold": 1.0,
            "model": by.model,
            "taught_by": "records",
            "members": [],
            "leads": shown.leads,
            "seconds": shown.seconds,
        }


def _named(statement: Statement) -> dict[str, Any]:
    names = ("vocabulary", "code", "snomed_ct", "scp_ecg")
    return {name: getattr(statement, name) for name in names}


def _guessed(answer: Answer | None, target: int, reason: str | None) -> dict[str, Any]:
    """Abstain, and tell what simulated hearts make of it: by it pages are ranked, not counted."""
    said = np.nan if answer is None or reason is not None else answer.simulated[target]
    heard = bool(np.isfinite(said))
    return {
        "probability": None,
        "probability_sd": None,
        "decision": "abstain",
        "reason": reason or "only_simulated",
        "members": [{"member": SIMULATED, "probability": said, "weight": 0.0}] if heard else [],
    }


def _told(answer: Answer | None, target: int, reason: str | None) -> dict[str, Any]:
    if answer is None or reason is not None or not np.isfinite(answer.probability[target]):
        return {
            "probability": None,
            "probability_sd": None,
            "decision": "abstain",
            "reason": reason or "nothing_shown",
            "members": [],
        }
    doubtful = bool(answer.doubtful[target])
    said = zip(MEMBERS, answer.members[:, target], answer.weights[:, target], strict=True)
    return {
        "probability": answer.probability[target],
        "probability_sd": answer.spread[target],
        "decision": "abstain" if doubtful else "yes" if answer.decided[target] else "no",
        "reason": "doubtful" if doubtful else None,
        "members": [
            {"member": name, "probability": probability, "weight": weight}
            for name, probability, weight in said
            if np.isfinite(probability)
        ],
    }


def _evidence(finding: Finding | None) -> dict[str, Any]:
    if finding is None or finding.holds is None:
        return {"rule_score": None, "evidence": None}
    return {"rule_score": finding.score, "evidence": list(finding.evidence.items())}


@dataclass(frozen=True, slots=True)
class Diagnose:
    """Description of the stage.

    Attributes:
        settings: Whether it is on.
        needs: A share of a GPU where networks are to run on one.
    """

    settings: DiagnoseSettings
    needs: Needs = _ON_CPU

    name: ClassVar[str] = "diagnose"
    reads: ClassVar[pa.Schema] = schema.MEASURED
    writes: ClassVar[pa.Schema] = schema.READ

    def open(self) -> TableFunction:
        """Load the ensemble, and return the function.

        Raises:
            RunError: Weights are missing, or are not those that their card was written for.
        """
        if not self.settings.enabled:
            return partial(diagnose, judge=None)
        return partial(diagnose, judge=open_judge(gpus=self.needs.gpus))


def diagnose_needs(pools: PoolSettings) -> Needs:
    """Return what a worker of this stage occupies: a CPU, or its share of a GPU."""
    if not pools.diagnose_on_gpu:
        return _ON_CPU
    return Needs(cpus=0.0, gpus=pools.gpus_per_worker, rows_per_batch=pools.pages_per_gpu_batch)


def open_judge(*, gpus: float = 0.0) -> Judge:
    """Load the ensemble that comes with the package.

    Args:
        gpus: Share of a GPU that it has.

    Raises:
        RunError: Weights are missing, or are not those that their card was written for.
    """
    from ecgbatch.models.card import shipped_card
    from ecgbatch.models.devices import device_for
    from ecgbatch.models.diagnosis import open_diagnosis

    card_path, device = shipped_card("diagnosis"), device_for(gpus=gpus)
    network, card = open_diagnosis(card_path, FACTS, device=device)
    ensemble = network.ensemble
    estimable = ensemble.estimable.cpu().numpy()
    told = tuple(
        each for each in statements() if each.said and bool(estimable[_TARGET[each.target]])
    )
    only = network.only_simulated.cpu().numpy()
    apart = tuple(each for each in statements() if each.said and bool(only[_TARGET[each.target]]))
    thresholds: Any = ensemble.threshold.cpu().numpy()
    return Judge(network, card.identity, thresholds, told, apart)
