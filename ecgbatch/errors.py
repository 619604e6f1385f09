"""What can go wrong, and the stable codes under which a page is set aside.

* EcgbatchError
  x PageError            about one page or scan: becomes a row of ``quarantine``
  x RunError             about us or our surroundings: stops the run
    + ConfigError        a setting is wrong or impossible (exit status 2)
    + SchemaError        a stage broke its promise about columns
    + ChecksumError      a file is not the file it should be
    + StorageError       no access, no space, no answer after all retries
    + CapacityError      the cluster cannot hold the pools that were asked for
    + LeaseError         another run is writing to this output
    + ClusterError       Ray lost something that the run needs
    + BalanceError       pages in are not pages published + quarantined
    + QuarantineError    more pages are quarantined than the limit allows (exit status 3)

A page error carries a reason, numbers and nothing else: text from a page, a key or a library's
message can name a patient.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a page stands in ``quarantine``. An interface: codes are added, never renamed."""

    # the bytes
    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_CONTAINER = "unsupported_container"
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNSUPPORTED_PIXEL_FORMAT = "unsupported_pixel_format"
    CORRUPT_IMAGE = "corrupt_image"
    CORRUPT_PDF = "corrupt_pdf"
    CORRUPT_DICOM = "corrupt_dicom"
    CORRUPT_WAVEFORM = "corrupt_waveform"
    NOT_DICOM = "not_dicom"
    XML_FORBIDDEN = "xml_forbidden"
    ENCRYPTED = "encrypted"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    # the decoder's process
    DECODER_CRASH = "decoder_crash"
    TIMEOUT = "timeout"
    MEMORY_LIMIT = "memory_limit"
    # the archive
    SOURCE_GONE = "source_gone"
    SOURCE_CHANGED = "source_changed"
    SOURCE_UNREADABLE = "source_unreadable"
    ACCESS_DENIED = "access_denied"
    URI_NOT_ALLOWED = "uri_not_allowed"
    BAD_MANIFEST_ROW = "bad_manifest_row"
    # the page
    BLANK_PAGE = "blank_page"
    NOT_ECG = "not_ecg"
    NO_GRID = "no_grid"
    NO_TRACE = "no_trace"
    LAYOUT_UNKNOWN = "layout_unknown"
    REVIEW_REJECTED = "review_rejected"
    # the machines, and us
    WORKER_CRASH = "worker_crash"
    DEVICE_ERROR = "device_error"
    DEFECT = "defect"

    @property
    def retriable(self) -> bool:
        """Whether the same bytes may give another answer at another time."""
        return self in _RETRIABLE


_RETRIABLE = frozenset(
    {
        Reason.TIMEOUT,
        Reason.SOURCE_CHANGED,
        Reason.SOURCE_UNREADABLE,
        Reason.ACCESS_DENIED,
        Reason.WORKER_CRASH,
        Reason.DEVICE_ERROR,
        Reason.DEFECT,
    }
)


class EcgbatchError(Exception):
    """The root of everything this package raises on purpose."""


class PageError(EcgbatchError):
    """One page, or one scan, cannot be read; its neighbours can.

    Args:
        reason: The code under which it is set aside.
        **facts: Numbers that explain it. Numbers only: any text might name a patient.
    """

    def __init__(self, reason: Reason, **facts: float) -> None:
        self.reason = reason
        self.facts = {name: float(value) for name, value in facts.items()}
        numbers = ", ".join(f"{name}={value:g}" for name, value in self.facts.items())
        super().__init__(f"{reason.value}({numbers})" if numbers else reason.value)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by reason and facts; the default would pass the message as the reason."""
        return (_rebuild_page_error, (self.reason, self.facts))


def _rebuild_page_error(reason: Reason, facts: dict[str, float]) -> PageError:
    return PageError(reason, **facts)


class RunError(EcgbatchError):
    """Something about us or our surroundings; no page is to blame, and the run stops."""


class ConfigError(RunError):
    """A setting is wrong, or impossible here. The message says what to write instead."""


class SchemaError(RunError):
    """A stage was given, or gave back, other columns than it promised."""


class ChecksumError(RunError):
    """A file (weights, a published part) is not the file that was recorded."""


class StorageError(RunError):
    """Storage refused, is full, or did not answer after all retries."""


class CapacityError(RunError):
    """The cluster cannot hold the worker pools that were asked for."""


class LeaseError(RunError):
    """Another run holds the lease of this output."""


class ClusterError(RunError):
    """Ray lost something that the run needs: a machine, its memory, the stream itself."""


class BalanceError(RunError):
    """The books do not balance: pages of a run stand nowhere, or twice."""


class QuarantineError(RunError):
    """So many pages are quarantined that a person should look before the run goes on."""
