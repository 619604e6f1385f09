"""What happens to a page between cart and archive, with its truth moved by the same geometry.

Each step is a function from a page to a page; they compose in any order. Those of ``geometry``,
``bend`` and ``scan.faxed`` move pixels, and move every place of the truth along; those of ``loss``
take what is no longer there out of the truth. Light, wear and marks may hide ink; the truth still
says where it is. Randomness is passed in. Profiles name steps, in ``profiles.toml``.
"""

from ecgbatch.synth.damage.drawing import drawn_profile
from ecgbatch.synth.damage.geometry import turned
from ecgbatch.synth.damage.profiles import (
    STEPS,
    Profile,
    Step,
    damaged,
    named_profile,
    profile_names,
    read_profiles,
)

__all__ = [
    "STEPS",
    "Profile",
    "Step",
    "damaged",
    "drawn_profile",
    "named_profile",
    "profile_names",
    "read_profiles",
    "turned",
]
