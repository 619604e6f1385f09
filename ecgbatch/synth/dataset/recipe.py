"""What a data set is made of: everything that can change one of its bytes, read from TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage import named_profile, profile_names
from ecgbatch.synth.layouts import layout, layout_names
from ecgbatch.synth.patient import condition_names, find_condition
from ecgbatch.synth.sources import SIMULATOR
from ecgbatch.synth.style import GAINS_MM_PER_MV, SPEEDS_MM_PER_S, style, style_names
from ecgbatch.types import LEADS

KINDS = ("pages", "boxes", "crops", "overlap", "archive")
ALL = "all"
DRAWN = "drawn"
"""Among styles: a look of its own for every page. Among profiles: what may happen to a page."""


def weights_of(value: Any, *, every: Iterable[Any], check: Callable[[str], object]) -> Any:
    """Return weight by name from a table, a list of names, ``all`` or one name.

    Raises:
        ConfigError: A name does not exist, a weight is negative, or all are 0.
    """
    if value == ALL:
        value = list(every)
    if isinstance(value, str | int | float):
        value = [value]
    if isinstance(value, Mapping):
        weights = {str(name): weight for name, weight in value.items()}
        if ALL in weights:
            share = weights.pop(ALL)
            weights = {str(name): weights.get(str(name), share) for name in every} | weights
    elif isinstance(value, Sequence):
        weights = {str(name): 1.0 for name in value}
    else:
        raise ConfigError("give a name, a list of names, or a table of weights")
    for name, weight in weights.items():
        check(name)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
            raise ConfigError(f"the weight of {name} is {weight!r}, not a number from 0")
    if not sum(weights.values()) > 0:
        raise ConfigError("every weight is 0")
    return {name: float(weight) for name, weight in weights.items() if weight > 0}


def _names(
    option: str, every: Callable[[], Iterable[Any]], check: Callable[[str], object]
) -> BeforeValidator:
    def validate(value: Any) -> Any:
        try:
            return weights_of(value, every=every(), check=check)
        except ConfigError as error:
            text = str(error)
            raise ConfigError(text if text.startswith(option) else f"{option}: {text}") from error

    return BeforeValidator(validate)


def _one_of(choices: tuple[float, ...], unit: str) -> Callable[[str], object]:
    def check(name: str) -> None:
        if _number(name) not in choices:
            listed = ", ".join(f"{choice:g}" for choice in choices)
            raise ConfigError(f"there is no {name} {unit}; there are {listed}")

    return check


def _resolution(name: str) -> None:
    if not 50 <= _number(name) <= 1200:
        raise ConfigError(f"{name} is not between 50 and 1200")


def _unless_drawn(check: Callable[[str], object]) -> Callable[[str], object]:
    def checked(name: str) -> None:
        if name != DRAWN:
            check(name)

    return checked


def _number(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        raise ConfigError(f"{name!r} is no number") from None


_LAYOUTS = _names("layout", layout_names, layout)
_STYLES = _names("style", style_names, _unless_drawn(style))
_PROFILES = _names("profile", profile_names, _unless_drawn(named_profile))
_CONDITIONS = _names("condition", condition_names, find_condition)
_DPI = _names("dpi", lambda: (100, 150, 200, 300, 400), _resolution)
_SPEEDS = _names("speed", lambda: SPEEDS_MM_PER_S, _one_of(SPEEDS_MM_PER_S, "mm/s"))
_GAINS = _names("gain", lambda: GAINS_MM_PER_MV, _one_of(GAINS_MM_PER_MV, "mm/mV"))


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class SourceRecipe(_Settings):
    """Where signals come from."""

    address: str = Field(default=SIMULATOR, description="`simulator`, or where records lie.")
    labels: str | None = Field(default=None, description="CSV with patient_id by record.")
    release: str | None = Field(default=None, description="Of published tables.")
    records: int | None = Field(
        default=None, ge=1, le=10**9, description="Simulated records; default: one per page."
    )
    seconds: float = Field(default=10.0, ge=1, le=3600, description="Of a simulated record.")
    faults: float = Field(
        default=0.03, ge=0, le=1, description="Simulated records with swapped or loose electrodes."
    )
    leave_out: bool = Field(
        default=False, description="Leave records out that the recipe cannot print."
    )
    conditions: Annotated[dict[str, float], _CONDITIONS] = Field(
        default={ALL: 1}, description="Weights of what is simulated."
    )


class ArchiveRecipe(_Settings):
    """What a hospital's archive holds besides good pages, as shares of its files."""

    damaged: float = Field(default=0.02, ge=0, le=1, description="Cut, zeroed, empty, misnamed.")
    duplicates: float = Field(default=0.02, ge=0, le=1, description="Copies under other names.")
    covers: float = Field(default=0.1, ge=0, le=1, description="Of multi-page files with a cover.")
    others: float = Field(default=0.01, ge=0, le=1, description="Files that are no pages.")
    multi_page: float = Field(default=0.15, ge=0, le=1, description="Files of 2 to 6 pages.")
    formats: dict[str, float] = Field(
        default={
            "jpeg": 0.35,
            "tiff_g4": 0.15,
            "tiff_lzw": 0.08,
            "tiff_jpeg": 0.1,
            "png": 0.07,
            "pdf_scan": 0.12,
            "pdf_vector": 0.08,
            "dicom": 0.05,
        },
        description="Weights of formats.",
    )


class Recipe(_Settings):
    """Everything that can change a byte of a data set, ``count`` included."""

    kind: Literal["pages", "boxes", "crops", "overlap", "archive"]
    count: int = Field(ge=1, le=10**9, description="Pages; of an archive, files.")
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    source: SourceRecipe = SourceRecipe()
    layouts: Annotated[dict[str, float], _LAYOUTS] = Field(default={ALL: 1}, description="Weights.")
    styles: Annotated[dict[str, float], _STYLES] = Field(
        default={ALL: 1, DRAWN: 30}, description="Weights; `drawn` is another look every time."
    )
    profiles: Annotated[dict[str, float], _PROFILES] = Field(
        default={ALL: 1, DRAWN: 70},
        description="Weights; `a+b` is one after the other, `drawn` a likely chain of them.",
    )
    dpi: Annotated[dict[str, float], _DPI] = Field(
        default={"100": 1, "150": 2, "200": 4, "300": 2}, description="Weights."
    )
    speeds: Annotated[dict[str, float], _SPEEDS] = Field(
        default={"25": 0.85, "50": 0.15}, description="Weights, mm/s."
    )
    gains: Annotated[dict[str, float], _GAINS] = Field(
        default={"10": 0.85, "5": 0.08, "20": 0.07}, description="mm/mV."
    )
    split_gain: float = Field(default=0.05, ge=0, le=1, description="Chest leads at half the gain.")
    vary_styles: bool = Field(default=True, description="Other pens, marks and letters, drawn.")
    other_rhythm: float = Field(default=0.15, ge=0, le=1, description="Long rows of other leads.")
    row_pitch_mm: tuple[float, float] | None = Field(
        default=None, description="Distance of rows, drawn between these; default: what fits."
    )
    crop_margin_mm: float = Field(default=2.0, ge=0, le=50, description="Around the ink.")
    fs_hz: float = Field(default=500.0, ge=20, le=20_000, description="Rate of printed samples.")
    image: Literal["png", "jpeg"] = Field(default="jpeg", description="Format of pictures.")
    jpeg_quality: int = Field(default=92, ge=1, le=100)
    splits: dict[str, float] = Field(
        default={"train": 0.8, "val": 0.1, "test": 0.1}, description="Shares of patients."
    )
    shard: int = Field(default=100, ge=1, le=10_000, description="Pages that are made at a time.")
    archive: ArchiveRecipe = ArchiveRecipe()

    @property
    def shards(self) -> int:
        """Return how many shards there are."""
        return -(-self.count // self.shard)

    def indices(self, shard: int) -> range:
        """Return the pages of one shard."""
        return range(shard * self.shard, min((shard + 1) * self.shard, self.count))

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        values: dict[str, Any] = json.loads(self.model_dump_json())
        return values


def make_recipe(values: Mapping[str, Any]) -> Recipe:
    """Check values and return the recipe.

    Args:
        values: Fields of ``Recipe``; what is left out is its default, or the default of the kind:
            ``boxes`` has the layouts of the twelve leads that have a class, ``overlap`` rows so
            close that traces meet.

    Raises:
        ConfigError: A key is unknown or a value impossible; the message names the option.
    """
    try:
        recipe = Recipe.model_validate({**_defaults_of(values.get("kind")), **values})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{key}: {first['msg']}") from error
    _check(recipe)
    return recipe


def _defaults_of(kind: object) -> dict[str, Any]:
    if kind == "boxes":
        return {"layouts": [name for name in layout_names() if _has_classes(name)]}
    if kind == "overlap":
        rows = [name for name in layout_names() if layout(name).row_count > 1]
        return {"layouts": rows, "row_pitch_mm": (9.0, 18.0), "gains": {"10": 0.6, "20": 0.4}}
    return {}


def _has_classes(name: str) -> bool:
    return set(layout(name).leads) <= set(LEADS)


def _check(recipe: Recipe) -> None:
    for name in recipe.layouts:
        if recipe.kind == "boxes" and not _has_classes(name):
            raise ConfigError(
                f"layouts: {name} prints leads beyond the standard twelve, and the names of those "
                "have no class: leave it out of boxes"
            )
    for name, share in recipe.splits.items():
        if not name.isidentifier() or not share > 0:
            raise ConfigError(f"splits: {name} = {share} is not a name with a share above 0")
    if recipe.splits and abs(sum(recipe.splits.values()) - 1) > 1e-6:
        raise ConfigError(f"splits: the shares add up to {sum(recipe.splits.values()):g}, not 1")
    if not recipe.splits:
        raise ConfigError("splits: give at least one, such as train = 1.0")
    if (
        recipe.row_pitch_mm is not None
        and not 3 <= recipe.row_pitch_mm[0] <= recipe.row_pitch_mm[1]
    ):
        raise ConfigError("row_pitch_mm: give two millimetres from 3, the smaller one first")
    known = set(ArchiveRecipe().formats)
    wrong = set(recipe.archive.formats) - known
    if wrong or not sum(recipe.archive.formats.values()) > 0:
        raise ConfigError(
            f"archive.formats: weights of {', '.join(sorted(known))} and not {sorted(wrong)}"
        )


def read_recipe(path: Path) -> dict[str, Any]:
    """Read the values of a recipe file.

    Raises:
        ConfigError: It is not there, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"recipe: {path} cannot be read") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"recipe: {path} is not TOML: {error}") from error


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Name the first value in which two recipes differ, or None.

    Example:
        >>> difference({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
        'a.c was 2 and is 3'
    """
    for key in (*before, *(key for key in now if key not in before)):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            return f"{key}.{difference(old, new)}"
        return f"{key} was {_short(old)} and is {_short(new)}"
    return None


def _short(value: object) -> str:
    return "not given" if value is None else json.dumps(value)
