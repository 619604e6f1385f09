"""Stage ``glance``: what pages show to members of the diagnosis that see pixels.

It stands where the pixels are. Numbers leave it, one for each member and target, which ``diagnose``
weighs beside what other members say of the page's samples. A page that came without pixels passes
through, and so does every page where it is switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from ecgbatch import schema
from ecgbatch.config import DiagnoseSettings
from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.lead_strips import STRIP_HZ, cut_strips
from ecgbatch.stages.base import ON_CPU, Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.stages.together import Together
from ecgbatch.types import FloatArray, Region

if TYPE_CHECKING:
    from ecgbatch.models.page import PageDiagnosis, PageSeen


def glance(pages: pa.Table, *, network: PageDiagnosis | None) -> Iterator[pa.Table]:
    """Ask the members that see pages about every page.

    Args:
        pages: Rows of ``schema.LOCATED``. The network is asked about all of them at once.
        network: Those members; None asks nobody.

    Yields:
        Rows of ``schema.LOCATED`` with ``glance``.
    """
    convert: Callable[[Row], Iterator[Values]] = _pass
    if network is not None:
        convert = partial(
            _look, asking=Together(pages, question=_seen, ask=partial(_logits, network=network))
        )
    return map_rows(pages, convert, stage=Glance.name, reads=schema.LOCATED, writes=schema.LOCATED)


def _pass(row: Row) -> Iterator[Values]:
    del row
    yield {}


def _look(row: Row, *, asking: Together[PageSeen, FloatArray]) -> Iterator[Values]:
    """Return what the members say of one page."""
    if row.pixels() is None:
        yield {}
        return
    seen, logits = asking.about(row)
    yield {
        "glance": {
            "shown_s": seen.shown.sum(axis=(0, 2)) / STRIP_HZ,
            "seconds": seen.shown.any(axis=1).sum() / STRIP_HZ,
            "logits": logits.ravel(),
        }
    }


def _logits(pages: Sequence[PageSeen], *, network: PageDiagnosis) -> list[FloatArray]:
    return list(network.logits(pages))


def _seen(row: Row) -> PageSeen:
    from ecgbatch.models.page import PageSeen

    page, px_per_mm = row.pixels("page"), row["rectified_px_per_mm"]
    if page is None:
        raise PageError(Reason.DEFECT)  # it stands together with ``pixels``
    strips = cut_strips(
        page,
        [Region(**region) for region in row.structs("regions")],
        px_per_mm=px_per_mm,
        speed_mm_per_s=row["speed_mm_per_s"],
        gain_mm_per_mv=row["gain_mm_per_mv"],
    )
    return PageSeen(strips.ink, strips.shown)


@dataclass(frozen=True, slots=True)
class Glance:
    """Description of the stage.

    Attributes:
        settings: Whether it is on.
        needs: A share of a GPU where the other networks that see pixels run on one.
    """

    settings: DiagnoseSettings
    needs: Needs = ON_CPU

    name: ClassVar[str] = "glance"
    reads: ClassVar[pa.Schema] = schema.LOCATED
    writes: ClassVar[pa.Schema] = schema.LOCATED

    def open(self) -> TableFunction:
        """Load the members, and return the function.

        Raises:
            RunError: Weights are missing, or are not those that their card was written for.
        """
        if not (self.settings.enabled and self.settings.pixels):
            return partial(glance, network=None)
        from ecgbatch.models.card import shipped_card
        from ecgbatch.models.devices import device_for
        from ecgbatch.models.page import open_page_diagnosis

        device = device_for(gpus=self.needs.gpus)
        network, _ = open_page_diagnosis(shipped_card("page"), device=device)
        return partial(glance, network=network)
