"""Files of a local or mounted file system, with the manners of an object store."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import NoReturn

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError, PageError, Reason, StorageError
from ecgbatch.storage.address import FILE, file_uri, local_path
from ecgbatch.storage.listed import Listed

_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}
_DENIED = {errno.EACCES, errno.EPERM}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class LocalFiles:
    """Reads and writes files; the text of addresses was checked by ``Store``.

    Args:
        roots: ``file://`` addresses that a path may not leave through a symbolic link.
        settings: Whether this is the only writer.
    """

    def __init__(self, roots: Sequence[str], settings: StorageSettings) -> None:
        self._roots = [root for root in roots if root.startswith(FILE)]
        self._settings = settings

    def list(self, folder_uri: str) -> Iterator[Listed]:
        """Yield the files below a folder, in no particular order, or the one file itself.

        A link to a folder inside the root is left out, because that folder is listed anyway; any
        other link and special file is listed and left to ``read``, so that none is lost silently.
        """
        top = local_path(folder_uri)
        if not os.path.isdir(top):
            single = self.head(folder_uri)
            if single is not None:
                yield single
            elif folder_uri in self._roots:
                raise ConfigError("there is no such folder or file: check the path")
            return
        waiting = [top]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        elif not (entry.is_dir() and self._contained(entry.path)):
                            found = _listed(entry.path)
                            if found is not None:
                                yield found
            except FileNotFoundError:
                continue  # removed since its parent was read: it is not there
            except OSError as error:
                _stop(error, "listing a folder of the archive")

    def read(self, uri: str, *, version: str | None, max_bytes: int | None) -> bytes:
        """Return a whole file."""
        try:
            with self._opened(uri, version) as (handle, size_bytes):
                if max_bytes is not None and size_bytes > max_bytes:
                    raise PageError(Reason.TOO_LARGE, size_bytes=size_bytes, max_bytes=max_bytes)
                return _read_exactly(handle, 0, size_bytes)
        except OSError as error:
            self._blame(error)

    def read_soon(
        self, uri: str, *, version: str | None, max_bytes: int | None
    ) -> Callable[[], bytes]:
        """Return the function that reads: a disk gains nothing from a head start."""
        return partial(self.read, uri, version=version, max_bytes=max_bytes)

    def read_span(self, uri: str, *, start: int, stop: int, version: str) -> bytes:
        """Return the bytes from ``start`` to before ``stop`` of one version of a file."""
        try:
            with self._opened(uri, version) as (handle, _):
                return _read_exactly(handle, start, stop)
        except OSError as error:
            self._blame(error)

    @contextmanager
    def _opened(self, uri: str, version: str | None) -> Iterator[tuple[int, int]]:
        path = local_path(uri)
        if not self._contained(path):
            raise PageError(Reason.URI_NOT_ALLOWED)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe has no writer
        try:
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode):
                raise PageError(Reason.URI_NOT_ALLOWED)
            if version and _version(before) != version:
                raise PageError(Reason.SOURCE_CHANGED)
            yield handle, before.st_size
            if _version(os.fstat(handle)) != _version(before):
                raise PageError(Reason.SOURCE_CHANGED)
        finally:
            os.close(handle)

    def _contained(self, path: str) -> bool:
        real = os.path.realpath(path)
        tops = [os.path.realpath(local_path(root)) for root in self._roots]
        return any(real == top or real.startswith(top.rstrip("/") + "/") for top in tops)

    def _blame(self, error: OSError) -> NoReturn:
        """Raise what a read that failed means: for the file, or for the whole run."""
        if not any(os.path.exists(local_path(root)) for root in self._roots):
            raise StorageError(
                "the folder of the archive is not there: is its disk or share mounted?"
            ) from None
        reason = Reason.SOURCE_UNREADABLE
        if error.errno in _GONE:
            reason = Reason.SOURCE_GONE
        elif error.errno in _DENIED:
            reason = Reason.ACCESS_DENIED
        raise PageError(reason, errno=error.errno or 0) from None

    def head(self, uri: str) -> Listed | None:
        """Return what a listing would say of one file, or None where there is none."""
        path = local_path(uri)
        if os.path.isdir(path):
            return None
        return _listed(path)

    def write(self, uri: str, data: bytes) -> str:
        """Put a whole file in the place of whatever was there, and return its version."""
        path = local_path(uri)
        try:
            with _beside(path, data) as temporary:
                written = os.stat(temporary)
                os.replace(temporary, path)
            _settle_folder(path)
        except OSError as error:
            _stop(error, "writing the output")
        return _version(written)

    def create(self, uri: str, data: bytes) -> bool:
        """Put a whole file where there is none; False where there is one.

        A link to a finished file appears at once and whole, and only where the name is free.
        """
        path = local_path(uri)
        try:
            with _beside(path, data) as temporary:
                os.link(temporary, path)
            _settle_folder(path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in _NO_LINKS and self._settings.single_writer:
                return self._create_alone(uri, data)
            if error.errno in _NO_LINKS:
                raise StorageError(
                    "this file system cannot create a file only where there is none: "
                    "set storage.single_writer = true if no other run writes here"
                ) from None
            _stop(error, "writing the output")
        return True

    def _create_alone(self, uri: str, data: bytes) -> bool:
        if self.head(uri) is not None:
            return False
        self.write(uri, data)
        return True

    def delete(self, uri: str) -> None:
        """Remove a file; that there is none is fine."""
        try:
            with suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(local_path(uri))
        except OSError as error:
            _stop(error, "removing from the output")


def _listed(path: str) -> Listed | None:
    try:
        try:
            found = os.stat(path)
        except OSError:
            found = os.lstat(path)  # a link to nowhere is listed, and gone when it is read
    except OSError as error:
        if error.errno in _GONE:
            return None
        _stop(error, "looking up a file")
    return Listed(file_uri(path), _version(found), found.st_size, found.st_mtime)


def _version(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}"


def _read_exactly(handle: int, start: int, stop: int) -> bytes:
    pieces = []
    while start < stop:
        piece = os.pread(handle, stop - start, start)
        if not piece:
            raise PageError(Reason.SOURCE_CHANGED)  # it shrank under our eyes
        pieces.append(piece)
        start += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@contextmanager
def _beside(path: str, data: bytes) -> Iterator[str]:
    """Write a file beside ``path``, whole and on disk, under a name that no reader's glob takes.

    DuckDB and polars read hidden ``*.parquet`` files too, so the ending is another one.
    """
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    temporary = f"{folder}/.{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with suppress(FileNotFoundError):  # moved to its place
            os.unlink(temporary)


def _settle_folder(path: str) -> None:
    """Bring a new name in a folder to disk, where the file system can do that for folders."""
    handle = os.open(os.path.dirname(path), os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _stop(error: OSError, doing: str) -> NoReturn:
    if error.errno in _FULL:
        fix = "storage is full or over its quota: free space, then run the same command again"
    elif error.errno in _DENIED:
        fix = f"no permission for {doing}: check owner and mode of the folder"
    elif error.errno == errno.EROFS:
        fix = "the output is on a read-only file system: choose another folder"
    elif error.errno in {errno.ENOTDIR, errno.EISDIR}:
        fix = f"{doing}: a file stands where a folder is needed"
    else:
        fix = f"{doing} failed ({errno.errorcode.get(error.errno or 0, 'unknown')})"
    raise StorageError(fix) from None
