"""Which models come with the package, told without loading any of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files

from ecgbatch.errors import ConfigError


def identities(names: Iterable[str]) -> tuple[str, ...]:
    """Return ``name@version`` of shipped models, which every page that they touched carries.

    Raises:
        ConfigError: There is no card of that name.
    """
    return tuple(_identity(name) for name in names)


def _identity(name: str) -> str:
    card = files("ecgbatch.models").joinpath("weights", f"{name}.json")
    try:
        values = json.loads(card.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"the model {name} is not installed: install ecgbatch again, or switch it off"
        ) from error
    return f"{values['name']}@{values['version']}"
