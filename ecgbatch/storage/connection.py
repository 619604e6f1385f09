"""One connection to an object store per process, and the one way in which it is asked.

s3fs gives the session, the event loop in its own thread and the client; what is sent are single
requests on exact keys, because the path functions of s3fs normalise, expand and look up first.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiobotocore.httpsession import AIOHTTPSession
from s3fs import S3FileSystem

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError, StorageError
from ecgbatch.storage.listing import PARSE_EVENT, parse_page
from ecgbatch.storage.pace import Pace, delay_s
from ecgbatch.storage.verdict import FAILURES, Kind, RedirectedError, Verdict, judge

T = TypeVar("T")
Call = Callable[[Any], Awaitable[T]]

CONNECT_S = 10.0
SILENCE_S = 60.0  # longest wait for the next bytes
REQUEST_S = 900.0  # a store that drips is as good as none
PATIENCE = 8  # "slow down" is heard this many times as often as ``retries`` before giving up

_REGION = "x-amz-bucket-region"


class RefusedError(Exception):
    """A request that will not be made again.

    Attributes:
        verdict: Why.
        tries: How often it was sent.
    """

    def __init__(self, verdict: Verdict, tries: int) -> None:
        super().__init__(verdict.code)
        self.verdict = verdict
        self.tries = tries


class _Straight:
    """An HTTP session that follows no redirect: no answer may send us to another host.

    A redirect that names the bucket's region is the business of botocore, which finds the endpoint
    of that region by itself. At any other it would ask the same host again, endlessly.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, method: str, **options: Any) -> Any:
        answer = await self._session.request(method, allow_redirects=False, **options)
        if answer.status in {301, 302, 303, 307, 308} and _REGION not in answer.headers:
            answer.close()
            raise RedirectedError
        return answer


class _StraightSession(AIOHTTPSession):  # type: ignore[misc]  # untyped library
    """aiohttp follows redirects and repeats lost requests by itself; both are ours to decide."""

    async def _get_session(self, proxy_url: str | None) -> _Straight:
        session = await super()._get_session(proxy_url)
        # There is no public switch: it would repeat a PUT that may have been done already.
        session._retry_connection = False  # noqa: SLF001 - see the line above
        return _Straight(session)


class Connection:
    """A client of one object store, its event loop and its pace.

    Raises:
        ConfigError: The endpoint is a link-local or metadata address.
        StorageError: There is no usable client, for lack of a profile or a region.
    """

    def __init__(self, *, requests_at_once: int) -> None:
        self.pace = Pace(requests_at_once)
        region = os.environ.get("AWS_REGION")  # botocore knows only AWS_DEFAULT_REGION
        self._fs = S3FileSystem(
            skip_instance_cache=True,
            use_listings_cache=False,
            client_kwargs={"region_name": region} if region else {},
            config_kwargs={
                "connect_timeout": CONNECT_S,
                "read_timeout": SILENCE_S,
                "max_pool_connections": requests_at_once,
                "retries": {"total_max_attempts": 1},  # ``ask`` is the one place that retries
                "http_session_cls": _StraightSession,
            },
        )
        try:
            self._prepare(self._fs.connect())
        except FAILURES as error:
            raise StorageError(judge(error).fix or "the storage client cannot be set up") from None

    @staticmethod
    def _prepare(client: Any) -> None:
        require_public(client.meta.endpoint_url)
        client.meta.events.register_first(PARSE_EVENT, parse_page)

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin ``work`` on the event loop of the storage thread."""
        return asyncio.run_coroutine_threadsafe(work, self._fs.loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` and wait for it."""
        future = self.start(work)
        try:
            return future.result()
        finally:
            future.cancel()  # of no effect when done; ends the request after Ctrl-C

    async def ask(self, call: Call[T], *, retries: int) -> T:
        """Make one request, again where that can help, at the pace that the store bears.

        Args:
            call: Takes the client and makes the request, to its last byte.
            retries: How many broken answers are too many; requests to slow down count less.

        Raises:
            RefusedError: It will not succeed.
        """
        broken = slow = tries = 0
        renewed = False
        while True:
            tries += 1
            client = await self._fs.set_session()
            try:
                async with self.pace, asyncio.timeout(REQUEST_S):
                    answer = await call(client)
            except FAILURES as error:
                verdict = judge(error)
            else:
                self.pace.answered()
                return answer
            if verdict.kind is Kind.SLOW_DOWN:
                slow += 1
                self.pace.refused()
            elif verdict.kind in {Kind.BROKEN, Kind.CONFLICT}:
                broken += 1
                self.pace.refused()
            elif verdict.kind is Kind.EXPIRED and not renewed:
                renewed = True
                if await self._fs.set_session() is client:  # nobody else has renewed it
                    self._prepare(await self._fs.set_session(refresh=True))
                continue
            else:
                raise RefusedError(verdict, tries)
            if broken > retries or slow > PATIENCE * retries:
                raise RefusedError(verdict, tries)
            await asyncio.sleep(delay_s(broken + slow))


def connect(settings: StorageSettings) -> Connection:
    """Return the connection of this process; credentials and endpoint are the environment's."""
    surroundings = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    return _connection(os.getpid(), settings.requests_at_once, surroundings)


@functools.lru_cache(maxsize=8)
def _connection(
    _pid: int,  # neither sockets nor threads survive a fork
    requests_at_once: int,
    _surroundings: tuple[tuple[str, str], ...],
) -> Connection:
    return Connection(requests_at_once=requests_at_once)


_METADATA = {
    ipaddress.ip_address("100.100.100.200"),  # Alibaba Cloud
    ipaddress.ip_address("168.63.129.16"),  # Azure
    ipaddress.ip_address("fd00:ec2::254"),  # AWS over IPv6
}


def require_public(endpoint_url: str) -> None:
    """Refuse an endpoint that is a metadata service, which would hand out credentials.

    Raises:
        ConfigError: It is, or its name resolves to, a link-local or metadata address.
    """
    host = urlsplit(endpoint_url).hostname or ""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:  # no such name: the first request will say so
        return
    for text in found:
        address = ipaddress.ip_address(str(text).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped.is_link_local or mapped in _METADATA:
            raise ConfigError(
                "AWS_ENDPOINT_URL is a link-local or metadata address: name the object store"
            )
