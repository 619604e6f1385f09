"""Damage drawn at random, as archives mix it: most sheets are sound, and each came in one way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ecgbatch.synth.damage.profiles import Profile, named_profile

_PAPER = {
    "clean": 66, "faded": 6, "stained": 4, "soaked": 2, "mouldy": 2, "folded": 7, "crumpled": 3,
    "torn": 3, "punched": 4, "shone_through": 3,
}  # fmt: skip
_PEN = {"clean": 74, "handwritten": 13, "stamped": 5, "redacted": 4, "labelled": 4}
_CAPTURE = {
    "clean": 13, "colour_scan": 19, "grey_scan": 6, "bitonal_scan": 6, "photocopy": 4, "fax": 3,
    "copied_and_faxed": 1, "laser_print": 7, "dithered_scan": 2, "phone_photo": 11,
    "phone_close": 9, "phone_brown": 9, "phone_app": 4, "phone_screen": 4, "glare": 2,
}  # fmt: skip
_SENT = {"clean": 82, "web_image": 8, "jpeg_chain": 5, "grey_scan": 2, "bitonal_scan": 3}


def drawn_profile(rng: np.random.Generator, *, turned: bool = False) -> Profile:
    """Draw what happens to a page: to the paper, by hand, on its way in, and afterwards.

    Args:
        rng: Source of the choice; ``damaged`` draws the rest from its own seed.
        turned: Whether some pages lie the wrong way round.

    Returns:
        A profile, whose name joins those it is made of, such as ``folded+phone_photo``.
    """
    parts = [_one(weights, rng) for weights in (_PAPER, _PEN, _CAPTURE, _SENT)]
    if turned and rng.random() < 0.12:
        parts.append("turned")
    kept = [part for part in parts if part != "clean"]
    return named_profile("+".join(kept) or "clean")


def _one(weights: Mapping[str, int], rng: np.random.Generator) -> str:
    edges = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(edges, rng.uniform(0, edges[-1]), side="right"))]
