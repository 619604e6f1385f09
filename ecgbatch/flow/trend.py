"""How fast a run was at every time: few points, however long it takes."""

from __future__ import annotations

POINTS = 240  # as many as a chart can show, and a few kB in a summary


class Trend:
    """Pages counted over time.

    When it is full every second point is dropped, and from then on half as many are taken, so
    that they lie evenly over the whole run.
    """

    def __init__(self, *, every_s: float = 1.0) -> None:
        self._every_s = every_s
        self._points: list[tuple[float, int]] = []
        self._last: tuple[float, int] | None = None

    def add(self, seconds: float, pages: int) -> None:
        """Note how many pages had been counted after so many seconds of work."""
        if self._points and seconds < self._points[-1][0]:
            return  # an older answer that came late
        self._last = (round(seconds, 3), pages)
        if self._points and seconds - self._points[-1][0] < self._every_s:
            return
        self._points.append(self._last)
        if len(self._points) == POINTS:
            self._every_s *= 2
            del self._points[1::2]

    def points(self) -> tuple[tuple[float, int], ...]:
        """Return ``(seconds, pages)``, both growing; the last one is the last that was noted."""
        if self._last is None or self._last == self._points[-1]:
            return tuple(self._points)
        return (*self._points, self._last)
