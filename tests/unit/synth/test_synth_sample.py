"""The sample archive: as it stands in the repository, and as the code writes it today."""

import json
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
import wfdb
from PIL import Image

from ecgbatch.synth.sample import write_sample

STANDING = Path(__file__).parents[3] / "samples"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_sample(folder)
    return folder


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def rasters(path):
    """Every page of a picture, as the decoder gives it."""
    if path.suffix == ".pdf":
        with pypdfium2.PdfDocument(path) as document:
            return [page.render(scale=1).to_numpy() for page in document]
    with Image.open(path) as image:
        pages = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            pages.append(np.asarray(image.convert("RGB")))
        return pages


def test_the_archive_is_small_and_looks_like_one():
    files = [path for path in STANDING.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    kinds = {path.suffix for path in (STANDING / "archive").rglob("*") if path.is_file()}
    assert {".jpg", ".png", ".tif", ".pdf", ".dcm", ".csv"} <= kinds


def test_the_code_writes_the_files_that_stand_in_the_repository(written):
    assert names(written) == names(STANDING)


def test_the_code_writes_the_pictures_that_stand_in_the_repository(written):
    for name in names(written / "archive"):
        if not name.endswith((".jpg", ".png", ".tif", ".pdf")) or "000121" in name:
            continue
        ours = rasters(written / "archive" / name)
        theirs = rasters(STANDING / "archive" / name)
        assert len(ours) == len(theirs)
        for mine, standing in zip(ours, theirs, strict=True):
            assert mine.shape == standing.shape
            # Encoders and the last bit of arithmetic differ between machines, pages do not.
            apart = np.abs(mine.astype(int) - standing.astype(int)) > 24
            assert apart.mean() < 1e-3


def test_the_code_writes_the_records_that_stand_in_the_repository(written):
    for path in sorted((STANDING / "truth").glob("*.hea")):
        ours = wfdb.rdrecord(str(written / "truth" / path.stem)).p_signal
        theirs = wfdb.rdrecord(str(path.with_suffix(""))).p_signal
        assert np.abs(ours - theirs).max() <= 0.0021  # mV: a sample may round the other way


def test_the_truncated_picture_is_whole_up_to_where_it_was_cut():
    data = (STANDING / "archive/2021/ward 3/ECG_000121.jpg").read_bytes()
    assert data.startswith(b"\xff\xd8")
    assert not data.rstrip(b"\0").endswith(b"\xff\xd9")


def test_every_page_with_an_ecg_has_its_record_and_its_regions():
    rows = json.loads((STANDING / "truth/pages.json").read_text(encoding="utf-8"))
    for row in rows:
        assert (STANDING / "archive" / row["path"]).is_file()
        if "record" in row:
            record = wfdb.rdheader(str(STANDING / "truth" / row["record"]))
            assert record.sig_len == 5000
        if "page" in row:
            page = row["page"]
            for region in page["regions"]:
                left, top, right, bottom = region["box_px"]
                assert 0 <= left < right <= page["width_px"]
                assert 0 <= top < bottom <= page["height_px"]


def test_the_vector_page_draws_what_the_renderer_draws(written):
    with pypdfium2.PdfDocument(written / "archive/export/2211/ecg.pdf") as document:
        page = document[0].render(scale=200 / 72, grayscale=True).to_numpy()
    truth = next(
        row["page"]
        for row in json.loads((written / "truth/pages.json").read_text(encoding="utf-8"))
        if row["path"].endswith("ecg.pdf")
    )
    page = page.reshape(page.shape[:2]) < 110
    inside = np.zeros(page.shape, bool)
    boxes = [each["box_px"] for key in ("regions", "pulses", "texts") for each in truth[key]]
    for left, top, right, bottom in boxes:
        inside[int(top) - 1 : int(bottom) + 1, int(left) - 1 : int(right) + 1] = True
    assert page.sum() > 10_000
    assert page[inside].sum() > 0.98 * page.sum()  # the rest are the marks between columns
