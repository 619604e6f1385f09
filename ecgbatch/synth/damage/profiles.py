"""Named ways of being damaged, as data: steps with parameters, fixed or drawn."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage import (
    bend,
    geometry,
    light,
    loss,
    marks,
    over,
    press,
    scan,
    screen,
    wear,
)
from ecgbatch.synth.paper import RenderedPage

STEPS: Mapping[str, Callable[..., RenderedPage]] = {
    step.__name__: step
    for step in (
        geometry.turned,
        geometry.skewed,
        geometry.stretched,
        geometry.cut,
        geometry.laid_down,
        bend.curled,
        bend.folded,
        bend.crumpled,
        light.blurred,
        light.shaken,
        light.noisy,
        light.sharpened,
        light.speckled,
        light.whitened,
        light.shaded,
        light.vignetted,
        light.shadowed,
        light.glared,
        light.balanced,
        scan.grey,
        scan.black_and_white,
        scan.contrasted,
        scan.specked,
        scan.streaked,
        scan.hazed,
        scan.faxed,
        scan.compressed,
        press.halftoned,
        press.dithered,
        press.shone_through,
        screen.shown,
        screen.striped,
        wear.aged,
        wear.stained,
        wear.soaked,
        wear.mouldy,
        wear.faded,
        loss.torn,
        loss.cornered,
        loss.punched,
        loss.redacted,
        marks.stamped,
        marks.handwritten,
        marks.penned,
        marks.highlighted,
        over.labelled,
        over.held,
        over.taped,
    )
}
"""Every step by its name. A step takes a page and keyword arguments, and gives a page."""

_DRAWN: Mapping[str, Callable[[np.random.Generator, list[Any]], Any]] = {
    "uniform": lambda rng, bounds: float(rng.uniform(*bounds)),
    "normal": lambda rng, bounds: float(rng.normal(*bounds)),
    "integers": lambda rng, bounds: int(rng.integers(*bounds)),
    "choice": lambda rng, options: options[int(rng.integers(len(options)))],
}
"""How a parameter may be drawn; the upper bound of integers is never drawn."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a profile.

    Attributes:
        do: A key of ``STEPS``.
        chance: How often it happens.
        parameters: Name to a value, or to a table of one of ``uniform``, ``normal``,
            ``integers`` and ``choice`` with its numbers.
    """

    do: str
    chance: float
    parameters: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Refuse a step that does not exist, or that would not understand its parameters.

        Raises:
            ConfigError: The message names the step and what it knows.
        """
        if self.do not in STEPS:
            raise ConfigError(f"do: there is no step {self.do!r}; there are {', '.join(STEPS)}")
        accepted = inspect.signature(STEPS[self.do]).parameters
        known = [name for name in accepted if name not in {"page", "rng"}]
        wrong = set(self.parameters) - set(known)
        if wrong:
            raise ConfigError(
                f"{self.do}: there is no {', '.join(sorted(wrong))}; there are {', '.join(known)}"
            )
        missing = [
            name
            for name in known
            if accepted[name].default is inspect.Parameter.empty and name not in self.parameters
        ]
        if missing:
            raise ConfigError(f"{self.do}: {', '.join(missing)} must be given")
        for name, value in self.parameters.items():
            if isinstance(value, Mapping) and (len(value) != 1 or set(value) - set(_DRAWN)):
                raise ConfigError(f"{self.do}.{name}: give one of {', '.join(_DRAWN)}")

    def __call__(self, page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
        """Return the page after this step."""
        if self.chance < 1 and rng.random() >= self.chance:
            return page
        arguments = {name: _drawn(value, rng) for name, value in self.parameters.items()}
        if "rng" in inspect.signature(STEPS[self.do]).parameters:
            arguments["rng"] = rng
        return STEPS[self.do](page, **arguments)


def _drawn(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, Mapping):
        [(kind, numbers)] = value.items()
        value = _DRAWN[kind](rng, numbers)
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Profile:
    """A way of being damaged.

    Attributes:
        name: Its name.
        about: What it imitates.
        steps: What happens to the page, in order.
    """

    name: str
    about: str
    steps: tuple[Step, ...]

    def apply(self, page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
        """Return the damaged page."""
        for step in self.steps:
            page = step(page, rng)
        return page


def named_profile(name: str) -> Profile:
    """Look a profile up; ``stained+phone_photo`` is one after the other.

    Raises:
        ConfigError: There is no such profile; the message names those there are.
    """
    known = _table()
    parts = name.split("+")
    for part in parts:
        if part not in known:
            raise ConfigError(f"profile: there is no {part!r}; there are {', '.join(known)}")
    if len(parts) == 1:
        return known[name]
    return Profile(
        name,
        ", then ".join(known[part].about for part in parts),
        tuple(step for part in parts for step in known[part].steps),
    )


def profile_names() -> tuple[str, ...]:
    """Return every name that ``named_profile`` knows."""
    return tuple(_table())


def read_profiles(text: str) -> dict[str, Profile]:
    """Read profiles from TOML: a table each, with ``about`` and ``steps``.

    A step is a table with ``do``, perhaps ``chance``, and its parameters; or it names another
    ``profile`` that stands further up, whose steps take its place.

    Raises:
        ConfigError: It is not such a file, or a step or parameter does not exist; the message
            names the profile.
    """
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"profiles: not TOML: {error}") from error
    profiles: dict[str, Profile] = {}
    for name, entry in entries.items():
        steps: list[Step] = []
        try:
            for written in entry["steps"]:
                if "profile" in written:
                    steps += profiles[written["profile"]].steps
                    continue
                parameters = {k: v for k, v in written.items() if k not in {"do", "chance"}}
                steps.append(Step(written["do"], written.get("chance", 1.0), parameters))
            profiles[name] = Profile(name, entry["about"], tuple(steps))
        except KeyError as error:
            raise ConfigError(f"profile {name}: there is no {error}") from error
        except ConfigError as error:
            raise ConfigError(f"profile {name}: {error}") from error
    return profiles


def damaged(page: RenderedPage, *, profile: str | Profile, seed: int) -> RenderedPage:
    """Put a page through a profile; the same seed gives the same damage.

    Args:
        page: The page.
        profile: A name, several names joined by ``+``, or a profile of your own.
        seed: Of every random choice.

    Raises:
        ConfigError: There is no such profile, or a parameter is out of range.
    """
    chosen = named_profile(profile) if isinstance(profile, str) else profile
    return chosen.apply(page, np.random.default_rng(seed))


@cache
def _table() -> dict[str, Profile]:
    folder = files("ecgbatch.synth.damage")
    return read_profiles(folder.joinpath("profiles.toml").read_text(encoding="utf-8"))
