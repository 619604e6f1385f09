"""The fifth pile of a page: those that a person should sort."""

from __future__ import annotations

from collections.abc import Mapping

VOCABULARY = "triage4"
REFER = "refer"
_NORMAL = "normal"


def is_referred(decisions: Mapping[str, str]) -> bool:
    """Say whether a page is to be sorted by a person.

    It is, unless the piles that it may lie on are certain and agree: some pile holds, none is in
    doubt, and a normal ECG lies on no other pile.

    Args:
        decisions: Of each pile that is judged, as in ``labels``: ``yes``, ``no`` or ``abstain``.

    Example:
        >>> is_referred({"infarct": "no", "abnormal_beat": "no", "normal": "yes"})
        False
        >>> is_referred({"infarct": "yes", "abnormal_beat": "no", "normal": "yes"})
        True
    """
    held = {pile for pile, decision in decisions.items() if decision == "yes"}
    if "abstain" in decisions.values() or not held:
        return True
    return _NORMAL in held and len(held) > 1
