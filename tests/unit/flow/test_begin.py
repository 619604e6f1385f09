"""Tables that leave this machine have ids that nobody can try names on, or somebody insists."""

import pytest

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError
from ecgbatch.flow.begin import require_key
from ecgbatch.flow.output import Output

LAKE = "s3://lake/ecg"


@pytest.fixture(autouse=True)
def without_key(monkeypatch):
    for name in ("ECGBATCH_ID_KEY", "ECGBATCH_ID_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_an_output_in_object_storage_is_refused_without_a_key_and_told_how_to_make_one():
    with pytest.raises(ConfigError, match=r"_KEY_FILE .*openssl.* storage\.unkeyed_ids = true"):
        require_key(Output.at(LAKE, StorageSettings()))


def test_a_key_or_whoever_insists_is_enough(monkeypatch):
    require_key(Output.at(LAKE, StorageSettings(unkeyed_ids=True)))
    monkeypatch.setenv("ECGBATCH_ID_KEY", "0123456789abcdef")
    require_key(Output.at(LAKE, StorageSettings()))


def test_a_folder_of_this_machine_needs_none(tmp_path):
    require_key(Output.at(str(tmp_path), StorageSettings()))
