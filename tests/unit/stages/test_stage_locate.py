"""The stage: what it says of pages on which no order of leads can be seen."""

from dataclasses import replace

import cv2
import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import LocateSettings
from ecgbatch.errors import PageError, Reason
from ecgbatch.stages.locate import Locate, locate
from ecgbatch.training.pages import draw_page, rectified
from tests.factories_networks import KnowingNetworks, SeesSides

PX_PER_MM = 10


def twenty_rows() -> np.ndarray:
    """Twenty long rows below each other: no ECG has so many leads."""
    page = np.full((280 * PX_PER_MM, 200 * PX_PER_MM), 255, np.uint8)
    x = np.arange(20 * PX_PER_MM, 180 * PX_PER_MM)
    beat = 40 * np.exp(-(((x - x[0]) % 200 - 100) ** 2) / 50)
    for row in range(20):
        y = (20 + 12 * row) * PX_PER_MM - beat
        points = np.stack([x, y], axis=1).round().astype(np.int32)
        cv2.polylines(page, [points], isClosed=False, color=0, thickness=3)
    return page


def table_of(page: np.ndarray, flags: list[str], **more: object) -> pa.Table:
    row = {
        "scan_id": "0" * 32,
        "version": "1",
        "page_no": 1,
        "page_count": 1,
        "flags": flags,
        "pixels": page.tobytes(),
        "pixels_shape": list(page.shape),
        "rectified_px_per_mm": float(PX_PER_MM),
        **more,
    }
    return pa.Table.from_pylist([row], schema=schema.RECTIFIED)


def reason_of(flags: list[str]) -> str | None:
    rows = table_of(twenty_rows(), flags)
    (out,) = Locate(LocateSettings(networks=False)).open()(rows)
    error = out.to_pylist()[0]["error"]
    return error and error["reason"]


@pytest.mark.parametrize(
    ("flags", "reason"), [([], "layout_unknown"), (["grid_absent"], "not_ecg")]
)
def test_without_a_grid_and_without_an_order_of_leads_a_page_is_no_ecg(flags, reason):
    assert reason_of(flags) == reason


@pytest.fixture(scope="module")
def page():
    """A page whose names and scale are printed, at 50 mm/s without a pulse that could tell it."""
    rng = np.random.default_rng(0)
    while True:
        drawn = draw_page(rng, records=None, layouts=["3x4+1R"], profile="clean", dpi=150)
        texts = [text.text for text in drawn.truth.texts if text.role == "scale"]
        told = any("mm/s" in text and "mm/mV" in text for text in texts)
        named = all(region.name_box_px is not None for region in drawn.truth.regions)
        if told and named and not drawn.truth.pulses and drawn.truth.speed_mm_per_s == 50:
            return rectified(drawn, rng, px_per_mm=float(PX_PER_MM))


def located(page, networks, flags=(), **more):
    rows = table_of(page.pixels, list(flags), **more)
    (out,) = locate(rows, settings=LocateSettings(), networks=networks)
    return out.to_pylist()[0]


def test_names_and_scale_are_read_and_the_row_says_so(page):
    row = located(page, KnowingNetworks(page.truth))
    assert row["error"] is None
    assert row["layout"] == "3x4+1R"
    assert {region["name_source"] for region in row["regions"]} == {"read"}
    assert [r["lead"] for r in row["regions"]] == [r.lead for r in page.truth.regions]
    assert (row["speed_mm_per_s"], row["speed_source"]) == (50, "printed")
    assert row["gain_mm_per_mv"] == page.truth.gain_mm_per_mv


@pytest.mark.parametrize("nameless", [False, True])
def test_a_page_whose_names_can_be_read_is_seen_from_its_front(page, nameless):
    networks = KnowingNetworks(page.truth, nameless=nameless)
    row = located(page, networks, flags=["mirrored"])
    assert ("mirrored" in row["flags"]) == nameless


def test_what_the_file_says_of_the_scale_comes_first(page):
    row = located(page, KnowingNetworks(page.truth), speed_mm_per_s=25.0, speed_source="file")
    assert (row["speed_mm_per_s"], row["speed_source"]) == (25, "file")


def test_without_words_and_pulses_the_scale_is_assumed_and_says_so(page):
    row = located(page, KnowingNetworks(page.truth, wordless=True))
    assert row["speed_source"] == "assumed"
    assert "speed_assumed" in row["flags"]


@pytest.mark.parametrize(("source", "doubtful"), [("grid", False), ("dpi", True)])
def test_the_millimetre_of_tags_alone_is_doubtful_without_pulses(page, source, doubtful):
    row = located(page, KnowingNetworks(page.truth), px_per_mm_source=source)
    assert ("scale_doubtful" in row["flags"]) == doubtful


def test_nothing_that_was_read_but_names_numbers_and_flags_leaves_the_stage(page):
    row = located(page, KnowingNetworks(page.truth))
    words = {text.text for text in page.truth.texts if text.role != "lead"}
    said = repr({name: value for name, value in row.items() if name != "pixels"})
    assert words
    assert not any(word in said for word in words if len(word) > 3)


def test_a_page_that_the_networks_call_no_ecg_is_refused_with_the_number(page):
    row = located(page, KnowingNetworks(page.truth, ecg=0.001))
    assert row["error"]["reason"] == "not_ecg"
    assert dict(row["error"]["facts"]) == {"ecg": 0.001}


class Doubtful(KnowingNetworks):
    """Sees names and words, and only a tenth of the traces."""

    def find(self, page, *, px_per_mm):
        found = super().find(page, px_per_mm=px_per_mm)
        return replace(found, starts=found.starts[:2])


def test_geometry_finds_the_traces_where_it_can(page):
    row = located(page, Doubtful(page.truth))
    assert row["error"] is None
    assert row["layout"] == "3x4+1R"
    assert row["speed_source"] == "printed"  # names and words are read all the same
    assert {region["name_source"] for region in row["regions"]} == {"read"}


def test_what_is_seen_stands_where_geometry_finds_nothing(page, monkeypatch):
    def at_a_loss(*_, **__):
        raise PageError(Reason.LAYOUT_UNKNOWN)

    monkeypatch.setattr("ecgbatch.stages.locate.find_regions", at_a_loss)
    row = located(page, KnowingNetworks(page.truth))
    assert row["layout"] == "3x4+1R"
    assert located(page, None)["error"]["reason"] == "layout_unknown"


def test_without_names_and_words_all_is_guessed_and_says_so(page):
    row = located(page, KnowingNetworks(page.truth, nameless=True, wordless=True))
    assert {region["name_source"] for region in row["regions"]} == {"guessed"}
    assert "names_guessed" in row["flags"]


def lying(page, turns, *, mirrored):
    """A page as somebody may have scanned it, and networks that see so."""
    seen = page.pixels[:, ::-1] if mirrored else page.pixels
    return np.ascontiguousarray(np.rot90(seen, -turns)), SeesSides(page.truth, upright=page.pixels)


@pytest.mark.parametrize(("turns", "mirrored"), [(2, False), (0, True), (2, True)])
def test_a_page_that_geometry_stood_wrong_is_laid_right_and_read(page, turns, mirrored):
    pixels, networks = lying(page, turns, mirrored=mirrored)
    place = np.array([[0.2, 0.01, 7], [-0.01, 0.2, 9], [0, 0, 1]])
    rows = table_of(
        pixels,
        ["orientation_doubtful"],
        homography=place.ravel().tolist(),
        rotation_deg=-2.9,
        px_per_mm_x=5.0,
        px_per_mm_y=4.0,
    )
    (out,) = locate(rows, settings=LocateSettings(), networks=networks)
    [row] = out.to_pylist()
    right = located(page, KnowingNetworks(page.truth))
    assert row["regions"] == right["regions"]
    assert row["page"] == right["page"]
    assert ("mirrored" in row["flags"]) == mirrored
    assert "orientation_doubtful" not in row["flags"]
    assert tuple(row["pixels_shape"]) == page.pixels.shape
    # the middle of the upright page lies on the source where the middle of the page lay
    height, width = page.pixels.shape
    found = np.reshape(row["homography"], (3, 3)) @ [(width - 1) / 2, (height - 1) / 2, 1]
    lay = place @ [(pixels.shape[1] - 1) / 2, (pixels.shape[0] - 1) / 2, 1]
    assert found == pytest.approx(lay)
    assert (row["px_per_mm_x"], row["px_per_mm_y"]) == (5, 4)


def test_every_pixel_of_a_page_that_was_laid_anew_is_found_again_on_its_source(page):
    pixels, networks = lying(page, 2, mirrored=True)
    rows = table_of(pixels, [], homography=np.eye(3).ravel().tolist(), rotation_deg=0.0)
    (out,) = locate(rows, settings=LocateSettings(), networks=networks)
    [row] = out.to_pylist()
    homography = np.reshape(row["homography"], (3, 3))
    for x, y in ((0, 0), (33, 5), (20, 71)):
        at = homography @ [x, y, 1]
        assert pixels[round(at[1]), round(at[0])] == page.pixels[y, x]


def test_a_page_that_looks_hardly_better_on_its_head_stays_and_says_so(page):
    networks = SeesSides(page.truth, upright=page.pixels, likely_right=0.45, likely_otherwise=0.4)
    row = located(page, networks)
    assert "orientation_doubtful" in row["flags"]
    assert row["page"] == page.pixels.tobytes()


def test_a_doubt_of_geometry_is_settled_by_what_looks_right(page):
    right = SeesSides(page.truth, upright=page.pixels)
    assert "orientation_doubtful" not in located(page, right, ["orientation_doubtful"])["flags"]
