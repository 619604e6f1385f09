"""What the shipped locator and reader do on plain pages; better weights must do no worse."""

from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import LocateSettings
from ecgbatch.models.networks import PageNetworks
from ecgbatch.stages.locate import Locate
from ecgbatch.synth import layouts
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style

MM = 10.0


@cache
def stage(*, networks):
    return Locate(LocateSettings(networks=networks)).open()


@cache
def printed(name):
    record = simulate(7, seconds=11.0, noise=0.3)
    page = render(
        record.by_name(),
        fs_hz=record.fs_hz,
        layout=layouts.layout(name),
        style=style("red_a4", face="sans", name_distance_mm=6.0, text_mm=2.8),
        dpi=25.4 * MM,
    )
    grey = np.ascontiguousarray(page.pixels.max(axis=2))
    return grey, [region.lead for region in page.truth.regions]


def row_of(grey, *, networks=True):
    row = {
        "scan_id": "0" * 32,
        "version": "1",
        "page_no": 1,
        "page_count": 1,
        "flags": [],
        "pixels": np.ascontiguousarray(grey).tobytes(),
        "pixels_shape": list(grey.shape),
        "rectified_px_per_mm": MM,
    }
    (out,) = stage(networks=networks)(pa.Table.from_pylist([row], schema=schema.RECTIFIED))
    return out.to_pylist()[0]


def located(name, *, networks=True):
    grey, leads = printed(name)
    return row_of(grey, networks=networks), leads


@pytest.mark.parametrize("name", ["3x4+1R", "6x2-cabrera", "3x4-cabrera+1R"])
def test_names_of_a_plain_page_are_read_and_right(name):
    row, leads = located(name)
    assert row["error"] is None
    assert [region["lead"] for region in row["regions"]] == leads
    read = [region["name_source"] == "read" for region in row["regions"]]
    assert np.mean(read) >= 0.75


def test_without_networks_cabreras_order_is_not_seen():
    row, leads = located("6x2-cabrera", networks=False)
    assert [region["lead"] for region in row["regions"]] != leads


def test_a_page_of_text_has_no_lead_by_its_networks():
    networks = PageNetworks()
    rng = np.random.default_rng(0)
    page = np.full((2100, 2970), 250, np.uint8)
    for row in range(200, 1900, 60):
        letters = rng.random((24, 2400)) < 0.35
        page[row : row + 24, 200:2600][letters] = 40
    assert networks.find(page, px_per_mm=MM).ecg < 0.5
    assert [card.name for card in networks.cards] == ["locator", "reader"]


def leads_of(row):
    return [region["lead"] for region in row["regions"]]


def test_a_page_on_its_head_is_stood_up_and_read():
    grey, leads = printed("3x4+1R")
    row = row_of(grey[::-1, ::-1])
    assert leads_of(row) == leads
    assert "mirrored" not in row["flags"]


def test_a_page_from_behind_that_stands_on_its_head_is_flagged_and_read():
    grey, leads = printed("3x4+1R")
    row = row_of(grey[::-1])
    assert "mirrored" in row["flags"]
    assert leads_of(row) == leads


def test_a_page_from_behind_is_flagged_or_its_names_are_doubted():
    grey, _ = printed("3x4+1R")
    flags = set(row_of(grey[:, ::-1])["flags"])
    assert flags & {"mirrored", "layout_guessed"}


def test_a_page_that_lies_right_has_no_doubt_of_its_sides():
    row, _ = located("3x4+1R")
    assert not {"mirrored", "orientation_doubtful", "several_ecgs"} & set(row["flags"])


@pytest.mark.parametrize("axis", [0, 1])
def test_two_printouts_on_one_scan_are_said_to_be_two(axis):
    grey, _ = printed("3x4+1R")
    row = row_of(np.concatenate([grey, grey], axis=axis))
    assert row["error"] is not None or "several_ecgs" in row["flags"]


@pytest.mark.parametrize("half", ["left", "upper", "lower"])
def test_half_a_page_has_the_leads_that_are_left_of_it_or_is_doubted(half):
    grey, leads = printed("3x4+1R")
    height, width = grey.shape
    part = {
        "left": grey[:, : width // 2],
        "upper": grey[: height // 2],
        "lower": grey[height // 2 :],
    }[half]
    row = row_of(part)
    if row["error"] is None and "layout_guessed" not in row["flags"]:
        count = len(row["regions"])  # of the rows that are left
        assert count < len(leads)
        columns = [*leads[0:2], *leads[4:6], *leads[8:10], *leads[12:]]
        assert leads_of(row) in (leads[:count], leads[-count:], columns)
