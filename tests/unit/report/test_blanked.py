"""No pixel of a name that stands on a page is left in a picture of it."""

from functools import partial

import cv2
import numpy as np
import pytest

from ecgbatch.config import RunConfig
from ecgbatch.flow.run import convert
from ecgbatch.imaging.marks import connected
from ecgbatch.report.blanked import _REACH_MM, blanked, page_curves
from ecgbatch.report.canvas import curve
from ecgbatch.report.page import draw_page, review_picture
from ecgbatch.report.paper import upright_paper
from ecgbatch.report.source import source_pixels
from ecgbatch.storage import open_store, scan_id
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from ecgbatch.tables import pages_with_leads, parts, read
from jobs.convert import stages
from tests.factories_texts import PLANTS

_SEEN_LEVELS = 40  # the page's usual ink is measured anew beside more ink: edges change by less
_CONFIG = RunConfig.model_validate(
    {"trace": {"network": False}, "rectify": {"px_per_mm": 8.0}}  # less to draw
)
_CONVERTED = ("without a name", "around", "stamped over traces")


def blanked_paper(page, leads, pixels):
    return blanked(page, leads, pixels)[0]


def with_name(name, page):
    return PLANTS[name](page) if name in PLANTS else page


@pytest.fixture(scope="module")
def clean():
    """A page that names nobody."""
    return render(
        simulate(1).by_name(), fs_hz=500.0, layout=layout("3x4+1R"), style=style("pink_letter")
    ).pixels


@pytest.fixture(scope="module")
def archive(clean, tmp_path_factory):
    """A page without a name, pages with one, and one of nothing else; and their tables."""
    folder = tmp_path_factory.mktemp("pages")
    source = folder / "in"
    source.mkdir()
    for name in _CONVERTED:
        page = with_name(name, clean)
        assert cv2.imwrite(str(source / f"{name}.png"), page[:, :, ::-1])
    text = PLANTS["large, everywhere"](np.full_like(clean, 255))
    assert cv2.imwrite(str(source / "text.png"), text)
    out = str(folder / "out")
    convert(str(source), out, stages=stages(_CONFIG, str(source)), config=_CONFIG, local=True)
    return source, open_store(out)


@pytest.fixture(scope="module")
def published(archive):
    """By the name of the file: the row of its page, and its leads."""
    source, store = archive
    (part,) = parts(store, table="pages")
    rows = read(store, part, table="pages").to_pylist()
    by_id = {page["scan_id"]: (page, leads) for page, leads in pages_with_leads(store, part, rows)}
    found = {name: by_id[scan_id(f"file://{source}/{name}.png")] for name in _CONVERTED}
    # bends would be measured again, on another page
    return {name: ({**page, "flags": []}, leads) for name, (page, leads) in found.items()}


def may_show(page, leads, before):
    """Where the pen of a published curve may be, or of a pulse that the page without a name has."""
    scale = page["rectified_px_per_mm"]
    inked = (before.max(axis=2) < 200).astype(np.uint8)
    near = cv2.dilate(inked, np.ones((3, 3), np.uint8), iterations=round(_REACH_MM * scale) + 1)
    for _, x, y in page_curves(page, leads):
        known = np.isfinite(y)
        for left, right in zip(np.flatnonzero(known)[:-1], np.flatnonzero(known)[1:], strict=True):
            if right == left + 1:
                ends = [(round(x[k]), round(y[k])) for k in (left, right)]
                cv2.line(near, *ends, 1, round(2 * _REACH_MM * scale) + 4)
    return near > 0


def gained(before, after):
    """Where ink appeared; that the words hide a lead's name or a pulse is no harm."""
    darker = before.min(axis=2).astype(int) - after.min(axis=2)
    return darker > _SEEN_LEVELS


@pytest.fixture(scope="module")
def unnamed(clean, published):
    """The blanked page that names nobody."""
    return blanked_paper(*published["without a name"], clean)


@pytest.mark.parametrize("plant", PLANTS)
def test_nothing_of_a_name_is_left_beyond_the_pen_of_a_trace(plant, clean, published, unnamed):
    page, leads = published["without a name"]
    named = PLANTS[plant](clean)
    left = gained(unnamed, blanked_paper(page, leads, named))
    assert (named != clean).sum() > 1000
    assert (left & ~may_show(page, leads, unnamed)).sum() == 0


@pytest.mark.parametrize("name", _CONVERTED[1:])
def test_nothing_is_left_of_a_name_that_was_there_when_the_page_was_read(name, clean, published):
    page, leads = published[name]
    before, after = (blanked_paper(page, leads, p) for p in (clean, with_name(name, clean)))
    assert (gained(before, after) & ~may_show(page, leads, before)).sum() == 0


def test_nothing_of_a_name_is_left_in_the_picture_for_a_reviewer(archive, published, clean):
    page, leads = published["without a name"]
    without, with_name = (
        cv2.imdecode(
            np.frombuffer(
                review_picture(archive[1], page, leads, decode=lambda *_, p=pixels: p), np.uint8
            ),
            cv2.IMREAD_COLOR,
        )
        for pixels in (clean, PLANTS["around"](clean))
    )
    assert without.shape == with_name.shape
    named = PLANTS["around"](clean)
    inked = (named != clean).any(axis=2).sum() * (without.shape[1] / 2 / clean.shape[1]) ** 2
    # at half the size the pen of a curve is a pixel, and its edge follows the page's usual ink
    assert gained(without, with_name).sum() < 0.02 * inked


def test_traces_pulses_and_names_of_leads_are_left(clean, published, unnamed):
    page, leads = published["without a name"]
    paper = upright_paper(page, clean)
    inked = unnamed.max(axis=2) < 200
    curves = np.zeros(inked.shape, np.uint8)
    for _, x, y in page_curves(page, leads):
        curve(curves, x, y, colour=(1, 1, 1))
    dark = paper.max(axis=2) < 100
    assert (inked & (curves > 0)).sum() > 0.95 * (dark & (curves > 0)).sum()
    beside = inked & ~may_show(page, leads, np.full_like(unnamed, 255))
    letters = connected(beside)
    assert letters.area.size > 20  # strokes of 13 names, and four pulses


def test_show_blanks_the_paper_unless_it_is_asked_for(archive, clean):
    source, store = archive
    decode = partial(source_pixels, settings=_CONFIG.read)
    scan = str(source / "around.png")
    blanked = draw_page(store, scan, page_no=1, decode=decode)
    whole = draw_page(store, scan, page_no=1, decode=decode, whole_paper=True)
    assert blanked.without_paper == whole.without_paper == ""
    inked = [
        (cv2.imdecode(np.frombuffer(drawn.png, np.uint8), 0)[:, :1600] < 150).sum()
        for drawn in (blanked, whole)
    ]
    assert inked[0] < 0.9 * inked[1]


def test_a_quarantined_page_is_its_reasons_alone_unless_its_paper_is_asked_for(archive):
    source, store = archive
    asked = []

    def decode(data, page_no):
        asked.append(page_no)
        return source_pixels(data, page_no, settings=_CONFIG.read)

    scan = str(source / "text.png")
    blanked = draw_page(store, scan, page_no=1, decode=decode)
    assert (blanked.without_paper, asked) == ("quarantined", [])
    whole = draw_page(store, scan, page_no=1, decode=decode, whole_paper=True)
    assert (whole.without_paper, asked) == ("", [1])
