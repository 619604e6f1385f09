"""Objects of an S3 store by their exact keys, one request each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, NoReturn

from ecgbatch.config import StorageSettings
from ecgbatch.errors import PageError, Reason, StorageError
from ecgbatch.storage.address import S3, split_s3
from ecgbatch.storage.connection import Call, Connection, RefusedError, T, connect
from ecgbatch.storage.listed import Listed
from ecgbatch.storage.listing import Ask, Page, pages
from ecgbatch.storage.throttle import requests_at_once
from ecgbatch.storage.verdict import FAILURES, Kind, ShortBodyError, judge

NONCE = "ecgbatch-put"
"""Metadata that tells our own PUT from another's when the answer was lost."""

# What is done, in the words of messages, and the permission that it takes.
_LISTING = ("listing the archive", "s3:ListBucket")
_READING = ("reading the archive", "s3:GetObject")
_LOOKING = ("looking up an object", "s3:GetObject and s3:ListBucket")
_WRITING = ("writing the output", "s3:PutObject")
_REMOVING = ("removing from the output", "s3:DeleteObject")


class S3Objects:
    """Reads and writes objects; addresses were checked by ``Store``.

    Args:
        settings: Retries, pace, and whether puts can be conditional.
    """

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings

    @property
    def _connection(self) -> Connection:
        return connect(self._settings)

    def _ask(self, call: Call[T]) -> T:
        connection = self._connection
        return connection.run(connection.ask(call, retries=self._settings.retries))

    def _insist(self, call: Call[T], doing: str, permission: str) -> T:
        try:
            return self._ask(call)
        except RefusedError as refused:
            _stop(refused, doing, permission)

    def list(self, folder_uri: str) -> Iterator[Listed]:
        """Yield what lies below a folder, or the one object of that very name."""
        bucket, key = split_s3(folder_uri)
        prefix = key if not key or key.endswith("/") else key + "/"
        empty = True
        try:
            for page in pages(
                self._ask_page(bucket), prefix, at_once=requests_at_once(self._settings)
            ):
                for name, etag, size_bytes, modified_s in page.objects:
                    empty = False
                    yield Listed(f"{S3}{bucket}/{name}", etag.strip('"'), size_bytes, modified_s)
        except RefusedError as refused:
            _stop(refused, *_LISTING)
        if empty and key:
            single = self.head(folder_uri)
            if single is not None:
                yield single

    def _ask_page(self, bucket: str) -> Ask:
        connection = self._connection

        def ask(
            prefix: str, *, token: str | None = None, delimiter: str | None = None
        ) -> Future[Page]:
            options = {"ContinuationToken": token, "Delimiter": delimiter}
            given = {name: value for name, value in options.items() if value is not None}

            async def call(client: Any) -> Page:
                answer = await client.list_objects_v2(Bucket=bucket, Prefix=prefix, **given)
                page: Page = answer["Page"]
                return page

            return connection.start(connection.ask(call, retries=self._settings.retries))

        return ask

    def read(self, uri: str, *, version: str | None, max_bytes: int | None) -> bytes:
        """Return a whole object, in one request."""
        return self.read_soon(uri, version=version, max_bytes=max_bytes)()

    def read_soon(
        self, uri: str, *, version: str | None, max_bytes: int | None
    ) -> Callable[[], bytes]:
        """Begin to read, and return the function that waits for the bytes."""
        connection = self._connection
        call = _reading(uri, version=version, max_bytes=max_bytes, span=None)
        future = connection.start(connection.ask(call, retries=self._settings.retries))

        def wait() -> bytes:
            try:
                return future.result()
            except RefusedError as refused:
                self._blame(refused, uri)
            finally:
                future.cancel()

        return wait

    def read_span(self, uri: str, *, start: int, stop: int, version: str) -> bytes:
        """Return the bytes from ``start`` to before ``stop`` of one version of an object."""
        call = _reading(uri, version=version, max_bytes=None, span=(start, stop))
        try:
            return self._ask(call)
        except RefusedError as refused:
            self._blame(refused, uri)

    def _blame(self, refused: RefusedError, uri: str) -> NoReturn:
        """Raise what a read that failed means: for the object, or for the whole run."""
        verdict = refused.verdict
        reason = {
            Kind.GONE: Reason.SOURCE_GONE,
            Kind.CHANGED: Reason.SOURCE_CHANGED,
            Kind.DENIED: Reason.ACCESS_DENIED,
            Kind.ODD: Reason.SOURCE_UNREADABLE,
            Kind.BROKEN: Reason.SOURCE_UNREADABLE,
        }.get(verdict.kind)
        if reason is None:
            _stop(refused, *_READING)
        if verdict.kind is Kind.BROKEN:
            # One bad object, or a store that is down? If it answers a question, it is up.
            bucket, _ = split_s3(uri)
            try:
                self._ask(lambda client: client.list_objects_v2(Bucket=bucket, MaxKeys=1))
            except RefusedError as deaf:
                if deaf.verdict.kind is not Kind.DENIED:
                    _stop(deaf, *_READING)
        raise PageError(reason, tries=refused.tries) from None

    def head(self, uri: str) -> Listed | None:
        """Return what a listing would say of one object, or None where there is none."""
        bucket, key = split_s3(uri)
        if not key:
            return None
        try:
            answer = self._ask(lambda client: client.head_object(Bucket=bucket, Key=key))
        except RefusedError as refused:
            if refused.verdict.kind is Kind.GONE:
                return None
            _stop(refused, *_LOOKING)
        changed = answer.get("LastModified")
        modified_s = float("nan") if changed is None else changed.timestamp()
        return Listed(uri, _version(answer), int(answer["ContentLength"]), modified_s)

    def write(self, uri: str, data: bytes) -> str:
        """Put a whole object in the place of whatever was there, and return its version."""
        return self._insist(_Put(uri, data), *_WRITING)

    def create(self, uri: str, data: bytes) -> bool:
        """Put a whole object where there is none; False where there is one."""
        if self._settings.single_writer:
            if self.head(uri) is not None:
                return False
            self.write(uri, data)
            return True
        put = _Put(uri, data, {"IfNoneMatch": "*"})
        try:
            self._ask(put)
        except RefusedError as refused:
            if refused.verdict.kind is not Kind.CHANGED:
                _stop(refused, *_WRITING)
            # It may be our own object that is in the way, of a try whose answer was lost.
            return self._insist(put.landed, *_LOOKING) is not None
        return True

    def delete(self, uri: str) -> None:
        """Remove an object; that there is none is fine."""
        bucket, key = split_s3(uri)
        try:
            self._ask(lambda client: client.delete_object(Bucket=bucket, Key=key))
        except RefusedError as refused:
            if refused.verdict.kind is not Kind.GONE:
                _stop(refused, *_REMOVING)


class _Put:
    """A PUT that may be sent again, because it looks first whether it has landed.

    When an answer is lost, nobody knows whether the object was written. Our own object carries
    our nonce; before another try, a HEAD says whether it is there.
    """

    def __init__(self, uri: str, data: bytes, condition: dict[str, str] | None = None) -> None:
        self._bucket, self._key = split_s3(uri)
        self._data = data
        self._condition = condition or {}
        self._nonce = secrets.token_hex(16)
        self._sent = False

    async def __call__(self, client: Any) -> str:
        if self._sent:
            version = await self.landed(client)
            if version is not None:
                return version
        self._sent = True
        answer = await client.put_object(
            Bucket=self._bucket,
            Key=self._key,
            Body=self._data,
            Metadata={NONCE: self._nonce},
            **self._condition,
        )
        return _version(answer)

    async def landed(self, client: Any) -> str | None:
        """Return the version of what this PUT wrote, or None where it wrote nothing."""
        try:
            answer = await client.head_object(Bucket=self._bucket, Key=self._key)
        except FAILURES as error:
            if judge(error).kind is Kind.GONE:
                return None
            raise
        ours = answer.get("Metadata", {}).get(NONCE) == self._nonce
        return _version(answer) if ours else None


def _reading(
    uri: str, *, version: str | None, max_bytes: int | None, span: tuple[int, int] | None
) -> Call[bytes]:
    bucket, key = split_s3(uri)
    condition: dict[str, str] = {"IfMatch": f'"{version}"'} if version else {}
    if span is not None:
        condition["Range"] = f"bytes={span[0]}-{span[1] - 1}"

    async def call(client: Any) -> bytes:
        answer = await client.get_object(Bucket=bucket, Key=key, **condition)
        async with answer["Body"] as body:
            size_bytes = int(answer.get("ContentLength", -1))
            if version and _version(answer) != version:  # the store does not know If-Match
                raise PageError(Reason.SOURCE_CHANGED)
            if max_bytes is not None and size_bytes > max_bytes:
                raise PageError(Reason.TOO_LARGE, size_bytes=size_bytes, max_bytes=max_bytes)
            data: bytes = await body.read()
        wanted = size_bytes if span is None else span[1] - span[0]
        if len(data) != wanted:
            raise ShortBodyError
        return data

    return call


def _version(answer: dict[str, Any]) -> str:
    return str(answer["ETag"]).strip('"')


def _stop(refused: RefusedError, doing: str, permission: str) -> NoReturn:
    verdict = refused.verdict
    text = {
        Kind.FATAL: verdict.fix,
        Kind.DENIED: f"storage denies {doing}: grant these credentials {permission}",
        Kind.EXPIRED: "the credentials have expired: renew them and run the same command again",
        Kind.SLOW_DOWN: (
            f"storage asked to slow down {refused.tries} times while {doing}: run again later, or "
            "with fewer workers and a smaller storage.requests_at_once"
        ),
        Kind.BROKEN: (
            f"storage gave no whole answer in {refused.tries} tries while {doing} "
            f"({verdict.code}): check the endpoint and the network, then run again"
        ),
        Kind.GONE: f"what is needed for {doing} is no longer there",
    }.get(verdict.kind, f"storage refused {doing} ({verdict.code})")
    raise StorageError(text) from None
