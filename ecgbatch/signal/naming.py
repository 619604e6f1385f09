"""What others call leads and units, in our words."""

from __future__ import annotations

from ecgbatch.errors import ConfigError
from ecgbatch.types import EXTRA_LEADS, LEADS

_ALIASES = {
    "MLI": "I", "MLII": "II", "MLIII": "III", "DI": "I", "DII": "II", "DIII": "III",
    "L1": "I", "L2": "II", "L3": "III", "AVR": "aVR", "AVL": "aVL", "AVF": "aVF",
    **{f"C{number}": f"V{number}" for number in range(1, 10)},
}  # fmt: skip
_LEADS = {name.upper(): name for name in (*LEADS, *EXTRA_LEADS)} | _ALIASES

_MICROVOLTS = {"v": 1e6, "mv": 1e3, "uv": 1.0, "µv": 1.0, "μv": 1.0, "nv": 1e-3}


def standard_lead(name: str) -> str | None:
    """Return the name that a lead has here, or None where it is no lead that carts print.

    Example:
        >>> [standard_lead(name) for name in ("avr", "Lead II", "MLII", "vx")]
        ['aVR', 'II', 'II', None]
    """
    plain = name.strip().upper().removeprefix("LEAD").removeprefix("ECG").strip(" _-:")
    return _LEADS.get(plain)


def microvolts_per(unit: str) -> float:
    """Return how many microvolts one of a unit is.

    Raises:
        ConfigError: It is no unit of voltage.
    """
    found = _MICROVOLTS.get(unit.strip().lower())
    if found is None:
        raise ConfigError(f"the unit {unit!r} is no voltage; there are V, mV, uV and nV")
    return found
