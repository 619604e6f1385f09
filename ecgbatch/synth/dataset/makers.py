"""Which function makes what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ecgbatch.synth.dataset.archive import make_file
from ecgbatch.synth.dataset.crops import make_crops
from ecgbatch.synth.dataset.made import Made
from ecgbatch.synth.dataset.pages import make_page
from ecgbatch.synth.dataset.recipe import Recipe
from ecgbatch.synth.sources import Source

Maker: TypeAlias = Callable[[Recipe, Source, int], Made]
"""Makes the page, or the file of an archive, of one number: the same whenever and wherever."""

_MAKERS: dict[str, Maker] = {
    "pages": make_page,
    "boxes": make_page,
    "crops": make_crops,
    "overlap": make_crops,
    "archive": make_file,
}


def maker_of(recipe: Recipe) -> Maker:
    """Return what makes one unit of a recipe."""
    return _MAKERS[recipe.kind]
