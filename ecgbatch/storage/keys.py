"""The secret from which ids are derived, and the name under which rows say which secret it was.

An id is HMAC-SHA256 (RFC 2104) of an address or of bytes. Without the secret nobody who has the
tables can try names of files until one gives a known id; with it, the archive's operator can.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from ecgbatch.errors import ConfigError

NEW, OLD = "ECGBATCH_ID_KEY", "ECGBATCH_ID_KEY_OLD"
"""Environment variables of the secret; with ``_FILE`` behind them, of the file that holds it."""

MIN_BYTES = 16  # a shorter one could be tried out, and then names again
_ID_DIGITS = 32
_KEY_ID_DIGITS = 8


def secret(variable: str = NEW, *, environment: Mapping[str, str] = os.environ) -> bytes:
    """Return the secret that the environment names; empty where it names none.

    Args:
        variable: ``NEW``, or ``OLD`` for the one that was used before.
        environment: Where to look.

    Raises:
        ConfigError: Both are given, the file cannot be read, or the secret is too short.
    """
    return _secret(variable, environment.get(variable, ""), environment.get(f"{variable}_FILE", ""))


@functools.cache
def _secret(variable: str, text: str, file: str) -> bytes:
    if text and file:
        raise ConfigError(f"{variable} and {variable}_FILE are both set: leave one out")
    found = os.fsencode(text)
    if file:
        try:
            found = Path(file).read_bytes().strip()
        except OSError:
            raise ConfigError(f"the file that {variable}_FILE names cannot be read") from None
        if not found:
            raise ConfigError(f"the file that {variable}_FILE names is empty")
    if found and len(found) < MIN_BYTES:
        raise ConfigError(
            f"the secret of {variable} is shorter than {MIN_BYTES} bytes: "
            "`openssl rand -hex 32` makes one"
        )
    return found


def key_id(key: bytes) -> str:
    """Return the name of a secret, which tells nothing of it; empty for none."""
    if not key:
        return ""
    return hmac.digest(key, b"ecgbatch key id", "sha256").hex()[:_KEY_ID_DIGITS]


def keyed_id(data: bytes, *, key: bytes | None = None) -> str:
    """Return 32 hexadecimal digits of HMAC-SHA256, or of SHA-256 where there is no secret.

    Args:
        data: What the id is of.
        key: The secret; by default the one that the environment names.
    """
    key = secret() if key is None else key
    if key:
        return hmac.digest(key, data, "sha256").hex()[:_ID_DIGITS]
    return hashlib.sha256(data).hexdigest()[:_ID_DIGITS]


def scan_id(uri: str, *, key: bytes | None = None) -> str:
    """Return the 32 hexadecimal digits under which a scan stands in every table."""
    return keyed_id(uri.encode("utf-8", "surrogateescape"), key=key)
