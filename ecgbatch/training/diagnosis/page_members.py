"""The members that see pages, each with what it is given of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from torch import nn

from ecgbatch.models.strips import StripFarNet, StripPatchNet, StripRowNet
from ecgbatch.models.vocabularies import targets
from ecgbatch.training.diagnosis.page_tasks import PageTask
from ecgbatch.training.diagnosis.sheets import Sheet
from ecgbatch.training.diagnosis.strip_views import changed_strips, packed_strips, unpacked_strips
from ecgbatch.training.loop import Batch


class StripPatchTask(PageTask):
    """Trains ``StripPatchNet``."""

    inputs: ClassVar[tuple[str, ...]] = ("ink", "shown")
    view: ClassVar[str] = "strips"

    def net(self) -> nn.Module:
        """Return the network."""
        return StripPatchNet(len(targets()))

    def packed(self, sheet: Sheet, rng: np.random.Generator | None = None) -> bytes:
        """Cut the leads out."""
        return packed_strips(sheet, rng)

    def seen(self, packed: Sequence[bytes], rng: np.random.Generator | None = None) -> Batch:
        """Return ink, and where it is shown."""
        parts = [unpacked_strips(each) for each in packed]
        if rng is not None:
            parts = [changed_strips(*each, rng) for each in parts]
        ink, shown = (np.stack([part[place] for part in parts]) for place in (0, 1))
        return {"ink": ink, "shown": shown.astype(np.bool_)}


class StripRowTask(StripPatchTask):
    """Trains ``StripRowNet``."""

    def net(self) -> nn.Module:
        """Return the network."""
        return StripRowNet(len(targets()))


class StripFarTask(StripPatchTask):
    """Trains ``StripFarNet``."""

    def net(self) -> nn.Module:
        """Return the network."""
        return StripFarNet(len(targets()))


PAGE_TASKS: dict[str, type[PageTask]] = {
    "patches": StripPatchTask,
    "rows": StripRowTask,
    "far": StripFarTask,
}
