"""Files of sheets: drawn once, found again by their numbers, decoded when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import simplejpeg

from ecgbatch.training.diagnosis.sheets import Sheet
from ecgbatch.training.whole import save_arrays
from ecgbatch.types import ByteArray, Region

_QUALITY = 92  # of JPEG; a page is eight times smaller so


@dataclass(frozen=True)
class KeptSheets:
    """Sheets of a folder, as a sequence.

    Attributes:
        record_ids: Whose leads each of them shows.
        profiles: What happened to each of them.
        layouts: How each of them is laid out.
    """

    record_ids: list[int] = field(default_factory=list)
    profiles: list[str] = field(default_factory=list)
    layouts: list[str] = field(default_factory=list)
    _coded: list[ByteArray] = field(default_factory=list, repr=False)
    _told: list[dict[str, object]] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._coded)

    def __getitem__(self, number: int) -> Sheet:
        """Return one, decoded."""
        pixels = simplejpeg.decode_jpeg(self._coded[number].tobytes(), colorspace="GRAY")[..., 0]
        told = dict(self._told[number])
        regions = tuple(Region(**each) for each in told.pop("regions"))  # type: ignore[attr-defined]
        return Sheet(np.asarray(pixels, np.uint8), regions, **told)  # type: ignore[arg-type]

    def add(self, coded: ByteArray, told: dict[str, object]) -> None:
        """Add one as it stands in a file."""
        self._coded.append(coded)
        self._told.append(told)
        for name in ("record_id", "profile", "layout"):
            getattr(self, f"{name}s").append(told[name])


def keep_sheets(
    folder: Path, draw: Callable[[int], Sheet], *, count: int, per_file: int = 32
) -> Iterator[Path]:
    """Draw what is not drawn yet; each step is one file, so that it can be stopped.

    Args:
        folder: Where files are put.
        draw: Gives the sheet of a number.
        count: How many there are to be.
        per_file: How many stand in a file.

    Yields:
        Each file that was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, per_file):
        path = folder / f"{first:06d}.npz"
        if path.exists():
            continue
        sheets = [draw(number) for number in range(first, min(first + per_file, count))]
        save_arrays(path, told=np.array([_told(each) for each in sheets]), **_coded(sheets))
        yield path


def read_sheets(folder: Path) -> KeptSheets:
    """Read all sheets of a folder."""
    kept = KeptSheets()
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            for number, told in enumerate(file["told"].tolist()):
                kept.add(file[f"page_{number}"], json.loads(told))
    return kept


def _coded(sheets: list[Sheet]) -> dict[str, ByteArray]:
    coded = [
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(sheet.pixels[..., None]), quality=_QUALITY, colorspace="GRAY"
        )
        for sheet in sheets
    ]
    return {f"page_{number}": np.frombuffer(each, np.uint8) for number, each in enumerate(coded)}


def _told(sheet: Sheet) -> str:
    return json.dumps(
        {
            "regions": [asdict(each) for each in sheet.regions],
            "speed_mm_per_s": sheet.speed_mm_per_s,
            "gain_mm_per_mv": sheet.gain_mm_per_mv,
            "record_id": sheet.record_id,
            "layout": sheet.layout,
            "profile": sheet.profile,
        }
    )
