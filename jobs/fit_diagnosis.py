"""The ensemble, from trained members to two files of weights with their cards.

::

    python jobs/fit_diagnosis.py runs/diagnosis runs/page --records ptbxl

``runs/diagnosis`` is where ``train_diagnosis.py`` left members that see signals, ``runs/page``
where ``draw_sheets.py`` left sheets of folds 8 and 9 and ``train_page.py`` members that see pages.
Weights, calibration and thresholds are chosen on fold 8; fold 9 is for the figures on the cards.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from ecgbatch.training.diagnosis.figures import figures, page_figures
from ecgbatch.training.diagnosis.fit import ask, assembled, estimable, fit, in_every_case
from ecgbatch.training.diagnosis.fit_pages import ask_pages, assembled_pages
from ecgbatch.training.diagnosis.kept_sheets import read_sheets
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, read_labelled
from ecgbatch.training.diagnosis.ship import card, page_card, ship
from ecgbatch.training.diagnosis.simulated import read_simulated
from ecgbatch.training.diagnosis.simulated_task import measured, shown_alone, tried
from ecgbatch.training.diagnosis.targets import targets_of
from ecgbatch.training.diagnosis.views import WHOLE, read_views


def main() -> None:
    """Fit, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("diagnosis", type=Path, help="folder of members that see signals")
    parser.add_argument("page", type=Path, help="folder of members that see pages")
    parser.add_argument("--records", type=Path, required=True, help="folder of labelled records")
    parser.add_argument("--version", default="0.3.0", help="of the ensemble")
    parser.add_argument("--page-version", default="0.2.0", help="of the members that see pages")
    given = parser.parse_args()
    torch.set_num_threads(1)
    labelled = read_labelled(given.records, kept=given.diagnosis / "records.npz")
    views, truth = read_views(given.diagnosis / "views"), targets_of(labelled)
    network, pages = assembled(given.diagnosis), assembled_pages(given.page)
    network.ensemble.estimable.copy_(torch.from_numpy(estimable(labelled, truth)))
    hearts = read_simulated(given.diagnosis / "simulated-hearts")
    apart = tried(network.simulated, labelled, truth, views, hearts)
    network.only_simulated.copy_(torch.from_numpy(shown_alone(apart)))
    read = ask(network, labelled, views, fold=CHOSEN_FOLD, layouts=(WHOLE, "3x4+1R"))
    seen = ask_pages(pages, labelled, read_sheets(given.page / "sheets-chosen"))
    fit(network.ensemble, in_every_case(read, seen), truth)
    reported = ask_pages(pages, labelled, read_sheets(given.page / "sheets-reported"))
    of_pages = page_card(
        given.page_version,
        command=f"python jobs/train_page.py runs/page --records {given.records.name} "
        "--diagnosis runs/diagnosis",
        measured=page_figures(network, reported, truth),
    )
    of_pages = ship(pages, of_pages, given.page / "weights")
    described = card(
        given.version,
        command=f"python jobs/fit_diagnosis.py runs/diagnosis runs/page --records "
        f"{given.records.name}",
        measured=[*figures(network, labelled, views), *measured(apart)],
        fitted_with=[of_pages],
    )
    described = ship(network, described, given.page / "weights")
    for each in (of_pages, described):
        for figure in each.measured:
            print(f"{each.identity}: {figure.figure} {figure.value:.3f} ({figure.data})")


if __name__ == "__main__":
    main()
