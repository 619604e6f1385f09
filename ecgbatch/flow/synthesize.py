"""From a recipe to a data set: look at the source, make the shards that are missing, add them up.

The same command again takes up what did not end and does nothing where all is done. Another recipe
over the same output is refused.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import ecgbatch
from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.assemble import assemble
from ecgbatch.flow.lease import Lease
from ecgbatch.flow.output import SCRAP, Output, as_json, read_json
from ecgbatch.flow.progress import Progress, ProgressEvent
from ecgbatch.flow.records import keep_records, look_at_source
from ecgbatch.flow.shards import ShardReceipt, ShardWork, read_receipts
from ecgbatch.flow.summary import DONE, RESUMABLE
from ecgbatch.flow.watch import stoppable
from ecgbatch.storage import Store
from ecgbatch.synth.dataset.recipe import Recipe, difference

PHASE = "printing"
_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class SynthSummary:
    """What a data set holds, and how fast this start was.

    Attributes:
        kind: Of the recipe.
        state: ``done``, ``interrupted`` or ``nothing_to_do``.
        units: Pages, or files of an archive, that were asked for.
        units_done: Of these, those that stand.
        pages: Pages that were printed.
        items: Rows of the index by split; of an archive, files by format.
        files: Files, tables left out.
        size_bytes: Their length.
        seconds: Of this start, from the first page to the last.
        pages_per_s: Pages of this start in that time.
        exit_status: 0, or 75 where the same command goes on.
    """

    kind: str
    state: str
    units: int
    units_done: int = 0
    pages: int = 0
    items: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    pages_per_s: float = 0.0
    exit_status: int = DONE

    def as_json(self) -> dict[str, Any]:
        """Return plain dictionaries, strings and numbers."""
        return asdict(self)


def synthesize(
    out: str,
    recipe: Recipe,
    *,
    config: RunConfig,
    local: bool = False,
    progress: Progress | None = None,
) -> SynthSummary:
    """Make a data set.

    Args:
        out: Address or path of the output.
        recipe: What is made; it decides every byte.
        config: Workers and storage.
        local: Work in this process, without Ray.
        progress: Told about once a second where the run stands.

    Returns:
        The summary; ``state`` is ``interrupted`` after Ctrl-C or SIGTERM.

    Raises:
        ConfigError: The recipe is impossible with this source, or not the one that made what
            stands there.
        LeaseError: Another run writes to ``out``.
        StorageError: Storage refuses or does not answer.
    """
    output = Output.at(out, config.storage)
    store = output.store()
    standing = _standing(store, output, recipe)
    if standing is not None and read_json(store, output, "runs", "summary.json") is not None:
        return _summary(recipe, list(read_receipts(store, output)), "nothing_to_do")
    # Whatever is wrong with recipe or source is found here, before anything is written.
    kind, records = ("", None) if standing is not None else look_at_source(recipe, config.storage)
    clock = _Clock(recipe, progress)
    try:
        with stoppable(), Lease(output, run_id=f"synth-{recipe.kind}") as lease:
            store.probe(output.uri("runs"))
            standing = _standing(store, output, recipe)
            if standing is None:
                if records is not None:
                    keep_records(store, output, records)
                standing = {
                    "kind": recipe.kind,
                    "software_version": ecgbatch.__version__,
                    "source_kind": kind,
                    "recipe": recipe.as_json(),
                }
                store.create(output.uri("dataset.json"), as_json(standing))
            else:
                _remove_scrap(store)
            work = ShardWork(output, recipe, standing["source_kind"], lease.fence)
            _make_missing(work, store, config, clock, local=local)
            receipts = list(read_receipts(store, output))
            assemble(store, output, recipe)
            summary = _summary(recipe, receipts, "done", clock)
            stable = summary.as_json() | {"seconds": 0.0, "pages_per_s": 0.0}
            store.write(output.uri("runs", "summary.json"), as_json(stable))
            return summary
    except KeyboardInterrupt:
        return _summary(recipe, list(read_receipts(store, output)), "interrupted", clock)


def _standing(store: Store, output: Output, recipe: Recipe) -> Mapping[str, Any] | None:
    """Return ``dataset.json`` of this recipe, or None where nothing stands.

    Raises:
        ConfigError: It is another recipe's, or something else stands there.
    """
    if store.head(output.uri("dataset.json")) is None:  # perhaps without even a folder
        _require_empty(store, output)
        return None
    found: Mapping[str, Any] = read_json(store, output, "dataset.json") or {}
    changed = difference(found.get("recipe", {}), recipe.as_json())
    if changed is not None:
        raise ConfigError(
            f"another recipe made what stands there: {changed}; choose another OUT, or the recipe "
            "of then (it stands in dataset.json)"
        )
    if found["software_version"] != ecgbatch.__version__:
        raise ConfigError(
            f"ecgbatch {found['software_version']} made what stands there, and this is "
            f"{ecgbatch.__version__}, whose pages may differ: choose another OUT"
        )
    return found


def _require_empty(store: Store, output: Output) -> None:
    try:
        others = (
            found
            for found in store.list(output.root)
            if not output.relative(found.uri).startswith("runs/")
        )
        if any(True for _ in islice(others, 1)):
            raise ConfigError("other files stand there: choose an OUT of its own for a data set")
    except ConfigError as error:
        if "no such folder" not in str(error):
            raise


def _remove_scrap(store: Store) -> None:
    """Remove what a writer that was killed had not finished; no other writer holds the lease."""
    for found in store.list():
        if found.uri.endswith(SCRAP):
            store.delete(found.uri)


def _make_missing(
    work: ShardWork, store: Store, config: RunConfig, clock: _Clock, *, local: bool
) -> None:
    done = {receipt.shard for receipt in read_receipts(store, work.output)}
    todo = [shard for shard in range(work.recipe.shards) if shard not in done]
    clock.begin(sum(len(work.recipe.indices(shard)) for shard in done))
    if not todo:
        return
    if local:
        for shard in todo:
            work.make(shard, told=clock.made)
        return
    from ecgbatch.flow.shards_on_ray import make_on_ray  # Ray costs seconds: only where needed

    make_on_ray(work, todo, pools=config.pools, told=clock.made)


class _Clock:
    """Counts units and pages of this start, and tells whoever watches."""

    def __init__(self, recipe: Recipe, progress: Progress | None) -> None:
        self._recipe = recipe
        self._progress = progress
        self._before = self._units = self._pages = 0
        self._began_at = self._told_at = time.monotonic()

    def begin(self, units_before: int) -> None:
        """Start the clock."""
        self._before = units_before
        self._began_at = time.monotonic()
        self._tell()

    def made(self, units: int, pages: int) -> None:
        """Count what was made; of nothing, it is time to start: workers are ready."""
        if units == 0:
            self._began_at = time.monotonic()
        self._units += units
        self._pages += pages
        if time.monotonic() - self._told_at > _EVERY_S:
            self._tell()

    def rate(self) -> tuple[float, float]:
        """Return seconds since the start and pages per second."""
        seconds = time.monotonic() - self._began_at
        return (seconds, self._pages / seconds) if self._pages else (0.0, 0.0)

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        if self._progress is None:
            return
        seconds, rate = self.rate()
        done = self._before + self._units
        left = self._recipe.count - done
        self._progress.update(
            ProgressEvent(
                phase=PHASE,
                scans_total=self._recipe.count,
                scans_done=done,
                pages_published=self._pages,
                pages_per_s=rate,
                eta_s=seconds * left / self._units if self._units else None,
            )
        )


def _summary(
    recipe: Recipe, receipts: Sequence[ShardReceipt], state: str, clock: _Clock | None = None
) -> SynthSummary:
    items: Counter[str] = Counter()
    for receipt in receipts:
        items.update(receipt.items)
    seconds, rate = (0.0, 0.0) if clock is None else clock.rate()
    return SynthSummary(
        kind=recipe.kind,
        state=state,
        units=recipe.count,
        units_done=sum(len(recipe.indices(receipt.shard)) for receipt in receipts),
        pages=sum(receipt.pages for receipt in receipts),
        items=dict(sorted(items.items())),
        files=sum(receipt.files for receipt in receipts),
        size_bytes=sum(receipt.size_bytes for receipt in receipts),
        seconds=seconds,
        pages_per_s=rate,
        exit_status=RESUMABLE if state == "interrupted" else DONE,
    )
