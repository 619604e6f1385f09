"""The same stages and the same parts in this process, without Ray: for few pages, and to debug."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from ecgbatch.config import PoolSettings
from ecgbatch.flow.commit import Committer
from ecgbatch.flow.tally import Tally
from ecgbatch.flow.todo import PlanFile
from ecgbatch.flow.watch import Watch
from ecgbatch.stages.base import Stage, batches, chain


def convert_here(
    todo: Sequence[PlanFile],
    *,
    stages: Sequence[Stage],
    committer: Committer,
    pools: PoolSettings,
    watch: Watch,
) -> None:
    """Run ``stages`` over what is left of a plan and commit its parts.

    Args:
        todo: What is left to do.
        stages: In their order.
        committer: Publishes parts.
        pools: Sizes of blocks and parts.
        watch: Told what has been counted, page by page.

    Raises:
        RunError: As the stages and the committer raise it.
    """
    work = chain(stages)
    names = {stage.name for stage in stages}
    tally = Tally()
    tally.note_gpu(max(stage.needs.gpus for stage in stages))
    tally.begin()

    def pages(block: pa.Table) -> Iterator[pa.Table]:
        tally.take_up(block)
        for page in work(block):
            tally.add(page, stages=names, last=True)
            watch.counted(tally)
            yield page

    start = secrets.token_hex(6)  # another start of the run must not reuse a name
    for number, rows in enumerate(_parts(_plan_rows(todo, committer), pages, pools)):
        receipt = committer.commit(rows, part=f"{committer.run.run_id}-{start}-{number:06d}")
        tally.commit(size_bytes=receipt.size_bytes)
    watch.counted(tally, now=True)


def _plan_rows(todo: Sequence[PlanFile], committer: Committer) -> Iterator[pa.Table]:
    store = committer.output.store()
    for file in todo:
        yield file.read(store, committer.output)


def _parts(
    plan: Iterator[pa.Table],
    pages: Callable[[pa.Table], Iterator[pa.Table]],
    pools: PoolSettings,
) -> Iterator[pa.Table]:
    """Yield the pages of whole blocks, enough of them for a part."""
    waiting: list[pa.Table] = []
    for block in batches(plan, rows=pools.scans_per_block):
        waiting.extend(pages(block))
        if len(waiting) >= pools.scans_per_part:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
