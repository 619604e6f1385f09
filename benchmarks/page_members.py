"""What members that see pages are worth, alone and beside those that see signals.

    ECGBATCH_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/page_members.py runs/diagnosis runs/page

DIR holds PTB-XL as ``ptbxl/*.npz`` and ``ptbxl/labels.csv``; ``runs/diagnosis`` is what
``train_diagnosis.py`` measured, and ``runs/page`` holds sheets of fold 9 from ``draw_sheets.py``:
in any layout, half of them damaged, and as 3x4+1R, once clean and once damaged in every way in
turn.
Leads are cut out where they were printed, so that what the locator misses is not in these figures.
Signals are those of the records as 3x4+1R shows them.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
import torch
from page_report import Report

from ecgbatch.models.card import shipped_card
from ecgbatch.models.diagnosis import cases_of, open_diagnosis
from ecgbatch.models.members import CASES, MEMBERS, PAGE_MEMBERS
from ecgbatch.models.page import PageDiagnosis, PageSeen, open_page_diagnosis
from ecgbatch.signal.facts import FACTS
from ecgbatch.training.diagnosis.fit import Asked, ask, in_every_case
from ecgbatch.training.diagnosis.fit_pages import ask_pages, seen_of
from ecgbatch.training.diagnosis.kept_sheets import KeptSheets, read_sheets
from ecgbatch.training.diagnosis.records import (
    LEARNT_FOLDS,
    REPORTED_FOLD,
    Labelled,
    read_labelled,
)
from ecgbatch.training.diagnosis.targets import Targets, targets_of
from ecgbatch.training.diagnosis.views import read_views
from ecgbatch.types import LEADS, DoubleArray

PRINTED = "3x4+1R"
_FAMILIES = {
    "scanned": ("scan", "turned", "jpeg", "web", "laser"),
    "copied or faxed": ("copy", "copied", "fax", "shone"),
    "photographed": ("phone", "glare"),
}


def members_lines(report: Report) -> Iterator[str]:
    """Yield macro AUROCs of each member alone."""
    for name, scores in zip(MEMBERS, report.alone, strict=True):
        if np.isfinite(scores).any():
            cells = [report.macro(scores, each) for each in ("ptbxl5", "ptbxl23", "rhythm")]
            yield f"| {name} | {' | '.join(f'{each:.3f}' for each in cells)} |"


def damage_lines(clean: Report, damaged: Report, sheets: KeptSheets) -> Iterator[str]:
    """Yield what is lost where pages of the same records are damaged."""
    profiles = np.array(sheets.profiles)
    family = np.array([_family(each) for each in profiles])
    for name in ("", *sorted(set(family))):
        views = np.flatnonzero(family == name) if name else np.arange(len(profiles))
        before, after = (each.macro(each.said, views=views) for each in (clean, damaged))
        change = np.abs(clean.said[views] - damaged.said[views])[:, clean.columns("ptbxl5")].mean()
        title = name or f"all {len(set(profiles))} profiles"
        yield f"| {title} | {len(views)} | {before:.3f} | {after:.3f} | {change:.3f} |"


def profile_lines(clean: Report, damaged: Report, sheets: KeptSheets) -> Iterator[str]:
    """Yield how answers change in each way of being damaged; too few pages for an AUROC."""
    profiles = np.array(sheets.profiles)
    what = clean.columns("ptbxl5")
    change = np.abs(clean.said - damaged.said)[:, what]
    held = [(each.said >= each.threshold)[:, what] for each in (clean, damaged)]
    for name in sorted(set(profiles), key=lambda each: -change[profiles == each].mean()):
        views = profiles == name
        other = (held[0] != held[1])[views].mean()
        wrong = [
            (each != report.holds[:, what])[views].mean()
            for each, report in zip(held, (clean, damaged), strict=True)
        ]
        cells = " | ".join(f"{100 * each:.1f} %" for each in (other, *wrong))
        yield f"| `{name}` | {views.sum()} | {change[views].mean():.3f} | {cells} |"


def _family(profile: str) -> str:
    for name, words in _FAMILIES.items():
        if any(word in profile for word in words):
            return name
    return "worn, marked or torn"


def empty_lines(
    report: Report, pages: PageDiagnosis, sheets: KeptSheets, labelled: Labelled, truth: Targets
) -> Iterator[str]:
    """Yield what is told from forms: the same pages, the ink of traces taken off."""
    place = {int(number): row for row, number in enumerate(labelled.record_id)}
    logits = []
    for number in range(len(sheets)):
        sheet = sheets[number]
        seen = seen_of(sheet)
        blank = PageSeen(np.zeros_like(seen.ink), seen.shown)
        logits.append(torch.from_numpy(pages.logits([blank])[0]))
    said = torch.stack(logits, dim=1)
    unread = torch.full((len(MEMBERS) - len(PAGE_MEMBERS), *said.shape[1:]), float("nan"))
    rows = np.array([place[each] for each in sheets.record_ids])
    asked = Asked(torch.cat([unread, said]), report.asked.share, rows, report.asked.layout)
    empty = Report(report.network, asked, truth)
    yield f"pages without their traces, ptbxl5: macro AUROC {empty.macro(empty.said):.3f}"


def control_lines(
    report: Report, sheets: KeptSheets, learnt: KeptSheets, labelled: Labelled, truth: Targets
) -> Iterator[str]:
    """Yield what linear probes read from members that learnt nothing."""
    torch.manual_seed(0)
    network = PageDiagnosis().eval()
    place = {int(number): row for row, number in enumerate(labelled.record_id)}
    rows = np.array([place[each] for each in learnt.record_ids[:1024]])
    assert set(labelled.fold[rows]) <= LEARNT_FOLDS
    for name in PAGE_MEMBERS:
        encoder = getattr(network, name)
        inputs, tested = (
            torch.cat([_features(encoder, seen_of(many[n])) for n in range(min(len(many), 1024))])
            for many in (learnt, sheets)
        )
        mean, spread = inputs.mean(dim=0), inputs.std(dim=0) + 1e-6
        scores = _probe((inputs - mean) / spread, (tested - mean) / spread, truth, rows)
        yield f"{name} that learnt nothing, linear probe: {report.macro(scores):.3f}"


@torch.inference_mode()
def _features(encoder: torch.nn.Module, seen: PageSeen) -> torch.Tensor:
    ink, shown = (torch.from_numpy(part[:1]) for part in (seen.ink, seen.shown))
    if not len(ink):
        ink = torch.zeros(1, len(LEADS), *seen.ink.shape[2:], dtype=torch.uint8)
        shown = torch.zeros(1, len(LEADS), seen.ink.shape[3], dtype=torch.bool)
    return torch.nan_to_num(encoder.features(ink, shown))  # type: ignore[operator]


def _probe(
    inputs: torch.Tensor, tested: torch.Tensor, truth: Targets, rows: npt.NDArray[np.intp]
) -> DoubleArray:
    holds = torch.from_numpy(truth.holds[rows].astype(np.float32))
    known = torch.from_numpy(truth.known[rows].astype(np.float32))
    probe = torch.nn.Linear(inputs.shape[1], holds.shape[1])
    optimizer = torch.optim.LBFGS(probe.parameters(), max_iter=100)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            probe(inputs), holds, reduction="none"
        )
        loss: torch.Tensor = (each * known).sum() / known.sum()
        loss = loss + 1e-3 * probe.weight.square().sum() / holds.shape[1]
        loss.backward()
        return loss

    optimizer.step(closure)
    return np.asarray(probe(tested).detach().numpy(), np.float64)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("diagnosis", type=Path, help="what was measured of records")
    parser.add_argument("page", type=Path, help="folder of sheets")
    parser.add_argument("--controls", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cpu = torch.device("cpu")
    labelled = read_labelled(
        Path(os.environ["ECGBATCH_DATA"]) / "ptbxl", kept=given.diagnosis / "records.npz"
    )
    truth, views = targets_of(labelled), read_views(given.diagnosis / "views")
    network, card = open_diagnosis(shipped_card("diagnosis"), FACTS, device=cpu)
    pages, _ = open_page_diagnosis(shipped_card("page"), device=cpu)
    kinds = {"any": "", "clean": f"-{PRINTED}-clean", "damaged": f"-{PRINTED}-every"}
    sheets = {
        name: read_sheets(given.page / f"sheets-reported{end}") for name, end in kinds.items()
    }
    seen = {name: ask_pages(pages, labelled, each) for name, each in sheets.items()}
    read = ask(network, labelled, views, fold=REPORTED_FOLD, layouts=(PRINTED,))
    reports = {name: Report(network, each, truth) for name, each in seen.items()}
    every = in_every_case(read, seen["clean"])
    both = np.flatnonzero((cases_of(every.logits) == CASES.index("both")).numpy())
    joined = Asked(every.logits[:, both], every.share[both], every.row[both], every.layout[both])
    same = np.isin(read.row, joined.row)
    alone = Asked(read.logits[:, same], read.share[same], read.row[same], read.layout[same])
    print(f"{card.identity}\n\n| of | views | ptbxl5 | ptbxl23 | rhythm | AF | F1 | ECE |")
    print("|---|---|---|---|---|---|---|---|")
    whole = {
        "pages alone, any layout, half damaged": reports["any"],
        f"pages alone, {PRINTED}, clean": reports["clean"],
        f"pages alone, {PRINTED}, damaged": reports["damaged"],
        f"signals alone, {PRINTED}": Report(network, alone, truth),
        f"pages and signals, {PRINTED}": Report(network, joined, truth),
    }
    for title, report in whole.items():
        print("\n".join(report.lines(title)))
    print("\n| member | ptbxl5 | ptbxl23 | rhythm |\n|---|---|---|---|")
    print("\n".join(members_lines(Report(network, joined, truth))))
    print("\n| damage | pages | clean | damaged | mean change |\n|---|---|---|---|---|")
    print("\n".join(damage_lines(reports["clean"], reports["damaged"], sheets["damaged"])))
    print(
        "\n| profile | pages | mean change | answers that change | wrong clean | wrong damaged |"
        "\n|---|---|---|---|---|---|"
    )
    print("\n".join(profile_lines(reports["clean"], reports["damaged"], sheets["damaged"])))
    print("\n| gain of all over the best | ptbxl5 | ptbxl23 | rhythm |\n|---|---|---|---|")
    for title, report in whole.items():
        print("\n".join(report.gain(title)))
    print(
        "\n| triage4 | pages | referred | wrong of all | wrong of the rest | wrong of the referred"
        " | of wrong ones referred |\n|---|---|---|---|---|---|---|"
    )
    for title, report in whole.items():
        print("\n".join(report.triage(title)))
    print("\n| wrong of ptbxl5 at coverage | 80 % | 90 % | 95 % | 100 % |\n|---|---|---|---|---|")
    for title in list(whole)[1:2] + list(whole)[3:]:
        print("\n".join(whole[title].risks(title)))
    print()
    print("\n".join(empty_lines(reports["clean"], pages, sheets["clean"], labelled, truth)))
    if given.controls:
        learnt = read_sheets(given.page / "sheets-learnt")
        print("\n".join(control_lines(reports["clean"], sheets["clean"], learnt, labelled, truth)))


if __name__ == "__main__":
    main()
