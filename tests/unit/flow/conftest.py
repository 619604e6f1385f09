"""What several tests of outputs under a key begin with."""

import pytest

from tests.drivers_flow import drive
from tests.factories_flow import KEY, archive


@pytest.fixture(scope="session")
def keyed(tmp_path_factory):
    """A dozen scans in small parts, and their tables with ids of ``KEY``; nobody changes them."""
    folder = tmp_path_factory.mktemp("keyed")
    source = archive(folder / "in", 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGBATCH_ID_KEY", KEY)
        drive(source, folder / "out")
    return source, folder / "out"
