"""The nouns that live inside a worker: frozen values whose names carry their units.

Between workers the same things travel as Arrow tables (``schema``). Arrays are never changed in
place once they stand in one of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
DoubleArray: TypeAlias = npt.NDArray[np.float64]
ByteArray: TypeAlias = npt.NDArray[np.uint8]

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The twelve standard leads in the order of every record; PTB-XL uses the same."""

EXTRA_LEADS = ("V3R", "V4R", "V5R", "V6R", "V7", "V8", "V9")
"""Further chest positions that carts print; they are kept under their own names."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One archived file, by reference.

    Attributes:
        scan_id: 32 hexadecimal digits, derived from the address; the same for every version.
        uri: ``s3://bucket/key`` or an absolute ``file://`` address. It can name a patient.
        version: Entity tag, or size and time of modification; another version is other bytes.
        size_bytes: Length of the file when it was listed.
    """

    scan_id: str
    uri: str = field(repr=False)
    version: str
    size_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One raster page as the file holds it, decoded.

    Attributes:
        pixels: ``(row, column)`` or ``(row, column, 3)`` RGB uint8, 0 is black.
        dpi_x: Dots per inch along a row from the file's tags; NaN where unknown.
        dpi_y: The same down a column; fax pages have ``dpi_x != dpi_y``.
    """

    pixels: ByteArray
    dpi_x: float = float("nan")
    dpi_y: float = float("nan")


@dataclass(frozen=True, slots=True)
class Grid:
    """The printed millimetre grid, measured on the upright source page.

    Attributes:
        px_per_mm_x: Pitch along the time axis, in source pixels.
        px_per_mm_y: Pitch along the voltage axis, in source pixels.
        source: How the pitch is known: ``grid``, ``dpi`` or ``assumed``.
        confidence: 0 to 1; how sharply the grid's frequency stood out.
    """

    px_per_mm_x: float
    px_per_mm_y: float
    source: str
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """Where each place of the rectified page lies on the source page.

    The rectified page is upright, its grid is square and straight, and ``px_per_mm`` pixels make
    a millimetre.

    Attributes:
        homography: ``(3, 3)`` float64; takes a rectified ``(x, y, 1)`` in px to the source page.
            Quarter turns and skew are part of it.
        shape_px: ``(rows, columns)`` of the rectified page.
        mesh_px: ``(node_row, node_column, 2)`` float32, what remains after the homography on
            curved paper: an offset ``(dx, dy)`` in source pixels at nodes ``mesh_step_px`` apart
            on the rectified page, bilinear in between; None on flat pages.
        mesh_step_px: Distance of the nodes in rectified pixels; 0 without a mesh.
        rotation_deg: Turn of the source page, clockwise positive, quarter turns included.
    """

    homography: DoubleArray
    shape_px: tuple[int, int]
    mesh_px: FloatArray | None
    mesh_step_px: float
    rotation_deg: float


@dataclass(frozen=True, slots=True)
class Region:
    """Where one lead is printed on the rectified page.

    Attributes:
        lead: Its name, one of ``LEADS`` or ``EXTRA_LEADS``.
        role: ``strip`` for a segment of a layout's matrix, ``rhythm`` for a long row below it.
        name_source: ``read`` from the page, or ``guessed`` from the layout.
        left_px: First column of ink that belongs to it.
        top_px: Upper border of where its trace may run.
        right_px: One past the last column.
        bottom_px: One past the lower border.
        baseline_px: Row of its zero line, in rectified pixels.
        t0_ms: Its start on the page's time axis, 0 at the left end of the leftmost column.
        inverted: Whether it is printed upside down, as Cabrera's order does with aVR.
    """

    lead: str
    role: str
    name_source: str
    left_px: float
    top_px: float
    right_px: float
    bottom_px: float
    baseline_px: float
    t0_ms: float
    inverted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What the locator saw on a page; all places are in the page's pixels.

    Points are ``(x, y, likelihood)``, pixels counted at their middles; boxes are ``(left, top,
    right, bottom, likelihood)``, half open; both come with the likeliest first. Planes are
    ``(row, column)`` float32 in cells of ``cell_px``, with ``row_y`` the offset of the zero line
    from the middle of its cell, in cells.

    Attributes:
        starts: Left ends of traces.
        ends: Right ends of traces.
        names: Names of leads.
        pulses: Calibration pulses.
        lines: Lines of text that tell speed or gain.
        row: How likely a cell lies on a zero line.
        row_y: See above; it counts where ``row`` is likely.
        above_px: How far the ink of that trace reaches above its zero line.
        below_px: The same below.
        separator: How likely a cell holds a mark between columns.
        text: How likely it holds text.
        cell_px: Side of a cell.
        ecg: How likely the page holds an ECG.
        turns: How likely the page is to be turned by 0 to 3 quarters counter-clockwise.
        mirrored: How likely it is seen from behind.
    """

    starts: DoubleArray
    ends: DoubleArray
    names: DoubleArray
    pulses: DoubleArray
    lines: DoubleArray
    row: FloatArray
    row_y: FloatArray
    above_px: FloatArray
    below_px: FloatArray
    separator: FloatArray
    text: FloatArray
    cell_px: float
    ecg: float
    turns: tuple[float, float, float, float]
    mirrored: float


@dataclass(frozen=True, slots=True)
class Strip:
    """One printed trace as the locator saw it, in pixels of the page.

    Attributes:
        left_px: Where it starts.
        left_zero_px: Its zero line there.
        right_px: Where it ends.
        right_zero_px: Its zero line there.
        above_px: How far its ink reaches above the zero line.
        below_px: The same below.
        likelihood: 0 to 1.
    """

    left_px: float
    left_zero_px: float
    right_px: float
    right_zero_px: float
    above_px: float
    below_px: float
    likelihood: float


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The centre line of one lead's ink on the rectified page.

    Attributes:
        region: What was traced.
        x0_px: Horizontal place of the first sample on the rectified page.
        step_px: Distance of samples; below 1 where the pen model sees more than one per column.
        y_px: ``(sample,)`` float32 height, counted downwards; NaN where there is no ink.
        overlap: ``(sample,)`` bool, True where another trace runs within a line's width.
        doubt_mm: ``(sample,)`` float32, how far the height may be off by what the ink, and a
            network where one was asked, leave open; 0 where nothing speaks against it.
    """

    region: Region
    x0_px: float
    step_px: float
    y_px: FloatArray
    overlap: npt.NDArray[np.bool_]
    doubt_mm: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Lead:
    """One printed segment of one lead in physical units.

    Attributes:
        lead: Its name.
        role: ``strip`` or ``rhythm``.
        name_source: ``read``, ``guessed`` or ``digital``.
        t0_ms: Start on the page's time axis.
        fs_hz: Samples per second of ``signal_uv``.
        native_fs_hz: What the paper and its resolution carried; ``fs_hz`` adds no information.
        signal_uv: ``(sample,)`` float32 in microvolts; NaN where nothing was printed or readable.
        overlap: Share of samples near another trace.
        quality: 0 to 1.
        box_px: ``(left, top, right, bottom)`` on the rectified page; empty for digital leads.
        origin_px: x of the first sample and y of zero microvolts on the rectified page, so that
            the samples can be drawn where they were read; None for digital leads.
        confidence: ``(second,)`` 0 to 1 for each started second, how likely its samples are right
            within half a millimetre of paper; NaN where none was read, None for digital leads. See
            ``signal.confidence``.
        overlap_s: ``(second,)`` how long in each started second another trace runs within a line's
            width; None for digital leads.
        repaired_uv: ``(sample,)`` where a missing sample could be computed from other limb leads;
            NaN elsewhere, None without any.
    """

    lead: str
    role: str
    name_source: str
    t0_ms: float
    fs_hz: float
    native_fs_hz: float
    signal_uv: FloatArray
    overlap: float
    quality: float
    box_px: tuple[float, float, float, float] | None = None
    origin_px: tuple[float, float] | None = None
    confidence: FloatArray | None = None
    overlap_s: FloatArray | None = None
    repaired_uv: FloatArray | None = None

    @property
    def coverage(self) -> float:
        """Share of samples that hold a value."""
        if self.signal_uv.size == 0:
            return 0.0
        return float(np.isfinite(self.signal_uv).mean())
