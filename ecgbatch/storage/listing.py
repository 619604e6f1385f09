"""Listing a bucket of an S3 store at the speed of its answers.

botocore spends 0.2 s of CPU on a page of 1000 keys, most of it on dates that nobody asked for
(``benchmarks/listing.py``); millions of keys would take longer to parse than to plan. So a page is
parsed here, by a handler of botocore's ``before-parse`` event. And because each page waits for the
one before it, the folders of an archive are listed side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from botocore.parsers import ResponseParserError

from ecgbatch.errors import StorageError

PARSE_EVENT = "before-parse.s3.ListObjectsV2"
DEEPEST = 8  # levels with a single folder that are looked through for a branching
MOST_FOLDERS = 256  # an archive of millions of small folders is listed flat
_EMPTY = b"<ListBucketResult/>"


class Page(NamedTuple):
    """One answer of a listing.

    Attributes:
        objects: Key, entity tag, length and Unix time of the last change.
        folders: Prefixes that were not looked into.
        token: What asks for the next page; None on the last one.
    """

    objects: list[tuple[str, str, int, float]]
    folders: list[str]
    token: str | None


Ask: TypeAlias = Callable[..., Future[Page]]
"""Starts a request for a page: ``ask(prefix, token=None, delimiter=None)``."""


def parse_page(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Take a listing's answer out of botocore's hands, and put a ``Page`` into its result.

    Raises:
        ResponseParserError: The body is no listing.
    """
    if response_dict["status_code"] != 200:
        return
    try:
        # The store that the operator chose speaks, and botocore's own parser is this one; expat
        # stops the expansion of entities.
        root = ET.fromstring(response_dict["body"])  # noqa: S314 - as above
    except ET.ParseError:
        raise ResponseParserError("the answer is no XML") from None
    space, tag, rest = root.tag.partition("ListBucketResult")
    if rest or not tag:
        raise ResponseParserError("the answer is no listing")
    plain = root.findtext(f"{space}EncodingType") != "url"
    wanted = [f"{space}{name}" for name in ("Key", "ETag", "Size", "LastModified")]
    objects = []
    for item in root.iterfind(f"{space}Contents"):
        key, etag, size, changed = (item.findtext(name, "") for name in wanted)
        objects.append((key if plain else unquote_plus(key), etag, int(size), _unix_s(changed)))
    folders = [
        text if plain else unquote_plus(text)
        for item in root.iterfind(f"{space}CommonPrefixes")
        for text in [item.findtext(f"{space}Prefix", "")]
    ]
    token = root.findtext(f"{space}NextContinuationToken")
    if root.findtext(f"{space}IsTruncated") == "true" and not token:
        raise ResponseParserError("a page that is not the last has no token")
    customized_response_dict["Page"] = Page(objects, folders, token)
    response_dict["body"] = _EMPTY


def _unix_s(text: str) -> float:
    """Read the time of a listing, which botocore's parser would take 0.1 ms for."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return float("nan")
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def pages(ask: Ask, prefix: str, *, at_once: int) -> Iterator[Page]:
    """Yield every page below a prefix, those of different folders as they come.

    Raises:
        StorageError: The store repeats itself.
    """
    top, folders = _branches(ask, prefix)
    if top is not None:
        yield top
    waiting = iter(folders)
    seen: set[int] = set()
    under_way: dict[Future[Page], str] = {}

    def start_more() -> None:
        while len(under_way) < at_once and (folder := next(waiting, None)) is not None:
            under_way[ask(folder)] = folder

    try:
        start_more()
        while under_way:
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                folder = under_way.pop(done)
                page = done.result()
                if page.token is not None:
                    sign = hash((folder, page.token))
                    if sign in seen:
                        raise StorageError(
                            "the store repeats a page of its listing, so the archive cannot be "
                            "listed whole: pass a manifest from the store's own inventory"
                        )
                    seen.add(sign)
                    under_way[ask(folder, token=page.token)] = folder
                start_more()
                yield page
    finally:
        for future in under_way:
            future.cancel()


def _branches(ask: Ask, prefix: str) -> tuple[Page | None, list[str]]:
    """Return the objects beside the first folders that branch, and the prefixes to list flat."""
    for _ in range(DEEPEST):
        page = ask(prefix, delimiter="/").result()
        if page.token is not None or len(page.folders) > MOST_FOLDERS:
            return None, [prefix]
        if page.objects or len(page.folders) != 1:
            return page, page.folders
        prefix = page.folders[0]
    return None, [prefix]
