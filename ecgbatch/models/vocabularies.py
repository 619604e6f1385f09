"""Statements about an ECG, their codes elsewhere, and the targets that a network learns for them.

Vocabularies are data, in ``vocabularies.toml``. Statements of different vocabularies that mean the
same share one target.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

VOCABULARIES = ("ptbxl5", "ptbxl23", "rhythm", "cinc2024", "triage4")
RHYTHM_GROUPS = ("rhythm", "form")
"""Groups of PTB-XL's labels that tell the order of beats, as far as vocabularies use them."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a vocabulary.

    Attributes:
        vocabulary: One of ``VOCABULARIES``.
        code: Its name there.
        says: What it states.
        said: Labels of PTB-XL, of which any one makes it true; none where no label tells.
        snomed_ct: Its concept of SNOMED CT; None where none was found.
        scp_ecg: Acronyms of SCP-ECG that it stands for; None where there are too many.
        rule: The rule that gives evidence for it.
    """

    vocabulary: str
    code: str
    says: str
    said: tuple[str, ...]
    snomed_ct: str | None = None
    scp_ecg: str | None = None
    rule: str | None = None

    @property
    def target(self) -> str:
        """Name of what is learnt for it; empty where no label tells."""
        return "|".join(self.said)


@cache
def statements() -> tuple[Statement, ...]:
    """Return every statement, vocabulary by vocabulary."""
    text = files("ecgbatch.models").joinpath("vocabularies.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    assert tuple(table) == VOCABULARIES
    return tuple(
        Statement(vocabulary, code, **{**entry, "said": tuple(entry["said"])})
        for vocabulary, entries in table.items()
        for code, entry in entries.items()
    )


@cache
def targets() -> tuple[str, ...]:
    """Return the names of all targets, in the order of a network's outputs."""
    return tuple(dict.fromkeys(each.target for each in statements() if each.said))


def is_rhythm(statement: Statement) -> bool:
    """Return whether a statement is about the order of beats and not about the form of waves."""
    return target_is_rhythm(statement.target)


def target_is_rhythm(target: str) -> bool:
    """Return the same of a target."""
    return {label.partition(":")[0] for label in target.split("|")} <= set(RHYTHM_GROUPS)
