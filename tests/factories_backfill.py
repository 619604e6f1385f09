"""An archive that grows at chosen times, and calls of ``backfill`` at chosen times."""

import os
from datetime import UTC, datetime, timedelta

from ecgbatch.flow.backfill import Order, backfill
from ecgbatch.flow.verify import verify
from ecgbatch.storage import scan_id, to_uri
from tests.factories_flow import rows_of, scan, settings, stages


def day(number, hour=0):
    """Return an instant of March 2026."""
    return datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=number)


def arrive(folder, name, at, **content):
    """Put a scan whose time of modification is ``at``."""
    path = scan(folder, name, **content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


class Archive:
    """An archive and an output, and calls of ``backfill`` at chosen times."""

    def __init__(self, folder):
        self.source = folder / "in"
        self.out = folder / "out"
        self.config = settings()
        self.told = []

    def call(self, now, *, config=None, **order):
        return backfill(
            str(self.source),
            str(self.out),
            Order(**order),
            stages=stages(self.source),
            config=config or self.config,
            local=True,
            tell=lambda slot, estimate: self.told.append((slot.name, estimate)),
            clock=lambda: now,
        )

    def records(self):
        return sorted(path.stem for path in self.out.glob("runs/slots/*/*/*.json"))

    def runs(self):
        return sorted(path.parent.name for path in self.out.glob("runs/*/summary.json"))

    def findings(self):
        return verify(str(self.out), config=self.config).findings

    def ids(self, table="pages"):
        return {row["scan_id"] for row in rows_of(self.out, table)}

    def id_of(self, name):
        return scan_id(to_uri(str(self.source / name)))
