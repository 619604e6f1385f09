"""The members that see pages, from labelled records to weights.

::

    python jobs/train_page.py runs/page --records ptbxl --diagnosis runs/diagnosis --local

``runs/diagnosis`` is where ``train_diagnosis.py`` left the members that see signals, which teach;
``runs/page`` holds the sheets that ``draw_sheets.py`` drew. Each member learns from traces alone
first, then from printed pages, and once more from these at a rate that rises anew; a training that
was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from ecgbatch.training.diagnosis.fit import ask, assembled, estimable, fit
from ecgbatch.training.diagnosis.page_members import PAGE_TASKS
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, read_labelled
from ecgbatch.training.diagnosis.targets import targets_of
from ecgbatch.training.diagnosis.teacher import teach
from ecgbatch.training.diagnosis.views import WHOLE, read_views
from ecgbatch.training.loop import Plan
from ecgbatch.training.runner import run


def main() -> None:
    """Ask the teacher, then train every member in its two stages."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of sheets, checkpoints and weights")
    parser.add_argument("--records", type=Path, required=True, help="folder of labelled records")
    parser.add_argument("--diagnosis", type=Path, required=True, help="folder of the teacher")
    parser.add_argument("--members", nargs="+", choices=PAGE_TASKS, default=[*PAGE_TASKS])
    parser.add_argument("--steps-traces", type=int, default=120)
    parser.add_argument("--steps-pages", type=int, default=440)
    parser.add_argument("--steps-longer", type=int, default=600)
    parser.add_argument("--local", action="store_true", help="in this process, without Ray")
    parser.add_argument("--workers", type=int, default=1, help="processes of Ray Train")
    parser.add_argument("--gpu", action="store_true", help="one for each worker")
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder, diagnosis = given.folder.resolve(), given.diagnosis.resolve()
    _teach(given.records, diagnosis, folder)
    plans = {
        "traces": Plan(given.steps_traces, 3e-3, 50, 0.05, 1.0, 0.98, 120, 20, 10),
        "pages": Plan(given.steps_pages, 2.5e-3, 30, 0.05, 1.0, 0.98, 110, 20, 10),
        "longer": Plan(given.steps_longer, 2e-3, 30, 0.05, 1.0, 0.98, 100, 20, 10, seed=1),
    }
    before = {"traces": None, "pages": "traces", "longer": "pages"}
    drawn: dict[str, bytes] = {}  # two members see the same
    for stage, plan in plans.items():
        for member in given.members:
            task = PAGE_TASKS[member](
                given.records.resolve(),
                diagnosis,
                drawn=drawn,
                pages=folder,
                printed=0.0 if stage == "traces" else 0.85,
                begins=folder / f"{member}-{before[stage]}" if before[stage] else None,
            )
            run(
                task,
                plan,
                folder / f"{member}-{stage}",
                local=given.local,
                workers=given.workers,
                use_gpu=given.gpu,
            )


def _teach(records: Path, diagnosis: Path, folder: Path) -> None:
    """Let the members that see signals say what the records show, which is kept."""
    kept = folder / "teacher.npz"
    if kept.exists():
        return
    labelled = read_labelled(records, kept=diagnosis / "records.npz")
    network, views, truth = (
        assembled(diagnosis),
        read_views(diagnosis / "views"),
        targets_of(labelled),
    )
    network.ensemble.estimable.copy_(torch.from_numpy(estimable(labelled, truth)))
    asked = ask(network, labelled, views, fold=CHOSEN_FOLD, layouts=(WHOLE, "3x4+1R"))
    fit(network.ensemble, asked, truth)
    teach(network, labelled, views, kept=kept)


if __name__ == "__main__":
    main()
