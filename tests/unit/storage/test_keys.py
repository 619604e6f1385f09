"""Ids are derived from a secret, and rows say which."""

import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.storage import keys

SECRET = "a secret of enough bytes"


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in (keys.NEW, keys.OLD):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def test_an_id_is_the_same_everywhere_and_another_with_a_secret(monkeypatch):
    # printf s3://b/x | sha256sum
    assert keys.scan_id("s3://b/x") == "28b1755ca62c562b7e6cca7e49a8f632"
    monkeypatch.setenv("ECGBATCH_ID_KEY", SECRET)
    # printf s3://b/x | openssl dgst -sha256 -hmac "a secret of enough bytes"
    assert keys.scan_id("s3://b/x") == "66eaed417c95cf682e7217ab48216879"


def test_a_key_has_a_name_that_is_not_a_part_of_it(monkeypatch):
    assert keys.key_id(keys.secret()) == ""
    monkeypatch.setenv("ECGBATCH_ID_KEY", SECRET)
    # printf "ecgbatch key id" | openssl dgst -sha256 -hmac "a secret of enough bytes"
    assert keys.key_id(keys.secret()) == "5fbcded9"


def test_a_secret_in_a_file_gives_the_same_ids(monkeypatch, tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv("ECGBATCH_ID_KEY_FILE", str(file))
    assert keys.secret() == SECRET.encode()
    monkeypatch.setenv("ECGBATCH_ID_KEY", SECRET)
    with pytest.raises(ConfigError, match="both set"):
        keys.secret()


@pytest.mark.parametrize(
    ("content", "message"), [("", "empty"), ("short", "shorter than 16"), (None, "cannot be read")]
)
def test_a_file_without_a_secret_is_refused_without_a_word_of_it(
    content, message, monkeypatch, tmp_path
):
    file = tmp_path / f"key of {content}"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("ECGBATCH_ID_KEY_FILE", str(file))
    with pytest.raises(ConfigError, match=message) as refused:
        keys.secret()
    assert str(file) not in str(refused.value)
