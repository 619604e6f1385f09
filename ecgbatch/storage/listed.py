"""One entry of a listing."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Listed:
    """An object that a store holds.

    Attributes:
        uri: Its exact address. It can name a patient.
        version: Entity tag, or size and time of modification in ns; other bytes, other version.
        size_bytes: Its length.
        modified_s: Unix time of its last change by the store's clock; NaN where that is unknown.
    """

    uri: str = field(repr=False)
    version: str
    size_bytes: int
    modified_s: float = field(default=float("nan"), compare=False)
