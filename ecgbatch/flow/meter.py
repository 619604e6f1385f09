"""From the counts of a run to Ray's metrics, which every machine exports for Prometheus."""

from __future__ import annotations

from typing import Any

from ray.util.metrics import Counter, Gauge

from ecgbatch.flow import measures
from ecgbatch.flow.tally import Tally


class Meter:
    """Tells Ray what a run has counted.

    One process of a run has it, that of the conductor: counted by each worker, every metric would
    have as many series as there were workers, and what a worker counted last would die with it.
    """

    def __init__(self) -> None:
        self._labels = {measure.name: measure.labels for measure in measures.MEASURES}
        self._metrics: dict[str, Any] = {
            measure.name: (Counter if measure.kind == "counter" else Gauge)(
                measure.name, description=measure.text, tag_keys=measure.labels
            )
            for measure in measures.MEASURES
        }
        self._told: measures.Series = {}

    def tell(self, tally: Tally, *, scans_left: int, in_hand: int) -> None:
        """Tell what has been counted by now.

        Args:
            tally: Of the run so far.
            scans_left: Files of the plan that are not done.
            in_hand: Rows that workers have taken up and not finished.
        """
        now = measures.series_of(tally)
        for (name, values), more in measures.grown(self._told, now).items():
            labels = dict(zip(self._labels[name], values, strict=True))
            self._metrics[name].inc(more, tags=labels)
        self._told = now
        self._metrics[measures.SCANS_LEFT.name].set(scans_left)
        self._metrics[measures.IN_HAND.name].set(in_hand)
        self._metrics[measures.WITHOUT_GPU.name].set(tally.without_gpu)
