"""Small pictures of pages, for the page of a run."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from ecgbatch.config import ReadSettings
from ecgbatch.report.page import draw_page
from ecgbatch.report.source import source_pixels
from ecgbatch.storage import Store

_WIDTH_PX = 1200
_JPEG_QUALITY = 80  # some 150 kB a page


def sample_jpeg(
    store: Store,
    scan_id: str,
    page_no: int,
    release: str,
    *,
    settings: ReadSettings,
    whole_paper: bool,
) -> bytes | None:
    """Draw one page as ``draw_page`` does, small enough for a page with many.

    Args:
        store: The output that holds the tables and the plan.
        scan_id: As the tables have it.
        page_no: Page within the file, from 1.
        release: Which release.
        settings: Limits on what is decoded.
        whole_paper: Show the paper with its text; it can name a patient.

    Returns:
        A JPEG; None for a quarantined page of which nothing can be shown.

    Raises:
        ConfigError: The tables do not hold this page any more.
        StorageError: The tables cannot be read.
    """
    drawn = draw_page(
        store,
        scan_id,
        page_no=page_no,
        decode=partial(source_pixels, settings=settings),
        release=release,
        whole_paper=whole_paper,
    )
    if drawn.without_paper == "quarantined":
        return None
    picture = cv2.imdecode(np.frombuffer(drawn.png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None  # it was drawn here
    scale = min(1.0, _WIDTH_PX / picture.shape[1])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
