"""fault_103: a name, a number and a secret, planted wherever archives have them, are found nowhere.

They stand in folders and names of files, in tags (EXIF, TIFF, PDF, DICOM), on the page, and in the
message of an exception. Everything that a run on Ray leaves behind is searched for them, in the
forms in which text is written down, but for ``runs/``, which holds the names of files by design.
"""

import base64
import binascii
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, TiffImagePlugin

from ecgbatch import schema
from ecgbatch.config import RunConfig
from ecgbatch.flow.report import gather
from ecgbatch.flow.run import convert
from ecgbatch.report.run_page import html
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows
from jobs.convert import stages
from tests import factories_dicom, factories_files

pytestmark = pytest.mark.ray

NAME, NUMBER, SECRET = "Zyxwvut^Canary", "MRN-7305519862", "s3cr3t-of-the-canary"
FORBIDDEN = (NAME, "Zyxwvut", NUMBER, "7305519862", SECRET)
CONFIG = RunConfig.model_validate({"trace": {"network": False}})


@dataclass(frozen=True, slots=True)
class Betray:
    """A stage with a defect that quotes what it read: the address, the name, the secret."""

    name: ClassVar[str] = "betray"
    needs: ClassVar[Needs] = Needs()
    reads: ClassVar[pa.Schema] = schema.DECODED
    writes: ClassVar[pa.Schema] = schema.DECODED

    def open(self) -> TableFunction:
        return partial(
            map_rows, function=_betray, stage=self.name, reads=self.reads, writes=self.writes
        )


def _betray(row: Row) -> Iterator[Values]:
    if row["source_format"] == "png":
        raise ValueError(f"cannot read {NAME} {NUMBER} {SECRET}", {NAME: NUMBER})
    yield {}


def archive(folder):
    """One file of each format, with the canaries in its name, in its tags and on its page."""
    inside = folder / NAME
    inside.mkdir(parents=True)
    pixels = np.full((900, 1200, 3), 255, np.uint8)
    cv2.putText(pixels, f"{NAME} {NUMBER}", (40, 90), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x010E], exif[0x013B], exif[0x9286] = NAME, NUMBER, SECRET
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270], tags[315], tags[269] = NAME, NUMBER, SECRET
    file = io.BytesIO()
    image.save(inside / f"{NUMBER}.jpg", exif=exif, comment=NAME)
    image.save(inside / f"{NAME}.tif", tiffinfo=tags)
    image.save(inside / f"{NAME} {NUMBER}.png")
    image.save(inside / "a.pdf", title=NAME, author=NUMBER, subject=SECRET)
    image.save(file, "jpeg")
    (inside / f"{NAME}_cut.jpg").write_bytes(file.getvalue()[:-900])
    (inside / f"{NAME}.html").write_text(f"<html>{NAME} {NUMBER}</html>")
    found = factories_dicom.capture(factories_files.grey())
    found.PatientName, found.PatientID = NAME, NUMBER
    (inside / f"{NUMBER}.dcm").write_bytes(factories_dicom.write(found))
    return str(folder)


def spellings(text):
    """How text is written down: in two encodings, in three base64 alignments, in hexadecimal."""
    for encoded in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")):
        yield encoded
        yield binascii.hexlify(encoded)
        yield binascii.hexlify(encoded).upper()
        for lead in range(3):
            # whole groups of three bytes alone are the same whatever stands beside them
            body = base64.b64encode(b"\0" * lead + encoded)
            yield body[4 if lead else 0 : len(body) // 4 * 4 - 4]


def betrayals(data):
    """Return which canaries stand in some bytes, whatever their case."""
    lower = data.lower()
    return [
        text
        for text in FORBIDDEN
        if any(form in data for form in spellings(text)) or text.lower().encode() in lower
    ]


def test_the_search_finds_what_is_planted():
    for text in FORBIDDEN:
        for encoded in (text.encode(), text.upper().encode(), text.encode("utf-16-le")):
            assert betrayals(b"xx" + encoded + b"yy")
        for around in (b"", b"x", b"xy"):
            assert betrayals(base64.b64encode(around + text.encode() + b"some more"))
        assert betrayals(json.dumps({"text": text.encode().hex()}).encode())


@pytest.fixture(scope="module")
def left_behind(ray_address, tmp_path_factory):
    """Convert on Ray, and yield the output, the summary and the folder of Ray's session."""
    from ray._private.worker import global_worker

    folder = tmp_path_factory.mktemp("privacy")
    source, out = archive(folder / "in"), folder / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("ECGBATCH_ID_KEY_OLD", SECRET)
        read, *others = stages(CONFIG, source)
        summary = convert(source, str(out), stages=[read, Betray(), *others], config=CONFIG)
    session = Path(global_worker.node.get_session_dir_path())
    return out, summary, session


def test_fault_103_every_page_is_accounted_for(left_behind):
    _, summary, _ = left_behind
    assert summary.pages_in == summary.pages_quarantined == 7
    assert summary.reasons["defect"] == 1


def test_fault_103_no_canary_in_tables_or_beside_the_names_of_files(left_behind):
    out, summary, _ = left_behind
    files = [path for path in out.rglob("*") if path.is_file()]
    assert any(
        betrayals(pq.read_table(path).to_pandas().to_string().encode())
        for path in files
        if path.parent.name == "plan" and path.suffix == ".parquet"
    )  # the search sees them
    for path in files:
        place = path.relative_to(out)
        assert not betrayals(str(place).encode())
        if place.parts[0] == "runs" and (path.parent.name == "plan" or path.name == "run.json"):
            continue  # restricted: names and addresses
        data = path.read_bytes()
        assert not betrayals(data), place
        if path.suffix == ".parquet":
            table = pq.read_table(path, partitioning=None)
            assert not betrayals(json.dumps(table.to_pylist(), default=str).encode()), place
            assert not betrayals(str(table.schema.metadata).encode()), place
    assert not betrayals(json.dumps(summary.as_json()).encode())


def test_fault_103_no_canary_on_the_page_of_the_run(left_behind):
    out, summary, _ = left_behind
    page = html(gather(str(out), config=CONFIG, run_id=summary.run_id))
    assert summary.run_id in page
    assert not betrayals(page.encode())


def test_fault_103_no_canary_in_what_ray_keeps(left_behind):
    _, _, session = left_behind
    files = [path for path in (session / "logs").rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert not betrayals(str(path.relative_to(session)).encode())
        assert not betrayals(path.read_bytes()), path.name
