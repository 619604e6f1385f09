"""Files of a training that stand whole or not at all, whenever it is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield where to write; it gets its name at the end, and not where an error came before.

    Args:
        path: The name; its folder stands.
    """
    unfinished = path.with_suffix(".part")
    yield unfinished
    unfinished.replace(path)


def save_arrays(path: Path, **arrays: npt.NDArray[np.generic]) -> None:
    """Write arrays to one file, whole or not at all; ``np.load`` opens it."""
    with written_whole(path) as unfinished, unfinished.open("wb") as out:
        np.savez(out, **arrays)  # type: ignore[arg-type]  # a flag of its own has no array's type
