"""Addresses: how a place in storage is written, and which places are allowed.

An address is ``s3://bucket/key`` or ``file:///absolute/path``, character for character: nothing is
decoded, unescaped, expanded or normalised, because ``a//b``, ``a%2Fb`` and ``*`` are keys that
archives hold.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ecgbatch.errors import ConfigError, PageError, Reason

S3 = "s3://"
FILE = "file://"

S3_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
PATH_BYTES = 4096  # PATH_MAX of Linux

_PRIVATE = 0xF700
_FOREIGN = re.compile("[\udc80-\udcff\uf780-\uf7ff]")  # os.fsdecode's marks, and our own
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*(::|://)")


def to_uri(text: str) -> str:
    """Write what a person typed as an address; a plain path becomes ``file://``.

    Raises:
        ConfigError: It is another kind of address, or names no bucket.

    Example:
        >>> to_uri("/data/scans/")
        'file:///data/scans'
        >>> to_uri("s3://archive/2024/")
        's3://archive/2024/'
    """
    if text.startswith(S3):
        if not split_s3(text)[0]:
            raise ConfigError("an s3:// address needs a bucket: s3://bucket/prefix")
        return text
    path = text.removeprefix(FILE)
    if path == text and _SCHEME.match(text):
        raise ConfigError("only s3://bucket/prefix and local paths can be opened")
    if not path:
        raise ConfigError("an empty path names no place: write . for the current folder")
    return file_uri(os.path.abspath(os.path.expanduser(path)))


def split_s3(uri: str) -> tuple[str, str]:
    """Return bucket and key of an ``s3://`` address; the key keeps every slash."""
    bucket, _, key = uri.removeprefix(S3).partition("/")
    return bucket, key


def file_uri(path: str) -> str:
    """Return the address of an absolute path.

    Names that are not UTF-8, as old shares hold them, cannot stand in a table of text. Each of
    their foreign bytes is written as one private character, ``U+F700`` and the byte, and so are
    the bytes of such a private character itself: two names never have one address.
    """
    if not _FOREIGN.search(path):
        return FILE + path
    return FILE + _FOREIGN.sub(
        lambda found: "".join(chr(_PRIVATE + byte) for byte in os.fsencode(found[0])), path
    )


def local_path(uri: str) -> str:
    """Return the path of a ``file://`` address."""
    path = uri.removeprefix(FILE)
    if not _FOREIGN.search(path):
        return path
    pieces = (
        bytes((ord(char) - _PRIVATE,)) if _FOREIGN.match(char) else os.fsencode(char)
        for char in path
    )
    return os.fsdecode(b"".join(pieces))


def folder(uri: str) -> str:
    """Return the address of the folder in which an object lies."""
    return uri.rpartition("/")[0]


def is_manifest(uri: str) -> bool:
    """Tell whether an input is a list of scans and not a folder of them."""
    return uri.lower().endswith((".csv", ".parquet"))


def join(folder_uri: str, name: str) -> str:
    """Return the address of ``name`` inside a folder."""
    return f"{folder_uri.removesuffix('/')}/{name}"


def inside(uri: str, root_uri: str) -> bool:
    """Tell whether an address lies at or below a root, by its text alone.

    A root is a folder: ``s3://b/scans`` holds ``s3://b/scans/x`` and not ``s3://b/scans-2/x``.

    Example:
        >>> inside("s3://b/scans/../x", "s3://b/scans"), inside("s3://b/scans-2/x", "s3://b/scans")
        (True, False)
    """
    root = root_uri.removesuffix("/")
    if root in {"s3:/", "file:/", "file://"}:
        root = root_uri
    return uri == root or uri.startswith(root if root.endswith("/") else root + "/")


def require_allowed(uri: str, roots: Sequence[str]) -> None:
    """Refuse an address that no listing of ours could have given.

    Lists and manifests are written by others, so an address is checked before any request is
    made: its scheme, its bucket, and that it lies below a root. In a key of an object store
    ``..`` is a name like any other; in a path it is a way out.

    Raises:
        PageError: ``URI_NOT_ALLOWED``.
    """
    if uri.startswith(S3):
        allowed = any(inside(uri, root) for root in roots)
    elif uri.startswith(FILE + "/") and "\0" not in uri:
        segments = local_path(uri).split("/")
        allowed = not {".", ".."} & set(segments) and any(inside(uri, root) for root in roots)
    else:
        allowed = False
    if not allowed:
        raise PageError(Reason.URI_NOT_ALLOWED)


def too_long(uri: str) -> bool:
    """Tell whether no store could hold such a name."""
    if uri.startswith(S3):
        return len(os.fsencode(split_s3(uri)[1])) > S3_KEY_BYTES
    return len(os.fsencode(uri)) > PATH_BYTES
