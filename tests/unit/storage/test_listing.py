import math
from concurrent.futures import Future

import pytest
from botocore.parsers import ResponseParserError

from ecgbatch.errors import StorageError
from ecgbatch.storage import listing
from ecgbatch.storage.listing import Page, pages, parse_page

SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def parsed(body):
    response, result = {"status_code": 200, "body": body.encode()}, {}
    parse_page(response, result)
    return result["Page"]


def test_keys_are_unescaped_when_the_store_escaped_them():
    page = parsed(
        f"<ListBucketResult {SPACE}><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>a+b%20</NextContinuationToken>"
        "<Contents><Key>a+b%2B%0A</Key><ETag>&quot;1&quot;</ETag><Size>5</Size>"
        "<LastModified>1970-01-01T00:01:00.500Z</LastModified></Contents>"
        "<CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes></ListBucketResult>"
    )
    assert page == Page([("a b+\n", '"1"', 5, 60.5)], ["x y/"], "a+b%20")


def test_keys_are_left_alone_when_the_store_did_not():
    page = parsed(
        "<ListBucketResult><Contents><Key>a+b%2B</Key><ETag>1</ETag><Size>5</Size>"
        "<LastModified>1970-01-01T00:00:07</LastModified></Contents>"
        "<IsTruncated>false</IsTruncated></ListBucketResult>"
    )
    assert page == Page([("a+b%2B", "1", 5, 7.0)], [], None)


def test_a_time_that_is_none_is_unknown_and_no_reason_to_lose_an_object():
    page = parsed(
        "<ListBucketResult><Contents><Key>a</Key><Size>5</Size></Contents></ListBucketResult>"
    )
    ((key, _, size_bytes, modified_s),) = page.objects
    assert (key, size_bytes) == ("a", 5)
    assert math.isnan(modified_s)


@pytest.mark.parametrize(
    "body",
    [
        "<html>gateway</html>",
        "<ListBucketResult>",
        "",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    ],
)
def test_what_is_no_listing_is_a_broken_answer(body):
    with pytest.raises(ResponseParserError):
        parsed(body)


def test_an_error_is_left_to_botocore():
    response, result = {"status_code": 403, "body": b"<Error/>"}, {}
    parse_page(response, result)
    assert (response["body"], result) == (b"<Error/>", {})


class Bucket:
    """Answers like a store that holds ``keys`` and gives ``per_page`` of them at once."""

    def __init__(self, keys, per_page=3):
        self.keys = sorted(keys)
        self.per_page = per_page
        self.asked = []

    def ask(self, prefix, *, token=None, delimiter=None):
        self.asked.append((prefix, delimiter))
        names = {}
        for key in self.keys:
            if key.startswith(prefix) and key > (token or ""):
                head, cut, _ = (
                    key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
                )
                names[prefix + head + cut if cut else key] = bool(cut)
        page = list(names.items())[: self.per_page]
        answer = Future()
        answer.set_result(
            Page(
                [(name, "1", 1, 0.0) for name, is_folder in page if not is_folder],
                [name for name, is_folder in page if is_folder],
                page[-1][0] if len(names) > self.per_page else None,
            )
        )
        return answer

    def listed(self, prefix=""):
        found = [entry for page in pages(self.ask, prefix, at_once=4) for entry in page.objects]
        return sorted(key for key, *_ in found)


def test_folders_are_listed_side_by_side_and_nothing_is_lost_or_doubled():
    keys = [f"scans/{year}/{number}" for year in (2019, 2020) for number in range(10)]
    bucket = Bucket([*keys, "scans/top"])
    assert bucket.listed("scans/") == sorted([*keys, "scans/top"])
    assert {("scans/2019/", None), ("scans/2020/", None)} <= set(bucket.asked)
    assert ("scans/", None) not in bucket.asked


def test_single_folders_above_the_branching_are_looked_through():
    keys = [f"a/b/c/{year}/{number}" for year in (2019, 2020) for number in range(5)]
    bucket = Bucket(keys)
    assert bucket.listed() == keys
    assert ("a/b/c/2019/", None) in bucket.asked


def test_many_folders_are_listed_flat(monkeypatch):
    monkeypatch.setattr(listing, "MOST_FOLDERS", 5)
    keys = [f"{patient}/scan" for patient in range(40)]
    bucket = Bucket(keys, per_page=100)
    assert bucket.listed() == sorted(keys)
    assert bucket.asked == [("", "/"), ("", None)]


def test_objects_beside_one_folder_keep_both():
    assert Bucket(["a", "b/c"]).listed() == ["a", "b/c"]
    assert Bucket(["only/one"]).listed() == ["only/one"]
    assert Bucket(["a/b/c/d/e/f/g/h/i/j/k"]).listed() == ["a/b/c/d/e/f/g/h/i/j/k"]


def test_slashes_without_a_name_between_are_folders_too():
    keys = ["//a", "/b", "c//d", "c/e"]
    assert Bucket(keys).listed() == sorted(keys)


def test_a_store_that_repeats_itself_in_circles_is_stopped():
    tokens = {None: "a", "a": "b", "b": "a"}

    def ask(_prefix, *, token=None, delimiter=None):
        answer = Future()
        answer.set_result(Page([], [], tokens[token]))
        return answer

    with pytest.raises(StorageError, match="repeats"):
        list(pages(ask, "", at_once=4))
