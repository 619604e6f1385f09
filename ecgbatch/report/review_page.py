"""The queue of a reviewer: one offline page with a form per page, and tasks for Label Studio."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ecgbatch.schema.review import VERDICT_KINDS


@dataclass(frozen=True, slots=True)
class Item:
    """One page that waits.

    Attributes:
        row: Its row of ``schema.QUEUE``.
        jpeg: Its picture, blanked.
    """

    row: Mapping[str, Any]
    jpeg: bytes

    @property
    def picture(self) -> str:
        """The picture as an address that holds it."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


def html(items: Sequence[Item], *, release: str, waiting: int) -> str:
    """Return the page; what is said on it is downloaded as a file for ``ecgbatch review``."""
    environment = Environment(
        loader=PackageLoader("ecgbatch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("review.html").render(
        items=items, release=release, waiting=waiting, verdicts=VERDICT_KINDS
    )


def label_studio(items: Sequence[Item]) -> str:
    """Return tasks as JSON; ``docs/operating.md`` has the labelling configuration for them."""
    return json.dumps(
        [
            {
                "data": {
                    "scan_id": item.row["scan_id"],
                    "page_no": item.row["page_no"],
                    "image": item.picture,
                    "found": (
                        f"{item.row['layout']}, {_told(item.row, 'speed_mm_per_s')} mm/s, "
                        f"{_told(item.row, 'gain_mm_per_mv')} mm/mV; "
                        f"{' '.join(item.row['names'])}; {', '.join(item.row['flags'])}"
                    ),
                }
            }
            for item in items
        ],
        indent=1,
    )


def _told(row: Mapping[str, Any], name: str) -> str:
    return "unknown" if row[name] is None else f"{row[name]:g}"
