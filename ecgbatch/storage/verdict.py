"""What an answer of an object store means for the request, the page and the run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import aiohttp
import botocore.exceptions as boto
from botocore.parsers import ResponseParserError


class Kind(Enum):
    """What to do about a failed request."""

    SLOW_DOWN = auto()  # ask less, then again
    BROKEN = auto()  # no whole answer: again, and what a write did is unknown
    EXPIRED = auto()  # look for fresh credentials, then again
    CONFLICT = auto()  # another writer is at it right now: again
    GONE = auto()
    CHANGED = auto()  # the object is not the version that was asked for
    DENIED = auto()  # for this object
    ODD = auto()  # refused for a reason of this one request
    FATAL = auto()  # concerns every request


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a failure means.

    Attributes:
        kind: What to do about it.
        code: The store's word for it; one of a closed vocabulary, never text of a key.
        fix: For ``FATAL``: a sentence for the person who runs the job.
    """

    kind: Kind
    code: str
    fix: str = ""


class ShortBodyError(Exception):
    """The body ended before the announced length."""


class RedirectedError(Exception):
    """The endpoint named another host."""


_SLOW_DOWN = {
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "TooManyRequests",
    "503",
    "429",
}
_BROKEN = {
    "InternalError",
    "RequestTimeout",
    "OperationAborted",
    "BadDigest",
    "IncompleteBody",
    "408",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_GONE = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
_CHANGED = {"PreconditionFailed", "412", "304", "NotModified"}
_CONFLICT = {"ConditionalRequestConflict", "409"}
_DENIED = {"AccessDenied", "403", "Forbidden", "InvalidObjectState", "AllAccessDisabled"}
_FULL = "storage is full or over its quota: free space or raise the quota, then run again"
_CREDENTIALS = (
    "the store does not accept the credentials: "
    "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
)
_REDIRECT = (
    "the endpoint answers with a redirect, which is not followed: "
    "set AWS_ENDPOINT_URL and AWS_DEFAULT_REGION to where the bucket is"
)
_NO_CONDITIONS = (
    "the store does not know conditional puts: "
    "set storage.single_writer = true if no other run writes to this output"
)
_FATAL = {
    "RequestTimeTooSkewed": (
        "this machine's clock differs too much from the store's: set the clock (NTP), "
        "then run again"
    ),
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "AccountProblem": _CREDENTIALS,
    "NotSignedUp": _CREDENTIALS,
    "NoSuchBucket": "the bucket does not exist at this endpoint: check its name and the endpoint",
    "PermanentRedirect": _REDIRECT,
    "TemporaryRedirect": _REDIRECT,
    "AuthorizationHeaderMalformed": (
        "the request was signed for another region: set AWS_DEFAULT_REGION to the bucket's"
    ),
    "IllegalLocationConstraintException": "set AWS_DEFAULT_REGION to the bucket's region",
    "QuotaExceeded": _FULL,
    "InsufficientStorage": _FULL,
    "XMinioStorageFull": _FULL,
    "XMinioAdminBucketQuotaExceeded": _FULL,
    "507": _FULL,
    **dict.fromkeys(("NotImplemented", "501"), _NO_CONDITIONS),
    **dict.fromkeys(("301", "302", "303", "307", "308"), _REDIRECT),
}


FAILURES = (
    ShortBodyError,
    boto.ClientError,
    boto.BotoCoreError,
    ResponseParserError,  # a gateway's page of HTML where XML should be
    aiohttp.ClientError,
    OSError,  # resets and timeouts
)
"""Exceptions that are an answer of a store, or the lack of one."""

_FATAL_HERE = (
    (
        (boto.NoCredentialsError, boto.PartialCredentialsError),
        "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    ),
    (
        (boto.ProfileNotFound, boto.ConfigParseError, boto.NoRegionError, boto.InvalidRegionError),
        "the storage client cannot be set up: check AWS_PROFILE, AWS_DEFAULT_REGION and ~/.aws",
    ),
)
_CERTIFICATE = "the store's certificate is not trusted here: set AWS_CA_BUNDLE to its authority"


def judge(error: Exception) -> Verdict:
    """Say what one of ``FAILURES`` means."""
    if isinstance(error, boto.ClientError):
        return _of_answer(error)
    name = type(error).__name__
    for types, fix in _FATAL_HERE:
        if isinstance(error, types):
            return Verdict(Kind.FATAL, name, fix)
    if isinstance(error, boto.SSLError) and "certificate" in str(error).lower():
        return Verdict(Kind.FATAL, name, _CERTIFICATE)
    if isinstance(error, boto.HTTPClientError) and isinstance(
        error.kwargs.get("error"), RedirectedError
    ):
        return Verdict(Kind.FATAL, name, _REDIRECT)
    if isinstance(error, boto.ParamValidationError):
        return Verdict(Kind.ODD, name)
    return Verdict(Kind.BROKEN, name)


def _of_answer(error: boto.ClientError) -> Verdict:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    # A word that is not known may be anything, so the number stands for it.
    for said in (code, str(status)):
        for words, kind in _KINDS:
            if said in words:
                return Verdict(kind, said)
        if said in _FATAL:
            return Verdict(Kind.FATAL, said, _FATAL[said])
    return Verdict(Kind.BROKEN if status >= 500 else Kind.ODD, str(status))


_KINDS = (
    (_SLOW_DOWN, Kind.SLOW_DOWN),
    (_BROKEN, Kind.BROKEN),
    (_EXPIRED, Kind.EXPIRED),
    (_GONE, Kind.GONE),
    (_CHANGED, Kind.CHANGED),
    (_CONFLICT, Kind.CONFLICT),
    (_DENIED, Kind.DENIED),
)
