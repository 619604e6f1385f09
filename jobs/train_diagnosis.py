"""The members of the diagnosis that see signals, from labelled records to trained networks.

With them, and apart from them, the network that simulated hearts teach what records lack.

::

    python jobs/train_diagnosis.py runs/diagnosis --records ptbxl --local
    python jobs/train_diagnosis.py runs/diagnosis --records ptbxl --workers 4 --gpu

``ptbxl`` holds ``*.npz`` files of records and ``labels.csv``. Each member is trained in a folder of
its own and goes on where it was stopped; ``fit_diagnosis.py`` puts them together.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from ecgbatch.training.diagnosis.beat_tasks import FactsTask, ShapesTask
from ecgbatch.training.diagnosis.records import read_labelled
from ecgbatch.training.diagnosis.simulated import measure_simulated
from ecgbatch.training.diagnosis.simulated_task import SimulatedTask
from ecgbatch.training.diagnosis.tasks import SignalTask
from ecgbatch.training.diagnosis.views import measure_views
from ecgbatch.training.loop import Plan
from ecgbatch.training.runner import run

MEMBERS: dict[str, type[FactsTask | SignalTask]] = {
    "facts": FactsTask,
    "shapes": ShapesTask,
    "signal": SignalTask,
    "simulated": SimulatedTask,
}


def main() -> None:
    """Measure what is missing, then train the members."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of what was measured, checkpoints and weights")
    parser.add_argument("--records", type=Path, required=True, help="folder of labelled records")
    parser.add_argument("--members", nargs="+", choices=MEMBERS, default=list(MEMBERS))
    parser.add_argument("--steps-signal", type=int, default=960)
    parser.add_argument("--steps-facts", type=int, default=1500)
    parser.add_argument("--steps-shapes", type=int, default=600)
    parser.add_argument("--steps-simulated", type=int, default=900)
    parser.add_argument("--hearts", type=int, default=3400, help="simulated ones")
    parser.add_argument("--local", action="store_true", help="in this process, without Ray")
    parser.add_argument("--workers", type=int, default=1, help="processes of Ray Train")
    parser.add_argument("--gpu", action="store_true", help="one for each worker")
    given = parser.parse_args()
    labelled = read_labelled(given.records, kept=given.folder / "records.npz")
    folds = dict(zip(labelled.record_id.tolist(), labelled.fold.tolist(), strict=True))
    for path in measure_views(given.records, given.folder / "views", folds=folds):
        print(f"measured {path.stem}", flush=True)
    if "simulated" in given.members:
        for path in measure_simulated(given.folder / "simulated-hearts", count=given.hearts):
            print(f"simulated {path.stem}", flush=True)
    plans = {
        "signal": Plan(given.steps_signal, 2e-3, 100, 0.05, 1.0, 0.995, 250, 25),
        "facts": Plan(given.steps_facts, 2e-3, 50, 0.05, 5.0, 0.99, 250, 500, 100),
        "shapes": Plan(given.steps_shapes, 2e-3, 50, 0.05, 5.0, 0.99, 200, 200, 100),
        "simulated": Plan(given.steps_simulated, 2e-3, 50, 0.05, 5.0, 0.99, 300, 300, 100),
    }
    for name in given.members:
        size = 64 if name == "signal" else 128
        task = MEMBERS[name](given.records.resolve(), given.folder.resolve(), size)
        run(
            task,
            plans[name],
            given.folder / name,
            local=given.local,
            workers=given.workers,
            use_gpu=given.gpu,
        )


if __name__ == "__main__":
    main()
