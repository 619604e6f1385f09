"""An archive that has healthy neighbours around whatever a test puts into it."""

import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import ReadSettings, StorageSettings
from ecgbatch.stages.read import Read
from ecgbatch.storage import open_store, to_uri
from tests.factories_files import NAME, jpeg, page, tiff


class Archive:
    """A folder, the stage that reads it, and neighbours whose rows are known."""

    def __init__(self, folder):
        self.folder = folder
        self._functions = {}
        self._files = 0
        self.before = self.put("before.jpg", jpeg(page(1)))
        self.after = self.put("after.tif", tiff([page(2), page(3)], photometric="rgb"))
        self.healthy = (self.run([self.before]), self.run([self.after]))

    def put(self, name, data):
        self._files += 1
        path = self.folder / str(self._files) / name
        path.parent.mkdir()
        path.write_bytes(data)
        store = open_store(to_uri(str(self.folder)), StorageSettings())
        return store.head(to_uri(str(path)))

    def run(self, listed, settings=None):
        """Return the tables that the stage yields for some files."""
        settings = settings or ReadSettings()
        if settings not in self._functions:
            root = to_uri(str(self.folder))
            self._functions[settings] = Read(settings, root, StorageSettings()).open()
        plan = [
            {
                "scan_id": f"{index:032x}",
                "uri": found.uri,
                "version": found.version,
                "size_bytes": found.size_bytes,
            }
            for index, found in enumerate(listed)
        ]
        return list(self._functions[settings](pa.Table.from_pylist(plan, schema=schema.PLAN)))

    def read(self, name, data, settings=None):
        """Read a file between its neighbours, and return its rows as dictionaries.

        Whatever it is, the neighbours' rows must be what they are without it, and no text of the
        file or of its name may be in a row.
        """
        found = self.put(name, data)
        tables = self.run([self.before, found, self.after], settings)
        rows = [table.drop(["pixels"]).to_pylist()[0] for table in tables]
        own = [index for index, row in enumerate(rows) if row["scan_id"] == f"{1:032x}"]
        _same(tables[: own[0]], self.healthy[0])
        _same(tables[own[-1] + 1 :], self.healthy[1])
        for index in own:
            assert NAME not in repr(rows[index])
            rows[index]["pixels"] = _pixels(tables[index])
        assert len(own) >= 1
        return [rows[index] for index in own]


def _same(tables, expected):
    assert len(tables) == len(expected)
    for table, known in zip(tables, expected, strict=True):
        left_out = ["stage_ms", "scan_id"]
        assert table.drop(left_out).equals(known.drop(left_out))


def _pixels(table):
    row = table.column("pixels")[0]
    if not row.is_valid:
        return None
    shape = table.column("pixels_shape")[0].as_py()
    return np.frombuffer(row.as_buffer(), np.uint8).reshape(shape)


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    return Archive(tmp_path_factory.mktemp(NAME))


@pytest.fixture
def nothing_is_said(capfd, caplog):
    """After every test of a fault: no text of a file in a log or on the terminal."""
    caplog.set_level(0)
    yield
    said = capfd.readouterr()
    assert NAME not in said.out + said.err + caplog.text
