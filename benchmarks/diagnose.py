"""What the diagnosis is worth: fold 9 of PTB-XL, whole and as seven layouts show it.

    ECGBATCH_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/diagnose.py --kept runs/diagnosis
    ... --controls      also an encoder that learnt nothing, with a linear probe

DIR holds PTB-XL as ``ptbxl/*.npz`` and ``ptbxl/labels.csv``. What printings measure is kept in
``--kept``, as ``jobs/train_diagnosis.py`` keeps it; what is missing there is measured first, which
takes minutes. No figure rests on a statement with fewer than ten positives.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
import torch
from record_report import CASE, FloatArray, Report
from torch.nn import functional

from ecgbatch.evaluation.discrimination import (
    auroc,
    auroc_error,
    calibration_error,
    f1,
    selective_risk,
)
from ecgbatch.models.card import shipped_card
from ecgbatch.models.diagnosis import open_diagnosis
from ecgbatch.models.members import SIGNAL_MEMBERS
from ecgbatch.models.patches import PatchNet
from ecgbatch.models.vocabularies import VOCABULARIES, Statement, statements
from ecgbatch.signal.facts import FACTS
from ecgbatch.signal.frames import centred
from ecgbatch.signal.rules import judge
from ecgbatch.training.diagnosis.printings import REPORTED_LAYOUTS
from ecgbatch.training.diagnosis.records import LEARNT_FOLDS, REPORTED_FOLD, Labelled, read_labelled
from ecgbatch.training.diagnosis.simulated import read_simulated
from ecgbatch.training.diagnosis.simulated_task import tried
from ecgbatch.training.diagnosis.views import WHOLE, measure_views, read_views

PRINTED = "3x4+1R"

_DRAWN_ANEW = 100


def layouts_table(report: Report) -> Iterator[str]:
    """Yield macro AUROCs by layout, their spread, and how far one record's answers differ."""
    vocabularies = ("ptbxl5", "ptbxl23", "rhythm")
    yield "| layout | " + " | ".join(vocabularies) + " | AF | mean change against 12x1 |"
    yield "|---|---|---|---|---|---|"
    columns: dict[str, list[float]] = {name: [] for name in vocabularies}
    fibrillation = report.truth.names.index("rhythm:AFIB")
    whole = report.probability[report.of_layout(WHOLE)][:, report.estimable]
    for name in REPORTED_LAYOUTS:
        for vocabulary in vocabularies:
            columns[vocabulary].append(report.macro(report.probability, name, vocabulary)[0])
        area = auroc(*report.pairs(report.probability, name, fibrillation))
        change = np.abs(report.probability[report.of_layout(name)][:, report.estimable] - whole)
        cells = [f"{columns[vocabulary][-1]:.3f}" for vocabulary in vocabularies]
        yield f"| {name} | {' | '.join(cells)} | {area:.3f} | {np.nanmean(change):.3f} |"
    spread = [f"{np.ptp(columns[vocabulary]):.3f}" for vocabulary in vocabularies]
    yield f"| spread | {' | '.join(spread)} | | |"
    yield ""
    for vocabulary in vocabularies:
        yield _spread_line(report, vocabulary)


def _spread_line(report: Report, vocabulary: str) -> str:
    """Say between what a spread lies where records are drawn anew, and whose statement makes it."""
    what = report.columns(vocabulary)
    places = {name: np.flatnonzero(report.of_layout(name)) for name in REPORTED_LAYOUTS}
    of_row = {
        name: dict(zip(report.asked.row[views].tolist(), views.tolist(), strict=True))
        for name, views in places.items()
    }
    rows = np.array(sorted(set.intersection(*(set(each) for each in of_row.values()))))
    views = np.array([[of_row[name][int(row)] for row in rows] for name in REPORTED_LAYOUTS])
    rng = np.random.default_rng(0)

    def areas(drawn: npt.NDArray[np.intp], target: int) -> FloatArray:
        there = drawn[report.truth.known[rows[drawn], target]]
        holds = report.truth.holds[rows[there], target]
        if holds.all() or not holds.any():
            return np.full(len(views), np.nan)
        return np.array([auroc(report.probability[each[there], target], holds) for each in views])

    found = []
    for _ in range(_DRAWN_ANEW):
        drawn = rng.integers(len(rows), size=len(rows))
        each = np.array([areas(drawn, int(target)) for target in what])
        found.append(np.ptp(np.nanmean(each, axis=0)))
    low, high = np.quantile(found, [0.05, 0.95])
    each = np.array([areas(np.arange(len(rows)), int(target)) for target in what])
    most = int(np.argmax(np.ptp(each, axis=1)))
    rest = np.ptp(np.delete(each, most, axis=0).mean(axis=0))
    return (
        f"{vocabulary}: spread {low:.3f} to {high:.3f} in 90 % of {_DRAWN_ANEW} drawings; "
        f"{report.truth.names[what[most]]} changes most, by {np.ptp(each[most]):.3f}; "
        f"without it {rest:.3f}"
    )


def members_table(report: Report) -> Iterator[str]:
    """Yield macro AUROCs of each member and of all of them."""
    yield "| who | 5 from 12x1 | 23 from 12x1 | 5 from 3x4+1R | 23 from 3x4+1R |"
    yield "|---|---|---|---|---|"
    members = dict(zip(SIGNAL_MEMBERS, report.alone, strict=False))  # the others saw nothing
    for name, scores in (*members.items(), ("all", report.probability)):
        cells = [
            f"{report.macro(scores, printed, vocabulary)[0]:.3f}"
            for printed in (WHOLE, PRINTED)
            for vocabulary in ("ptbxl5", "ptbxl23")
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def statements_table(report: Report) -> Iterator[str]:
    """Yield one row per statement that is made, from whole records."""
    rules = rule_scores(report)
    yield "| statement | positives | AUROC | from 3x4+1R | rule | F1 | ECE |"
    yield "|---|---|---|---|---|---|---|"
    for statement in statements():
        if not statement.said:
            yield f"| {statement.vocabulary} {statement.code} | no label | not estimable | | | | |"
            continue
        target = report.truth.names.index(statement.target)
        scores, holds = report.pairs(report.probability, WHOLE, target)
        name = f"{statement.vocabulary} {statement.code}"
        if not report.estimable[target]:
            yield f"| {name} | {holds.sum()} | not estimable | | | | |"
            continue
        area = auroc(scores, holds)
        error = auroc_error(area, positive=int(holds.sum()), negative=int((~holds).sum()))
        printed = auroc(*report.pairs(report.probability, PRINTED, target))
        rule = _rule_cell(report, rules, statement, target)
        decided = scores >= report.threshold[target]
        yield (
            f"| {name} | {holds.sum()} | {area:.3f} ± {1.96 * error:.3f} | {printed:.3f} "
            f"| {rule} | "
            f"{f1(decided, holds):.2f} | {calibration_error(scores, holds):.3f} |"
        )


def rule_scores(report: Report) -> dict[str, FloatArray]:
    """Scores of every rule for the whole records of fold 9, in the order of their views."""
    here = report.of_layout(WHOLE)
    place = {int(n): row for row, n in enumerate(report.labelled.record_id)}
    views = [
        view
        for view in np.flatnonzero(report.views.layout == WHOLE)
        if report.labelled.fold[place[int(report.views.record_id[view])]] == REPORTED_FOLD
    ]
    assert [place[int(report.views.record_id[v])] for v in views] == report.asked.row[here].tolist()
    found: dict[str, list[float]] = {}
    for view in views:
        facts = dict(zip(FACTS, report.views.facts[view].tolist(), strict=True))
        for finding in judge({name: value for name, value in facts.items() if np.isfinite(value)}):
            found.setdefault(finding.code, []).append(finding.score)
    return {code: np.array(scores) for code, scores in found.items()}


def _rule_cell(
    report: Report, rules: dict[str, FloatArray], statement: Statement, target: int
) -> str:
    if statement.rule is None:
        return ""
    rows = report.asked.row[report.of_layout(WHOLE)]
    there = report.truth.known[rows, target]
    area = auroc(rules[statement.rule][there], report.truth.holds[rows, target][there])
    return f"{area:.3f}"


def decisions(report: Report) -> Iterator[str]:
    """Yield macro F1, calibration, and risk against coverage."""
    for name in (WHOLE, PRINTED):
        for vocabulary in ("ptbxl5", "ptbxl23"):
            scores, errors, said, held = [], [], [], []
            for target in report.columns(vocabulary):
                probability, holds = report.pairs(report.probability, name, target)
                scores.append(f1(probability >= report.threshold[target], holds))
                errors.append(calibration_error(probability, holds))
                said.append(probability)
                held.append(holds)
            pooled = calibration_error(np.concatenate(said), np.concatenate(held))
            yield (
                f"{name} {vocabulary}: macro F1 {np.mean(scores):.3f}, calibration error "
                f"{np.mean(errors):.3f} on average, {max(errors):.3f} at worst, {pooled:.3f} pooled"
            )
    here = report.of_layout(PRINTED)
    rows = report.asked.row[here]
    for vocabulary in ("ptbxl5", "ptbxl23"):
        what = report.columns(vocabulary)
        kept = report.truth.known[rows][:, what]
        said = report.probability[here][:, what] >= report.threshold[what]
        wrong = (said != report.truth.holds[rows][:, what])[kept]
        doubt = report.doubt[here][:, what][kept]
        without = -np.abs(report.probability[here][:, what] - report.threshold[what])[kept]
        for label, values in (("as shipped", doubt), ("by distance of probabilities", without)):
            risks = selective_risk(wrong, values)
            cells = ", ".join(f"{100 * r.error:.1f} % at {100 * r.coverage:.0f} %" for r in risks)
            yield f"{PRINTED} {vocabulary}, wrong answers by coverage, {label}: {cells}"
        withheld = doubt > float(report.network.ensemble.largest_doubt[CASE])
        yield f"{PRINTED} {vocabulary}: {100 * withheld.mean():.1f} % of answers are withheld"


def control(report: Report) -> Iterator[str]:
    """Yield what a linear probe reads from an encoder of patches that learnt nothing."""
    torch.manual_seed(0)
    encoder = PatchNet(1).eval()
    rows = report.labelled.of_folds(LEARNT_FOLDS)
    learnt = rows[report.labelled.has_amplitude[rows]]
    tested = report.asked.row[report.of_layout(WHOLE)]
    features = {
        name: torch.cat(list(_features(encoder, report.labelled, chosen)))
        for name, chosen in (("learnt", learnt), ("tested", tested))
    }
    mean, spread = features["learnt"].mean(dim=0), features["learnt"].std(dim=0) + 1e-6
    inputs = {name: (value - mean) / spread for name, value in features.items()}
    holds = torch.from_numpy(report.truth.holds[learnt].astype(np.float32))
    known = torch.from_numpy(report.truth.known[learnt].astype(np.float32))
    probe = torch.nn.Linear(mean.numel(), holds.shape[1])
    optimizer = torch.optim.LBFGS(probe.parameters(), max_iter=100)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        each = functional.binary_cross_entropy_with_logits(
            probe(inputs["learnt"]), holds, reduction="none"
        )
        loss: torch.Tensor = (each * known).sum() / known.sum()
        loss = loss + 1e-3 * probe.weight.square().sum() / holds.shape[1]
        loss.backward()
        return loss

    optimizer.step(closure)
    scores = probe(inputs["tested"]).detach().numpy().astype(np.float64)
    everywhere = np.zeros_like(report.probability)
    everywhere[report.of_layout(WHOLE)] = scores
    for vocabulary in ("ptbxl5", "ptbxl23", "rhythm"):
        area, count = report.macro(everywhere, WHOLE, vocabulary)
        yield f"random frozen encoder, linear probe, 12x1 {vocabulary}: {area:.3f} over {count}"


def taught_apart(report: Report, kept: Path) -> Iterator[str]:
    """Yield how statements that only simulated hearts teach fare on real records."""
    folder = kept / "simulated-hearts"
    hearts = read_simulated(folder) if folder.exists() else None
    if hearts is None:
        yield f"{folder}: no simulated hearts"
        return
    network = report.network.simulated
    found = tried(network, report.labelled, report.truth, report.views, hearts)
    yield f"| of {len(hearts.facts)} | hearts | folds 1 to 8 | AUROC | fold 9 | AUROC |"
    yield "|---|---|---|---|---|---|"
    for each in found:
        count = hearts.holds[:, report.truth.names.index(each.target)].sum()
        name = f"**{each.target}**" if each.shown else each.target
        cells = [
            f"{positives} | {'' if np.isnan(area) else f'{area:.3f}'}"
            for positives, area in zip(each.positives, each.areas, strict=True)
        ]
        yield f"| {name} | {count} | {' | '.join(cells)} |"


@torch.inference_mode()
def _features(
    encoder: PatchNet, labelled: Labelled, rows: npt.NDArray[np.intp]
) -> Iterator[torch.Tensor]:
    for first in range(0, len(rows), 64):
        signals = labelled.signal_mv[rows[first : first + 64]].astype(np.float32)
        yield encoder.features(torch.from_numpy(np.stack([centred(each) for each in signals])))


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kept", type=Path, required=True, help="what was measured of records")
    parser.add_argument("--card", type=Path, default=shipped_card("diagnosis"))
    parser.add_argument("--controls", action="store_true")
    given = parser.parse_args()
    folder = Path(os.environ["ECGBATCH_DATA"]) / "ptbxl"
    labelled = read_labelled(folder, kept=given.kept / "records.npz")
    folds = dict(zip(labelled.record_id.tolist(), labelled.fold.tolist(), strict=True))
    for path in measure_views(folder, given.kept / "views", folds=folds):
        print(f"measured {path.stem}", flush=True)
    network, card = open_diagnosis(given.card, FACTS, device=torch.device("cpu"))
    report = Report(network, labelled, read_views(given.kept / "views"))
    rows = report.asked.row[report.of_layout(WHOLE)]
    print(f"{card.identity}: {len(rows)} records of fold {REPORTED_FOLD} in microvolts")
    print({name: len(report.columns(name)) for name in VOCABULARIES}, "statements are made")
    for part in (layouts_table, members_table, statements_table, decisions):
        print("\n".join(part(report)), end="\n\n", flush=True)
    print("\n".join(taught_apart(report, given.kept)), end="\n\n", flush=True)
    if given.controls:
        print("\n".join(control(report)), flush=True)


if __name__ == "__main__":
    main()
