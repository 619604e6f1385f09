"""Which slots of an archive are settled, kept with the output.

A settled slot is a file that was put where none was, so however many schedulers fire, each slot is
settled once and by one run. The names alone say what is covered; the watermark is where coverage
from the beginning ends.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from ecgbatch.flow.output import Output, as_json
from ecgbatch.flow.slots import Slot, from_stamp
from ecgbatch.storage import Store


@dataclass(frozen=True, slots=True)
class SlotRecords:
    """The settled slots of one archive in one release.

    Attributes:
        output: Where they stand.
        release: Another release has slots of its own: its rows are made anew.
        archive: Address of the archive.
    """

    output: Output
    release: str
    archive: str

    @property
    def folder(self) -> str:
        """Address of the folder that holds them."""
        return self.output.uri("runs", "slots", self.release, _digest(self.archive))

    def run_id(self, slot: Slot) -> str:
        """Name the run of a slot: another for each archive and release, the same at any time."""
        return f"backfill-{_digest(self.release, self.archive)}-{slot.name}"

    def settled(self, store: Store) -> list[Slot]:
        """Return every settled slot, earliest end first."""
        names = [
            PurePosixPath(listed.uri).stem
            for listed in store.list(self.folder)
            if listed.uri.endswith(".json")
        ]
        return sorted(map(_slot_of, names), key=lambda slot: slot.end)

    def settle(self, store: Store, slot: Slot, *, now: datetime, **facts: Any) -> bool:
        """Write that a slot is settled; False where somebody did that before."""
        content = {
            "archive": self.archive,
            "start": None if slot.start is None else slot.start.isoformat(),
            "end": slot.end.isoformat(),
            "settled_at": now.isoformat(timespec="seconds"),
            **facts,
        }
        return store.create(f"{self.folder}/{slot.name}.json", as_json(content))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def _slot_of(name: str) -> Slot:
    start, _, end = name.partition("-")
    return Slot(None if start == "all" else from_stamp(start), from_stamp(end))
