"""When a run stops by itself: too many of its pages end in quarantine."""

from __future__ import annotations

from dataclasses import dataclass

from ecgbatch.errors import QuarantineError
from ecgbatch.flow.tally import Tally

_REASONS_NAMED = 3


@dataclass(frozen=True, slots=True)
class QuarantineLimit:
    """The share of pages that may be quarantined, judged while they pass.

    Attributes:
        max_share: Share above which a run stops.
        from_pages: How many pages must have passed before it is judged: an archive often begins
            with a folder of one kind, which says little about the rest.
        published: Pages that earlier starts of the run published.
        quarantined: Pages that they set aside.
    """

    max_share: float = 1.0
    from_pages: int = 1
    published: int = 0
    quarantined: int = 0

    def check(self, tally: Tally) -> None:
        """Compare what has been counted in this start, and stood before it, with the limit.

        Raises:
            QuarantineError: Too many pages are quarantined.
        """
        quarantined = self.quarantined + tally.quarantined.total()
        pages = self.published + tally.published + quarantined
        if pages < self.from_pages or quarantined <= self.max_share * pages:
            return
        common = tally.quarantined.most_common(_REASONS_NAMED)
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in common)
        now = f" (in this start: {reasons})" if reasons else ""
        raise QuarantineError(
            f"{quarantined:,} of {pages:,} pages are quarantined{now}, more than "
            f"max_quarantined_share = {self.max_share:g} allows: look at some of them, then run "
            "the same command again with a higher limit; it goes on where it stopped"
        )
