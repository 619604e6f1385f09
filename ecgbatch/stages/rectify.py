"""Stage: from decoded pixels to the upright grey page at one scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import pyarrow as pa

from ecgbatch import schema
from ecgbatch.config import RectifySettings
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.types import Page


def rectify(pages: pa.Table, *, settings: RectifySettings) -> Iterator[pa.Table]:
    """Measure the grid of every page and draw the page upright; ``schema.RECTIFIED``."""

    def convert(row: Row) -> Iterator[Values]:
        pixels = row.pixels()
        if pixels is None:  # samples or drawn lines were read; there is nothing to measure
            yield {"px_per_mm_source": "file"}
            return
        page = Page(pixels, dpi_x=_dpi(row, "dpi_x"), dpi_y=_dpi(row, "dpi_y"))
        upright = stand_upright(page, px_per_mm=settings.px_per_mm)
        yield {
            "pixels": upright.pixels,
            "pixels_shape": upright.pixels.shape,
            "px_per_mm_x": upright.grid.px_per_mm_x,
            "px_per_mm_y": upright.grid.px_per_mm_y,
            "px_per_mm_source": upright.grid.source,
            "grid_confidence": upright.grid.confidence,
            "rotation_deg": upright.warp.rotation_deg,
            "homography": upright.warp.homography.ravel().tolist(),
            "rectified_px_per_mm": settings.px_per_mm,
            "flags": [*(row["flags"] or []), *upright.flags],
        }

    return map_rows(
        pages, convert, stage=Rectify.name, reads=schema.DECODED, writes=schema.RECTIFIED
    )


def _dpi(row: Row, name: str) -> float:
    value = row[name]
    return float("nan") if value is None else float(value)


@dataclass(frozen=True, slots=True)
class Rectify:
    """See ``rectify``."""

    settings: RectifySettings

    name: ClassVar[str] = "rectify"
    needs: ClassVar[Needs] = Needs(cpus=1.0, rows_per_batch=1)
    reads: ClassVar[pa.Schema] = schema.DECODED
    writes: ClassVar[pa.Schema] = schema.RECTIFIED

    def open(self) -> TableFunction:
        """Return the stage's function; nothing is loaded."""
        return partial(rectify, settings=self.settings)
