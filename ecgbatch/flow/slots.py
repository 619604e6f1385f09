"""The slots of a schedule: stretches of time that follow each other, the same for whoever asks.

A slot is named by its end in UTC and follows from the calendar alone, never from when a scheduler
happened to fire: a job that fires twice, late, or not at all for a day meets the same slots. Days
and weeks begin at midnight of the schedule's own zone, so a day may have 23 or 25 hours; where
midnight itself is skipped or comes twice, the first instant at which its offset holds counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ecgbatch.errors import ConfigError

_WINDOW = re.compile(r"([1-9][0-9]{0,3})([hdw])")
_DAYS_OF = {"d": 1, "w": 7}
_MONDAY = 1  # date.fromordinal(1), so that weeks begin on Mondays
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time; what changed in it is its run's work.

    Attributes:
        start: When it begins; None from the beginning of the archive.
        end: When it ends; what changes at that instant belongs to the next one.
    """

    start: datetime | None
    end: datetime

    @property
    def name(self) -> str:
        """Its name in records and runs, such as ``all-20261124T000000Z``."""
        return f"{'all' if self.start is None else stamp(self.start)}-{stamp(self.end)}"

    def reaching_back(self, since: datetime | None) -> Slot:
        """Return the slot with an earlier beginning."""
        return Slot(since, self.end)

    def covered(self, by: Sequence[Slot]) -> bool:
        """Whether other slots together leave nothing of this one."""
        reached = covered_until(self.start, by)
        return reached is not None and reached >= self.end

    def holds(self, modified_s: float) -> bool:
        """Whether a change at a Unix time belongs to it; one of an unknown time always does."""
        return not (modified_s < _instant(self.start) or modified_s >= _instant(self.end))


@dataclass(frozen=True, slots=True)
class Window:
    """How long slots are.

    Attributes:
        count: Of the unit.
        unit: ``h`` (hours of UTC), ``d`` or ``w`` (calendar days and weeks of ``zone``).
        zone: Where midnight is meant.
    """

    count: int
    unit: str
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: str) -> Window:
        """Read a window such as ``6h``, ``1d`` or ``2w``, and a zone such as ``Europe/Berlin``.

        Raises:
            ConfigError: It is none.
        """
        found = _WINDOW.fullmatch(text)
        if found is None:
            raise ConfigError("a window is a number of hours, days or weeks: 6h, 1d, 2w")
        return cls(int(found[1]), found[2], zone_of(zone))

    def starts(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the boundaries from the last one at or before ``since`` to ``until``, in UTC."""
        if self.unit == "h":
            length_s = self.count * _HOUR_S
            number = int(since.timestamp()) // length_s
            while (at := datetime.fromtimestamp(number * length_s, UTC)) <= until:
                yield at
                number += 1
            return
        days = self.count * _DAYS_OF[self.unit]
        day = since.astimezone(self.zone).date().toordinal()
        day -= (day - _MONDAY) % days
        while (at := self._midnight(date.fromordinal(day))) <= until:
            yield at
            day += days

    def slots(self, since: datetime, until: datetime) -> list[Slot]:
        """Return the slots between two instants, cut to them; the last may end at ``until``."""
        inside = [at for at in self.starts(since, until) if since < at < until]
        ends = [since, *inside, until]
        return [Slot(start, end) for start, end in pairwise(ends) if start < end]

    def ending_at(self, end: datetime) -> Slot:
        """Return the slot up to an instant, from the boundary before it."""
        return Slot(self._before(end, inclusive=False), end)

    def last_end(self, now: datetime) -> datetime:
        """Return the newest boundary at or before ``now``."""
        return self._before(now, inclusive=True)

    def _before(self, instant: datetime, *, inclusive: bool) -> datetime:
        days = self.count * _DAYS_OF.get(self.unit, 0)
        earliest = instant - timedelta(days=days + 1, hours=self.count)
        return max(at for at in self.starts(earliest, instant) if inclusive or at < instant)

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)


def covered_until(start: datetime | None, by: Sequence[Slot]) -> datetime | None:
    """Return how far slots reach without a gap from ``start``; None: not at all."""
    at = _instant(start)
    for first, end in sorted((_instant(slot.start), _instant(slot.end)) for slot in by):
        if first <= at < end:
            at = end
    return None if at == _instant(start) else datetime.fromtimestamp(at, UTC)


def zone_of(name: str) -> ZoneInfo:
    """Return a zone of the IANA data base.

    Raises:
        ConfigError: There is no such zone here.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError("there is no such zone: name one as in Europe/Berlin, or UTC") from error


def instant_of(text: str, zone: ZoneInfo) -> datetime:
    """Read a day or a time; without an offset it is of ``zone``, a day is its midnight.

    Raises:
        ConfigError: It is neither.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError("a day or time is written 2026-11-24 or 2026-11-24T18:00") from error
    at = at.replace(microsecond=0)  # names of slots hold whole seconds
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


def stamp(at: datetime) -> str:
    """Write an instant as it stands in names."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def from_stamp(text: str) -> datetime:
    """Read what ``stamp`` wrote."""
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _instant(at: datetime | None) -> float:
    return -float("inf") if at is None else at.timestamp()
