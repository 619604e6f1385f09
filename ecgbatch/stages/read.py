"""Stage ``read``: from the address of a file to the content of each of its pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, ClassVar

import pyarrow as pa

from ecgbatch import schema
from ecgbatch.config import LocateSettings, ReadSettings, StorageSettings
from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.decode import EXTENSIONS, Content
from ecgbatch.imaging.sandbox import Decoded, Limits, Sandbox
from ecgbatch.schema.review import REJECTED
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.given import REVIEWED
from ecgbatch.stages.rows import Row, Values, error_value, map_rows
from ecgbatch.storage import Store, keyed_id, open_store


def read(
    scans: pa.Table, *, store: Store, sandbox: Sandbox, settings: ReadSettings
) -> Iterator[pa.Table]:
    """Fetch every scan and decode its pages, in order, one at a time.

    The next scans are fetched while the pages of one are decoded.

    Args:
        scans: Rows of ``schema.PLAN``.
        store: Where they lie.
        sandbox: Where they are decoded.
        settings: Of the stage.

    Yields:
        Rows of ``schema.DECODED``, one for each page; a file that cannot be opened gives one
        with ``page_no`` 0.
    """
    schema.require(scans, schema.PLAN, stage=Read.name)
    wanted = [
        (uri, version)
        for uri, version, error in zip(
            *(scans.column(name).to_pylist() for name in ("uri", "version", "error")), strict=True
        )
        if error is None
    ]
    fetched = store.read_many(wanted, max_bytes=settings.max_bytes)
    function = partial(_read_scan, fetched=fetched, sandbox=sandbox)
    return map_rows(scans, function, stage=Read.name, reads=schema.PLAN, writes=schema.DECODED)


def _read_scan(
    row: Row, *, fetched: Iterator[bytes | PageError], sandbox: Sandbox
) -> Iterator[Values]:
    data = next(fetched)
    if isinstance(data, PageError):
        raise data
    content_id = keyed_id(data)
    promised = EXTENSIONS.get(row["uri"].rpartition(".")[2].lower())
    for decoded in sandbox.pages(data):
        given = [one for one in row["given"] or () if one["page_no"] == decoded.page_no]
        yield {
            "given": given or None,
            "page_no": decoded.page_no,
            "page_count": decoded.page_count,
            "content_id": content_id,
            "source_format": decoded.form or None,
            **_outcome(decoded, promised=promised, given=given[0] if given else None),
        }


def _outcome(
    decoded: Decoded, *, promised: str | None, given: Mapping[str, Any] | None
) -> dict[str, Any]:
    content = decoded.content
    if given is not None and given["verdict"] == REJECTED:
        content = PageError(Reason.REVIEW_REJECTED)
    if isinstance(content, PageError):
        return {"error": error_value(content, stage=Read.name)}
    if promised not in {None, decoded.form}:
        content = content.flagged(Flag.EXTENSION_MISMATCH)
    return _columns(content) | (_scale_given(given) if content.page is not None and given else {})


def _scale_given(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return speed and gain as a reviewer gave them; of drawn lines and samples they are exact."""
    columns: dict[str, Any] = {}
    for name, source in (("speed_mm_per_s", "speed_source"), ("gain_mm_per_mv", "gain_source")):
        if given[name] is not None:
            columns |= {name: given[name], source: REVIEWED}
    return columns


def _columns(content: Content) -> dict[str, Any]:
    scale = content.scale
    columns: dict[str, Any] = {
        "source_kind": content.kind,
        "flags": [flag.value for flag in content.flags],
        "speed_mm_per_s": _or_null(scale.speed_mm_per_s),
        "speed_source": scale.speed_source or None,
        "gain_mm_per_mv": _or_null(scale.gain_mm_per_mv),
        "gain_source": scale.gain_source or None,
    }
    if content.page is not None:
        pixels = content.page.pixels
        columns |= {
            "height_px": pixels.shape[0],
            "width_px": pixels.shape[1],
            "dpi_x": _or_null(content.page.dpi_x),
            "dpi_y": _or_null(content.page.dpi_y),
            "pixels": pixels,
            "pixels_shape": list(pixels.shape),
        }
    if content.leads:
        columns |= {"layout": content.layout, "leads": [asdict(lead) for lead in content.leads]}
    return columns


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


@dataclass(frozen=True, slots=True)
class Read:
    """Description of the stage.

    Attributes:
        settings: Limits of decoding.
        root_uri: The archive; scans outside it need an allowed root.
        storage: How the archive is approached.
        locate: Speed and gain of drawn leads where a page says neither, as for pixels.
    """

    settings: ReadSettings
    root_uri: str
    storage: StorageSettings
    locate: LocateSettings = field(default_factory=LocateSettings)

    name: ClassVar[str] = "read"
    # As many scans are fetched ahead; one is decoded at a time.
    needs: ClassVar[Needs] = Needs(cpus=1.0, rows_per_batch=8)
    reads: ClassVar[pa.Schema] = schema.PLAN
    writes: ClassVar[pa.Schema] = schema.DECODED

    def open(self) -> TableFunction:
        """Make the connection and the place to decode; the process in it starts when needed."""
        settings = self.settings
        sandbox = Sandbox(
            formats=settings.formats,
            max_pixels=settings.max_pixels,
            max_pages=settings.max_pages,
            pdf_dpi=settings.pdf_dpi,
            limits=Limits(
                page_seconds=settings.page_seconds, memory_bytes=settings.decoder_memory_bytes
            ),
            assumed_speed_mm_per_s=self.locate.speed_mm_per_s,
            assumed_gain_mm_per_mv=self.locate.gain_mm_per_mv,
        )
        store = open_store(self.root_uri, self.storage)
        return partial(read, store=store, sandbox=sandbox, settings=settings)
