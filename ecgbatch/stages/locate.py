"""Where each lead is printed, and the scale that calibration pulses tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.config import LocateSettings
from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.choosing import chosen, is_clear
from ecgbatch.imaging.facing import UPRIGHT, LaidPage, laid_right
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import Layout, find_regions
from ecgbatch.imaging.leftovers import with_leftovers
from ecgbatch.imaging.printed import PrintedScale
from ecgbatch.imaging.rectify import along_deg
from ecgbatch.imaging.scale import on_copied_paper
from ecgbatch.imaging.seeing import Networks, SeenPage, look_at
from ecgbatch.imaging.seen_regions import seen_regions
from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.stages.base import ON_CPU, Needs, TableFunction
from ecgbatch.stages.given import (
    REVIEWED,
    named_regions,
    named_row_by_row,
    stated_layout,
    without_doubts,
)
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.types import ByteArray, Region

_TOLD = ("printed", "file", REVIEWED)
_THE_SAME_MIRRORED = {"I", "II", "III"}
_LEGIBLE = 3
"""Names of other leads that were read, with which a page is seen from its front."""
_NO_ECG = 0.5
"""Likelihood below which a page is no ECG; see ``docs/models/locator.md``."""
_NO_ECG_AT_ANY_SCALE = 0.1
"""The same where the page may be shown to the locator larger or smaller than it knows ECGs."""
_ECG, _CLEAR = 0.7, 0.5
"""Likelihoods of an ECG, and of its least sure traces, from which on few beats are enough."""


def locate(
    pages: pa.Table, *, settings: LocateSettings, networks: Networks | None = None
) -> Iterator[pa.Table]:
    """Find the leads of every page; ``pixels`` becomes the ink of traces and nothing else.

    Args:
        pages: Rows of ``schema.RECTIFIED``. A row that already has leads has no regions.
        settings: What to assume where a page does not tell its scale.
        networks: That look at pages; None leaves it to the geometry of ink.
    """

    def find(row: Row) -> Iterator[Values]:
        page = row.pixels()
        if page is None:
            yield {"regions": None}
            return
        px_per_mm = row["rectified_px_per_mm"]
        laid: LaidPage | None = None
        if networks is not None:
            laid = laid_right(
                page,
                partial(networks.find, px_per_mm=px_per_mm),
                partial(networks.upright_each_way, px_per_mm=px_per_mm),
            )
            page = laid.pixels
        ink = find_ink(page, px_per_mm=px_per_mm)

        def read(stated: StatedLayout | None = None) -> tuple[Layout, SeenPage | None]:
            seen: SeenPage | None = None
            if networks is not None and laid is not None:
                seen = look_at(
                    page, ink, laid.findings, networks, px_per_mm=px_per_mm, stated=stated
                )
            return _layout(
                row, ink, seen, px_per_mm=px_per_mm, settings=settings, stated=stated
            ), seen

        given = next(iter(row["given"] or ()), None)
        stated = stated_layout(given)
        try:
            layout, seen = read(stated)
        except PageError:
            if stated is None:
                raise
            stated = None  # the page has no such rows: it is read as it looks
            layout, seen = read()
        if seen is not None:
            layout = with_leftovers(layout, seen, px_per_mm=px_per_mm)
        scale = layout.scale
        if row["px_per_mm_source"] == "dpi":
            scale = on_copied_paper(scale, layout.pulses)
            doubts = dict.fromkeys((*layout.flags, *scale.flags))
            layout = replace(layout, scale=scale, flags=tuple(doubts))
        flags = _known_sides([*(row["flags"] or []), *layout.flags], laid, layout)
        name, regions = layout.name, layout.regions
        if given is not None:
            name, regions, flags = _reviewed(given, layout, flags, stated, px_per_mm=px_per_mm)
        yield {
            **_as_laid(row, laid),
            "pixels": layout.ink_of_traces(ink),
            "page": page,
            "whole_ink": ink,
            "layout": name,
            "regions": [asdict(region) for region in regions],
            "speed_mm_per_s": scale.speed_mm_per_s,
            "speed_source": _source(row["speed_source"], scale.speed_source),
            "gain_mm_per_mv": scale.gain_mm_per_mv,
            "gain_source": _source(row["gain_source"], scale.gain_source),
            "flags": flags,
        }

    return map_rows(pages, find, stage=Locate.name, reads=schema.RECTIFIED, writes=schema.LOCATED)


def _as_laid(row: Row, laid: LaidPage | None) -> Values:
    """Return what a row says of the page's place on its source, where it was laid anew."""
    if laid is None or laid.facing == UPRIGHT:
        return {}
    facing, shape = laid.facing, laid.pixels.shape
    rows, columns = row["pixels_shape"]
    values: dict[str, Any] = {"pixels_shape": list(shape)}
    if row["homography"] is not None:
        homography = np.reshape(row["homography"], (3, 3)) @ facing.back((rows, columns))
        values["homography"] = homography.ravel().tolist()
        values["rotation_deg"] = along_deg(homography, (shape[0], shape[1]))
    if facing.quarter_turns % 2:
        values |= {"px_per_mm_x": row["px_per_mm_y"], "px_per_mm_y": row["px_per_mm_x"]}
    return values


def _known_sides(flags: Sequence[str], laid: LaidPage | None, layout: Layout) -> list[str]:
    """Return the flags of a page whose sides the locator has seen, and whose names were read."""
    if laid is None:
        return list(flags)
    known = [flag for flag in flags if flag != Flag.ORIENTATION_DOUBTFUL]
    if not laid.told:
        known.append(Flag.ORIENTATION_DOUBTFUL)
    read = [region.lead for region in layout.regions if region.name_source == "read"]
    if len(set(read) - _THE_SAME_MIRRORED) >= _LEGIBLE:
        known = [flag for flag in known if flag != Flag.MIRRORED]
    if laid.facing.mirrored and Flag.MIRRORED not in known:
        known.append(Flag.MIRRORED)
    return known


def _reviewed(
    given: Mapping[str, Any],
    layout: Layout,
    flags: list[str],
    stated: StatedLayout | None,
    *,
    px_per_mm: float,
) -> tuple[str, tuple[Region, ...], list[str]]:
    """Return name, regions and flags of a page as a reviewer has them.

    Where the page could not be read in the layout that was stated, it is what it looks like, and
    stays in doubt.
    """
    names = given["names"] or ()
    if stated is not None:
        return given["layout"], named_row_by_row(layout.regions, names), without_doubts(flags)
    if stated_layout(given) is not None:
        doubts = dict.fromkeys((*without_doubts(flags), Flag.LAYOUT_GUESSED))
        return layout.name, layout.regions, list(doubts)
    regions = named_regions(layout.regions, names, px_per_mm=px_per_mm)
    return given["layout"] or layout.name, regions, without_doubts(flags)


def _layout(
    row: Row,
    ink: ByteArray,
    seen: SeenPage | None,
    *,
    px_per_mm: float,
    settings: LocateSettings,
    stated: StatedLayout | None,
) -> Layout:
    _require_ecg(row, seen)
    words = PrintedScale() if seen is None else seen.scale
    speed = _told(row, "speed_mm_per_s", "speed_source")
    gain = _told(row, "gain_mm_per_mv", "gain_source")
    scale: dict[str, Any] = {
        "px_per_mm": px_per_mm,
        "printed_speed_mm_per_s": words.speed_mm_per_s if speed is None else speed,
        "printed_gain_mm_per_mv": words.gain_mm_per_mv if gain is None else gain,
        "assumed_speed_mm_per_s": settings.speed_mm_per_s,
        "assumed_gain_mm_per_mv": settings.gain_mm_per_mv,
    }

    def by_sight() -> Layout:
        assert seen is not None
        assert seen.layout is not None
        return seen_regions(ink, seen.layout, **scale)

    try:
        findings = None if seen is None else seen.findings
        by_geometry = find_regions(ink, findings=findings, stated=stated, **scale)
    except PageError as error:
        known = seen is not None and seen.layout is not None and stated is not None
        if known or (seen is not None and is_clear(seen)):
            return by_sight()
        if Flag.GRID_ABSENT not in (row["flags"] or ()) and error.reason is not Reason.NO_TRACE:
            raise
        # Lines of text, or what is left of a grid, look like traces one by one. Without rows of
        # them, or without a grid and any order of leads, nothing is left that speaks for an ECG.
        raise PageError(Reason.NOT_ECG, **error.facts) from error
    if seen is None:
        return by_geometry
    return chosen(by_geometry, seen, by_sight, px_per_mm=px_per_mm)


def _require_ecg(row: Row, seen: SeenPage | None) -> None:
    """Refuse what the locator takes for no ECG, and what beats too little unless it is sure.

    Raises:
        PageError: ``NOT_ECG``.
    """
    ecg = None if seen is None else seen.findings.ecg
    if Flag.FEW_BEATS in (row["flags"] or ()):
        sure = seen is not None and seen.findings.ecg >= _ECG and seen.likelihood >= _CLEAR
        if not sure:
            raise PageError(Reason.NOT_ECG, **({} if ecg is None else {"ecg": ecg}))
    doubtful = Flag.SCALE_DOUBTFUL in (row["flags"] or ())
    if ecg is not None and ecg < (_NO_ECG_AT_ANY_SCALE if doubtful else _NO_ECG):
        raise PageError(Reason.NOT_ECG, ecg=ecg)


def _told(row: Row, name: str, source: str) -> float | None:
    """Return what the page or its file says in words."""
    value: float | None = row[name] if row[source] in _TOLD else None
    return value


def _source(before: str | None, found: str) -> str:
    return before if before in _TOLD and found == "printed" else found


@dataclass(frozen=True, slots=True)
class Locate:
    """Finds where each lead is printed."""

    settings: LocateSettings
    needs: Needs = ON_CPU

    name: ClassVar[str] = "locate"
    reads: ClassVar[pa.Schema] = schema.RECTIFIED
    writes: ClassVar[pa.Schema] = schema.LOCATED

    def open(self) -> TableFunction:
        """Load the networks, and return the function.

        Raises:
            RunError: Weights are missing, or are not those that their cards were written for.
        """
        if not self.settings.networks:
            return partial(locate, settings=self.settings)
        from ecgbatch.models.devices import device_for
        from ecgbatch.models.networks import PageNetworks

        networks = PageNetworks(device=device_for(gpus=self.needs.gpus))
        return partial(locate, settings=self.settings, networks=networks)
