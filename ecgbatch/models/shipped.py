"""Which models come with the package, and whether they are whole, told without loading any."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.resources import files

from ecgbatch.errors import ChecksumError, ConfigError


def identities(names: Iterable[str]) -> tuple[str, ...]:
    """Return ``name@version`` of shipped models, which every page that they touched carries.

    A run asks before it starts: of a worker that could not load its weights, Ray passes on nothing
    that tells it from a lost machine.

    Raises:
        ConfigError: There is no card of that name, or no weights beside it.
        ChecksumError: The weights are not those that the card was written for.
    """
    return tuple(_identity(name) for name in names)


def _identity(name: str) -> str:
    folder = files("ecgbatch.models").joinpath("weights")
    card, weights = folder.joinpath(f"{name}.json"), folder.joinpath(f"{name}.safetensors")
    try:
        values = json.loads(card.read_text("utf-8"))
        found = hashlib.sha256(weights.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise ConfigError(
            f"the model {name} is not installed: install ecgbatch again, or switch it off"
        ) from error
    if found != values["sha256"]:
        raise ChecksumError(
            f"the weights of {name} are not those of its card: sha256 {found}, and the card says "
            f"{values['sha256']}; install ecgbatch again, or switch it off"
        )
    return f"{values['name']}@{values['version']}"
