"""Samples are small JPEGs, and of what is not to be shown there is none."""

import cv2
import numpy as np
import pytest

from ecgbatch.config import ReadSettings, StorageSettings
from ecgbatch.report.sample import sample_jpeg
from ecgbatch.storage import open_store
from tests.factories_tables import SCAN, row, write_part


def drawn(folder, **options):
    store = open_store(str(folder), StorageSettings())
    release = next((folder / "tables" / "pages").iterdir()).name.partition("=")[2]
    options = {"whole_paper": False, **options}
    return sample_jpeg(store, SCAN, 1, release, settings=ReadSettings(), **options)


def test_a_published_page_is_a_small_jpeg_even_without_its_source(tmp_path):
    write_part(tmp_path, pages=[row("pages")], signals=[row("signals")])
    picture = cv2.imdecode(np.frombuffer(drawn(tmp_path), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] <= 1200
    assert picture.std() > 0


@pytest.mark.parametrize(("whole_paper", "shown"), [(False, False), (True, True)])
def test_a_quarantined_page_is_shown_only_to_those_who_may_see_paper(tmp_path, whole_paper, shown):
    write_part(tmp_path, pages=[], quarantine=[row("quarantine")])
    assert (drawn(tmp_path, whole_paper=whole_paper) is not None) == shown
