"""What the rest of the package sees of storage."""

from __future__ import annotations

import io
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ecgbatch.config import StorageSettings
from ecgbatch.errors import PageError, Reason, StorageError
from ecgbatch.storage.address import S3, folder, inside, is_manifest, join, require_allowed, to_uri
from ecgbatch.storage.listed import Listed
from ecgbatch.storage.local import LocalFiles
from ecgbatch.storage.ranged import RangedFile
from ecgbatch.storage.s3 import S3Objects
from ecgbatch.storage.throttle import Throttle, requests_at_once, throttle_of

AHEAD = 4  # a page takes several times as long to decode as to fetch
LISTED_AT_ONCE = 1000  # objects in one answer of a listing


class _Backend(Protocol):
    def list(self, folder_uri: str) -> Iterator[Listed]: ...
    def read(self, uri: str, *, version: str | None, max_bytes: int | None) -> bytes: ...
    def read_soon(
        self, uri: str, *, version: str | None, max_bytes: int | None
    ) -> Callable[[], bytes]: ...
    def read_span(self, uri: str, *, start: int, stop: int, version: str) -> bytes: ...
    def head(self, uri: str) -> Listed | None: ...
    def write(self, uri: str, data: bytes) -> str: ...
    def create(self, uri: str, data: bytes) -> bool: ...
    def delete(self, uri: str) -> None: ...


class Store:
    """One root in storage, and what may be read beside it.

    A store is cheap to make and to pickle: connections belong to the process and are made when
    they are first needed. Messages of its errors hold no part of an address.

    Args:
        root_uri: ``s3://bucket/prefix`` or ``file:///folder``; a prefix is a folder, too. Of a
            manifest, the folder that it lies in may be read unless the settings say otherwise.
        settings: Allowed roots, retries and pace.

    Raises:
        ConfigError: The root, or an allowed root, is no address.
    """

    def __init__(self, root_uri: str, settings: StorageSettings) -> None:
        self.root_uri = to_uri(root_uri)
        self.settings = settings
        allowed = tuple(map(to_uri, settings.allowed_roots))
        if is_manifest(self.root_uri) and not allowed:
            allowed = (folder(self.root_uri),)
        self._roots = (self.root_uri, *allowed)
        self._s3 = S3Objects(settings)
        self._local = LocalFiles(self._roots, settings)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by root and settings."""
        return (Store, (self.root_uri, self.settings))

    def _backend(self, uri: str) -> _Backend:
        return self._s3 if uri.startswith(S3) else self._local

    def require_allowed(self, uri: str) -> None:
        """Refuse an address outside the allowed roots, without any request.

        Raises:
            PageError: ``URI_NOT_ALLOWED``.
        """
        require_allowed(uri, self._roots)

    def list(self, folder_uri: str | None = None) -> Iterator[Listed]:
        """Yield every object below a folder (by default the root), as the store gives them.

        Raises:
            ConfigError: The root is a path where nothing is.
            StorageError: The store cannot be listed to its end.
        """
        folder_uri = self.root_uri if folder_uri is None else folder_uri
        self._require_own(folder_uri)
        return _at_pace(self._backend(folder_uri).list(folder_uri), throttle_of(self.settings))

    def read(self, uri: str, *, version: str | None = None, max_bytes: int | None = None) -> bytes:
        """Return the bytes of one object, whole and of the version that was listed.

        Args:
            uri: Its exact address.
            version: From the listing; empty or None takes whatever is there.
            max_bytes: Longer objects are refused before their bytes are fetched.

        Raises:
            PageError: ``SOURCE_GONE``, ``SOURCE_CHANGED``, ``SOURCE_UNREADABLE``,
                ``ACCESS_DENIED``, ``TOO_LARGE`` or ``URI_NOT_ALLOWED``.
            StorageError: The store, not the object, is the trouble.
        """
        self.require_allowed(uri)
        throttle = throttle_of(self.settings)
        if throttle is not None:
            throttle.before_request()
        data = self._backend(uri).read(uri, version=version, max_bytes=max_bytes)
        if throttle is not None:
            throttle.after_bytes(len(data))
        return data

    def read_many(
        self, wanted: Iterable[tuple[str, str | None]], *, max_bytes: int | None = None
    ) -> Iterator[bytes | PageError]:
        """Yield the bytes, or what is wrong, of each ``(uri, version)``, in their order.

        The next few are fetched while one is used, and no more: objects may be large.

        Raises:
            StorageError: The store, not an object, is the trouble.
        """
        under_way: deque[Callable[[], bytes] | PageError] = deque()
        throttle = throttle_of(self.settings)
        ahead = min(AHEAD, requests_at_once(self.settings))
        for uri, version in wanted:
            if len(under_way) >= ahead:
                yield _outcome(under_way.popleft(), throttle)
            try:
                self.require_allowed(uri)
            except PageError as error:
                under_way.append(error)
            else:
                if throttle is not None:
                    throttle.before_request()
                read_soon = self._backend(uri).read_soon
                under_way.append(read_soon(uri, version=version, max_bytes=max_bytes))
        while under_way:
            yield _outcome(under_way.popleft(), throttle)

    def open(self, uri: str) -> io.BufferedReader:
        """Return a large object as a seekable file that is fetched in pieces as they are read.

        Raises:
            PageError: As for ``read``, also while reading.
            StorageError: As for ``read``, also while reading.
        """
        self.require_allowed(uri)
        backend = self._backend(uri)
        found = backend.head(uri)
        if found is None:
            raise PageError(Reason.SOURCE_GONE)

        throttle = throttle_of(self.settings)

        def read_span(start: int, stop: int) -> bytes:
            if throttle is not None:
                throttle.before_request()
                throttle.after_bytes(stop - start)
            return backend.read_span(uri, start=start, stop=stop, version=found.version)

        return io.BufferedReader(RangedFile(read_span, found.size_bytes))

    def head(self, uri: str) -> Listed | None:
        """Return what a listing would say of one object; None where there is none.

        Raises:
            StorageError: The store does not say.
        """
        self.require_allowed(uri)
        return self._backend(uri).head(uri)

    def write(self, uri: str, data: bytes) -> str:
        """Put a whole object, in the place of whatever was there, and return its version.

        Readers see the old object or the new one, never half of one.

        Raises:
            StorageError: It is not certain that the object was written.
        """
        self._require_own(uri)
        return self._backend(uri).write(uri, data)

    def create(self, uri: str, data: bytes) -> bool:
        """Put a whole object where there is none; of many who try, exactly one gets True.

        Raises:
            StorageError: It is not certain whether the object was written.
        """
        self._require_own(uri)
        return self._backend(uri).create(uri, data)

    def delete(self, uri: str) -> None:
        """Remove an object; that there is none is fine.

        Raises:
            StorageError: It is not certain whether the object is gone.
        """
        self._require_own(uri)
        self._backend(uri).delete(uri)

    def probe(self, folder_uri: str | None = None) -> None:
        """Make sure that a folder can be written, and that a put can be made conditional.

        Two runs over one output are kept apart by puts that succeed only where there is no
        object. A store that accepts such a put twice would let both of them win.

        Raises:
            StorageError: No access, or no conditional puts and not ``storage.single_writer``.
        """
        place = join(folder_uri or self.root_uri, f".probe-{secrets.token_hex(8)}")
        first = self.create(place, b"first")
        second = self.create(place, b"second")
        self.delete(place)
        if not first or second:
            raise StorageError(
                "this store has no conditional puts, so two runs could not be kept apart: "
                "set storage.single_writer = true if no other run writes to this output"
            )

    def _require_own(self, uri: str) -> None:
        if not inside(uri, self.root_uri):
            raise StorageError("an address outside of the output was to be written or listed")


def _outcome(
    pending: Callable[[], bytes] | PageError, throttle: Throttle | None
) -> bytes | PageError:
    if isinstance(pending, PageError):
        return pending
    try:
        data = pending()
    except PageError as error:
        return error
    if throttle is not None:
        throttle.after_bytes(len(data))
    return data


def _at_pace(found: Iterator[Listed], throttle: Throttle | None) -> Iterator[Listed]:
    """Ask for the next answer of a listing no sooner than the throttle allows."""
    if throttle is None:
        return found

    def paced() -> Iterator[Listed]:
        for number, listed in enumerate(found):
            if number % LISTED_AT_ONCE == 0:
                throttle.before_request()
            yield listed

    return paced()


def open_store(uri: str, settings: StorageSettings | None = None) -> Store:
    """Open a root in storage; nothing is asked of the store yet.

    Raises:
        ConfigError: It is no address.
    """
    return Store(uri, settings or StorageSettings())
