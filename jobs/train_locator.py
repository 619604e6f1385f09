"""The locator and the reader from nothing: drawn pages, training, weights with their cards.

::

    python jobs/train_locator.py runs/locator --records ptbxl --local
    python jobs/train_locator.py runs/locator --records ptbxl --workers 4 --gpu
    ray job submit --working-dir . -- python jobs/train_locator.py /shared/locator --workers 8

Pages are drawn by a process of its own while the network already learns from those that are there.
Started again with the same folder it goes on where it was stopped. ``runs/locator/locator`` and
``.../reader`` hold a learning curve each; the weights and their cards are left in
``runs/locator/weights``, and are shipped by copying them into ``ecgbatch/models/weights``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from ecgbatch.synth.faces import font_files
from ecgbatch.training.examples import Pool
from ecgbatch.training.locator_cards import ship
from ecgbatch.training.locator_task import LocatorTask
from ecgbatch.training.loop import BEST, Plan, Task
from ecgbatch.training.reader_task import ReaderTask
from ecgbatch.training.records import TRAINING_FOLDS, VALIDATION_FOLD
from ecgbatch.training.runner import run
from ecgbatch.training.settle import settled


def _fill(pages: Pool, count: int) -> None:
    os.nice(10)  # learning goes before drawing
    pages.fill(count)


def main() -> None:
    """Draw, train, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of pages, checkpoints, curves and weights")
    parser.add_argument("--records", type=Path, help="folder of real records; default: simulated")
    parser.add_argument("--fonts", type=Path, help="folder of further fonts")
    parser.add_argument("--pages", type=int, default=4000, help="to learn from")
    parser.add_argument("--valid-pages", type=int, default=64, help="to validate on")
    parser.add_argument("--batch-pages", type=int, default=6, help="in a batch of one worker")
    parser.add_argument("--steps", type=int, default=8000, help="of the locator")
    parser.add_argument("--reader-steps", type=int, default=6000)
    parser.add_argument("--rate", type=float, default=3e-3, help="of learning, at its highest")
    parser.add_argument("--start", type=Path, help="folder of a training to begin with its weights")
    parser.add_argument("--only", choices=("locator", "reader"), help="one of both")
    parser.add_argument("--validate-every", type=int, default=500, help="so many steps")
    parser.add_argument("--loaders", type=int, default=0, help="processes that prepare batches")
    parser.add_argument("--version", default="1.0.0", help="of the models")
    parser.add_argument("--local", action="store_true", help="in this process, without Ray")
    parser.add_argument("--workers", type=int, default=1, help="processes of Ray Train")
    parser.add_argument("--gpu", action="store_true", help="one for each worker")
    given = parser.parse_args()
    folder = given.folder.resolve()
    fonts = font_files(given.fonts) if given.fonts else ()
    pages = Pool(folder / "train", records=given.records, folds=TRAINING_FOLDS, seed=1, fonts=fonts)
    valid = Pool(folder / "valid", records=given.records, folds={VALIDATION_FOLD}, seed=2)
    valid.fill(given.valid_pages)
    pages.fill(4 * given.batch_pages)
    producer = multiprocessing.get_context("spawn").Process(
        target=_fill, args=(pages, given.pages), daemon=True
    )
    producer.start()
    pools = (pages, given.pages, valid, given.valid_pages)
    tasks: dict[str, tuple[Task, int]] = {
        "locator": (LocatorTask(*pools, batch_pages=given.batch_pages), given.steps),
        "reader": (ReaderTask(*pools, fonts=fonts), given.reader_steps),
    }
    for name, (task, steps) in tasks.items():
        if given.only not in {None, name}:
            continue
        plan = Plan(
            steps=steps,
            learning_rate=given.rate,
            warmup_steps=100,
            average=0.995,
            validate_every=given.validate_every,
            checkpoint_every=50,
            loaders=given.loaders,
            start=given.start / name / BEST if given.start else None,
        )
        run(
            task,
            plan,
            folder / name,
            local=given.local,
            workers=given.workers,
            use_gpu=given.gpu,
        )
    producer.terminate()
    data = f"{given.valid_pages} drawn pages, records of fold {VALIDATION_FOLD}"
    trained = {
        name: settled(task, folder / name)
        for name, (task, _) in tasks.items()
        if (folder / name / BEST).exists()
    }
    figures = {
        name: tasks[name][0].validate(network, torch.device("cpu"))
        for name, network in trained.items()
    }
    where = folder / "weights"
    for card in ship(trained, where, version=given.version, data=data, figures=figures):
        print(f"{card.identity}: {where}")


if __name__ == "__main__":
    main()
