"""The network that follows traces, from drawn pages to weights with their card.

::

    python jobs/train_segmenter.py runs/segmenter --records ptbxl --local
    python jobs/train_segmenter.py runs/segmenter --records ptbxl --workers 4 --gpu
    ray job submit --working-dir . -- python jobs/train_segmenter.py /shared/segmenter --workers 8

Started again with the same folder it goes on where it was stopped. ``runs/segmenter/curve.jsonl``
is its learning curve.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from ecgbatch.training.loop import Plan
from ecgbatch.training.records import TRAINING_FOLDS, VALIDATION_FOLD
from ecgbatch.training.runner import run
from ecgbatch.training.segmenter import SegmenterTask, make_tiles
from ecgbatch.training.segmenter_card import ship

_VALID_SEED = 500_000_000  # far from every seed that is learnt from


def main() -> None:
    """Draw what is missing, then train."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of tiles, checkpoint, curve and weights")
    parser.add_argument("--records", type=Path, help="folder of real records; default: simulated")
    parser.add_argument("--pages", type=int, default=3000, help="to learn from")
    parser.add_argument("--crowded", type=int, default=3000, help="pages of rows that cross, too")
    parser.add_argument("--valid-pages", type=int, default=60, help="to validate on, of each kind")
    parser.add_argument("--drawing", type=int, default=1, help="processes that draw pages")
    parser.add_argument("--only-draw", action="store_true", help="draw pages and stop")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument(
        "--checkpoint-every", type=int, default=50, help="steps that a killed machine costs at most"
    )
    parser.add_argument("--windows", type=int, default=4, help="in a batch of one worker")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--loaders", type=int, default=0, help="processes that prepare batches")
    parser.add_argument("--short", action="store_true", help="compute in bfloat16")
    parser.add_argument("--local", action="store_true", help="in this process, without Ray")
    parser.add_argument("--version", default="0.1.0", help="of the model")
    parser.add_argument("--workers", type=int, default=1, help="processes of Ray Train")
    parser.add_argument("--gpu", action="store_true", help="one for each worker")
    given = parser.parse_args()
    folder = given.folder.resolve()
    tiles = folder / "tiles", folder / "crowded"
    valid = folder / "valid", folder / "valid_crowded"
    for (plain, crowded), pages, crossing, folds, seed in (
        (valid, given.valid_pages, given.valid_pages, [VALIDATION_FOLD], _VALID_SEED),
        (tiles, given.pages, given.crowded, sorted(TRAINING_FOLDS), 0),
    ):
        for where, count in ((plain, pages), (crowded, crossing)):
            make_tiles(
                where,
                records=given.records,
                folds=folds,
                pages=count,
                first_seed=seed,
                processes=given.drawing,
                crowded=where == crowded,
            )
    if given.only_draw:
        return
    task = SegmenterTask(tiles, valid, windows=given.windows)
    plan = Plan(
        steps=given.steps,
        validate_every=250,
        checkpoint_every=given.checkpoint_every,
        learning_rate=given.learning_rate,
        loaders=given.loaders,
        short=given.short,
    )
    run(
        task,
        plan,
        given.folder,
        local=given.local,
        workers=given.workers,
        use_gpu=given.gpu,
    )
    options = f"--pages {given.pages} --crowded {given.crowded}"
    options += f" --steps {given.steps} --learning-rate {given.learning_rate:g}"
    card = ship(
        task,
        given.folder,
        version=given.version,
        command=f"python jobs/train_segmenter.py runs/segmenter --records ptbxl {options}",
        data=f"windows of {given.valid_pages} drawn pages, records of fold {VALIDATION_FOLD}",
    )
    print(f"{card.identity}: {given.folder / 'weights'}")


if __name__ == "__main__":
    main()
