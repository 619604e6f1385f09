"""Settings: one frozen class per stage, read from TOML, passed and never imported.

Everything that can change an output row is inside ``RunConfig.fingerprint``; worker counts, batch
sizes and retry policies live in ``pools`` and ``storage``, outside of it. The environment gives
credentials and endpoints only.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecgbatch.errors import ConfigError


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReadSettings(_Settings):
    """Limits on what is decoded; each is checked before memory is taken."""

    max_bytes: int = Field(default=256 * 2**20, gt=0, description="Largest file.")
    max_pixels: int = Field(default=64_000_000, gt=0, description="Largest page.")
    max_pages: int = Field(default=2_000, gt=0, description="Most pages in one file.")
    page_seconds: float = Field(default=30.0, gt=0, description="Longest time for one page.")
    decoder_memory_bytes: int = Field(
        default=3 * 2**30, gt=0, description="Address space of the decoding process."
    )
    pdf_dpi: float = Field(default=300.0, gt=0, le=1200, description="Rendering of mixed PDFs.")
    formats: frozenset[str] = Field(
        default=frozenset({"jpeg", "png", "tiff", "pdf", "dicom"}),
        description="Formats that are opened at all.",
    )


class RectifySettings(_Settings):
    """The upright page at one scale."""

    px_per_mm: float = Field(default=10.0, ge=4, le=40, description="Scale of rectified pages.")


class LocateSettings(_Settings):
    """Where leads are printed, and the scale where the page does not say."""

    speed_mm_per_s: float = Field(default=25.0, gt=0, description="Assumed where unknown.")
    gain_mm_per_mv: float = Field(default=10.0, gt=0, description="Assumed where unknown.")
    networks: bool = Field(default=True, description="Whether networks read names and scale.")


class TraceSettings(_Settings):
    """From ink to heights."""

    enabled: bool = Field(
        default=True,
        description="Whether scanned pages are digitized; without it they have labels alone.",
    )
    network: bool = Field(
        default=True, description="Whether a network says whose ink is whose, and fills gaps."
    )


class CalibrateSettings(_Settings):
    """From heights to microvolts, and how good they are."""

    fs_hz: float = Field(default=500.0, gt=0, le=2000, description="Rate of published signals.")


class DiagnoseSettings(_Settings):
    """What ECGs show."""

    enabled: bool = Field(default=True, description="Whether statements are made at all.")
    pixels: bool = Field(
        default=True, description="Whether members that see the page are asked as well."
    )


class PoolSettings(_Settings):
    """Workers and batches: speed, never content."""

    address: str | None = Field(default=None, description="Ray address; default: RAY_ADDRESS.")
    cpu_workers_min: int = Field(default=1, ge=1, le=100_000)
    cpu_workers_max: int | None = Field(default=None, ge=1, le=100_000, description="Default: all.")
    gpu_workers: int = Field(
        default=0, ge=0, le=10_000, description="That hold the networks which look at pages."
    )
    gpus_per_worker: float = Field(
        default=1.0, gt=0, le=8, description="A share, such as 0.125 for eight workers per GPU."
    )
    pages_per_gpu_batch: int = Field(
        default=16, ge=1, le=1024, description="Pages that a GPU worker looks at together."
    )
    diagnose_on_gpu: bool = Field(
        default=False,
        description="Whether statements are made on GPU workers of their own as well.",
    )
    scans_per_block: int = Field(default=32, ge=1, le=4096, description="Unit of work and retry.")
    scans_per_part: int = Field(default=1024, ge=1, le=100_000, description="Unit of commit.")
    object_store_bytes: int = Field(default=512 * 2**20, ge=80 * 2**20)
    max_attempts: int = Field(default=3, ge=2, le=100, description="Before a scan is set aside.")
    no_progress_seconds: float = Field(
        default=600.0, gt=0, description="A run in which no page ends for so long is stopped."
    )
    lost_machines_seconds: float = Field(
        default=60.0, gt=0, description="The same, once the cluster is smaller than it was planned."
    )
    dashboard: bool = Field(default=False, description="Start Ray's dashboard with a private Ray.")


class StorageSettings(_Settings):
    """How storage is approached: speed and safety, never content."""

    allowed_roots: tuple[str, ...] = Field(
        default=(), description="Addresses that listings may point to; default: the input itself."
    )
    requests_at_once: int = Field(default=16, ge=1, le=1024)
    retries: int = Field(default=8, ge=0, le=100)
    archive_requests_per_s: float | None = Field(
        default=None, gt=0, description="Requests to the archive, of all workers together."
    )
    archive_bytes_per_s: float | None = Field(
        default=None, gt=0, description="Bytes from the archive, of all workers together."
    )
    archive_requests_at_once: int | None = Field(
        default=None, ge=1, description="Requests in flight, of all workers together."
    )
    single_writer: bool = Field(
        default=False,
        description="For stores without conditional puts, where you run one job at a time.",
    )
    unkeyed_ids: bool = Field(
        default=False,
        description="Whether ids of an output in object storage may do without a secret.",
    )


class RunConfig(_Settings):
    """Everything a run can be told."""

    read: ReadSettings = ReadSettings()
    rectify: RectifySettings = RectifySettings()
    locate: LocateSettings = LocateSettings()
    trace: TraceSettings = TraceSettings()
    calibrate: CalibrateSettings = CalibrateSettings()
    diagnose: DiagnoseSettings = DiagnoseSettings()
    max_quarantined_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    quarantine_judged_from_pages: int = Field(
        default=1000,
        ge=1,
        description="A run stops above max_quarantined_share once so many pages have passed.",
    )
    release: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the Hive partition; default: software version and fingerprint.",
    )
    pools: PoolSettings = PoolSettings()
    storage: StorageSettings = StorageSettings()

    def networks(self) -> tuple[str, ...]:
        """Return the names of the models that are used."""
        looking = ("locator", "reader") if self.locate.networks else ()
        tracing = ("segmenter",) if self.trace.enabled and self.trace.network else ()
        judging = ("diagnosis",) if self.diagnose.enabled else ()
        glancing = ("page",) if self.diagnose.enabled and self.diagnose.pixels else ()
        return (*looking, *tracing, *judging, *glancing)

    def settings_json(self) -> str:
        """Every setting that can change a row, as canonical JSON."""
        outside = {
            *("pools", "storage", "release"),
            *("max_quarantined_share", "quarantine_judged_from_pages"),
        }
        return json.dumps(self.model_dump(exclude=outside), sort_keys=True, default=sorted)

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that change when a row could."""
        return hashlib.sha256(self.settings_json().encode()).hexdigest()[:16]


def load(path: Path | None) -> RunConfig:
    """Read a TOML file, or the defaults without one.

    Raises:
        ConfigError: The file is not there, not TOML, or has an unknown key or impossible value;
            the message names the key.
    """
    if path is None:
        return RunConfig()
    try:
        return RunConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no configuration file {path}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {key}: {first['msg']}") from error
