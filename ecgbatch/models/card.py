"""One card per file of weights: what it is, what it expects, how good it is, and its hash.

The card stands beside the weights as ``NAME.json`` beside ``NAME.safetensors``. Weights are hashed
before a byte of them is interpreted, and what was hashed is what is read.
"""

from __future__ import annotations

import hashlib
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from ecgbatch.errors import ChecksumError, ConfigError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputContract(_Part):
    """What a network is to be given; whoever prepares its input reads it from here."""

    px_per_mm: float | None = Field(default=None, gt=0, description="Scale of pages it sees.")
    fs_hz: float | None = Field(default=None, gt=0, description="Rate of signals it sees.")
    channels: tuple[str, ...] = Field(min_length=1, description="What each channel holds.")
    normalisation: str = Field(description="How numbers are brought to the range it knows.")

    @model_validator(mode="after")
    def _has_one_scale(self) -> Self:
        if (self.px_per_mm is None) == (self.fs_hz is None):
            raise ValueError("there must be px_per_mm for pages or fs_hz for signals")
        return self


class Measured(_Part):
    """One figure, and where it comes from."""

    figure: str = Field(description="What was measured, its unit included.")
    value: float
    data: str = Field(description="On which data, none of which it was trained on.")


class ModelCard(_Part):
    """Everything that must be known before a file of weights is used."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    licence: str
    data: str = Field(description="What it was trained on, with the licence of that.")
    command: str = Field(description="What trains it again.")
    input: InputContract
    classes: tuple[str, ...] = Field(min_length=1, description="Meaning of its outputs, in order.")
    measured: tuple[Measured, ...] = ()
    known_failures: tuple[str, ...] = ()
    fitted_with: tuple[str, ...] = Field(
        default=(), description="Hashes of other weights that these were fitted to go with."
    )

    @property
    def identity(self) -> str:
        """``name@version``, which every page that it touched carries."""
        return f"{self.name}@{self.version}"


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Args:
        path: Of its JSON file.

    Raises:
        ConfigError: It is not there, or is no card; the message names the key.
    """
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ConfigError(f"there is no model card {path}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "not JSON"
        raise ConfigError(f"{path}: {key}: {first['msg']}") from error


def shipped_card(name: str) -> Path:
    """Return where the card of a model stands that comes with the package."""
    with as_file(files("ecgbatch.models").joinpath("weights", f"{name}.json")) as path:
        return path


def load_weights(network: nn.Module, card: ModelCard, path: Path) -> None:
    """Fill a network with the weights that a card stands for.

    Args:
        network: Built from the same card.
        card: Of the weights.
        path: Of the ``.safetensors`` file.

    Raises:
        ConfigError: There is no such file; it is none of safetensors; or its tensors have other
            names or shapes than those of ``network``, or numbers that are not finite.
        ChecksumError: It is not the file that the card was written for, or is not whole.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(
            f"there are no weights {path}; they come with the package: install it again, or run "
            f"{card.command}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise ChecksumError(
            f"{path} is not what its card was written for: sha256 {found}, and the card says "
            f"{card.sha256}; install the package again"
        )
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ConfigError(f"{path} holds no safetensors") from error
    _require_fit(network, tensors, path)
    network.load_state_dict(tensors)


def _require_fit(network: nn.Module, tensors: dict[str, torch.Tensor], path: Path) -> None:
    wanted = network.state_dict()
    for name in sorted(wanted.keys() ^ tensors.keys()):
        which = "misses" if name in wanted else "has a tensor that the network does not know,"
        raise ConfigError(f"{path} {which} {name}: it belongs to another version of ecgbatch")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise ConfigError(
                f"{path}: {name} is {tuple(tensor.shape)} and not {tuple(wanted[name].shape)}: it "
                "belongs to another version of ecgbatch"
            )
        if not torch.isfinite(tensor).all():
            raise ConfigError(f"{path}: {name} holds numbers that are not finite")


def write_model(network: nn.Module, card: ModelCard, folder: Path) -> ModelCard:
    """Write a network's weights with their card, the card last.

    Args:
        network: Trained.
        card: Its hash is replaced by that of the weights.
        folder: Where ``NAME.safetensors`` and ``NAME.json`` are put.

    Returns:
        The card as it was written.
    """
    data = save({name: value.contiguous() for name, value in network.state_dict().items()})
    card = card.model_copy(update={"sha256": hashlib.sha256(data).hexdigest()})
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (
        (f"{card.name}.safetensors", data),
        (f"{card.name}.json", (card.model_dump_json(indent=2) + "\n").encode()),
    ):
        unfinished = folder / f"{name}.part"
        unfinished.write_bytes(content)
        unfinished.replace(folder / name)
    return card
