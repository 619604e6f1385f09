import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgbatch.errors import ConfigError, PageError, Reason
from ecgbatch.storage import address


def test_a_relative_path_becomes_an_absolute_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert address.to_uri("scans/") == f"file://{tmp_path}/scans"


def test_what_is_an_escape_elsewhere_is_a_plain_character_here():
    assert address.to_uri("/a b/%20#x?y*") == "file:///a b/%20#x?y*"


@pytest.mark.parametrize(
    "text", ["https://host/x", "simplecache::s3://b/x", "S3://b/x", "s3://", "s3:///x", ""]
)
def test_any_other_kind_of_address_is_refused_by_name(text):
    with pytest.raises(ConfigError):
        address.to_uri(text)


def test_a_key_keeps_every_slash():
    assert address.split_s3("s3://b//abs//x/") == ("b", "/abs//x/")


@pytest.mark.parametrize(
    ("uri", "root", "expected"),
    [
        ("s3://b/scans/x", "s3://b/scans", True),
        ("s3://b/scans/x", "s3://b/scans/", True),
        ("s3://b/scans-2/x", "s3://b/scans", False),
        ("s3://b/x", "s3://b", True),
        ("s3://bb/x", "s3://b", False),
        ("file:///data/x", "file:///", True),
        ("file:///data/x", "file:///data", True),
        ("file:///database", "file:///data", False),
    ],
)
def test_a_root_is_a_folder_and_not_the_beginning_of_a_text(uri, root, expected):
    assert address.inside(uri, root) is expected


@pytest.mark.parametrize(
    "uri",
    [
        "s3://other/scans/x",
        "s3://archive/private/x",
        "file:///scans/../etc/passwd",
        "file:///scans/./x",
        "file:///scans/a\0b",
        "file://host/scans/x",
        "/scans/x",
        "http://169.254.169.254/latest/meta-data",
        "simplecache::file:///scans/x",
        "S3://archive/scans/x",
        "",
    ],
)
def test_an_address_outside_the_roots_is_refused(uri):
    with pytest.raises(PageError) as caught:
        address.require_allowed(uri, ["s3://archive/scans", "file:///scans"])
    assert caught.value.reason is Reason.URI_NOT_ALLOWED


@pytest.mark.parametrize(
    "uri", ["s3://archive/scans/../x", "s3://archive/scans//", "file:///scans/x"]
)
def test_an_address_below_a_root_is_allowed(uri):
    address.require_allowed(uri, ["s3://archive/scans", "file:///scans"])


def test_a_key_of_1024_bytes_is_the_longest():
    assert not address.too_long("s3://b/" + "\u00e9" * 512)
    assert address.too_long("s3://b/" + "\u00e9" * 512 + "x")


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_every_name_of_a_file_system_has_an_address_of_its_own(name):
    path = os.fsdecode(b"/" + name)
    uri = address.file_uri(path)
    uri.encode()
    assert address.local_path(uri) == path


def test_names_that_differ_only_in_how_they_are_written_keep_two_addresses():
    private = chr(0xF7FC)
    names = [os.fsdecode(b"/\xfc"), f"/{private}", "/\u00fc", "/u\u0308"]
    assert len({address.file_uri(name) for name in names}) == len(names)
