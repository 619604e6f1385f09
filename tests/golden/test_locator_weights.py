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


def located(name, *, networks=True):
    record = simulate(7, seconds=11.0, noise=0.3)
    page = render(
        record.by_name(),
        fs_hz=record.fs_hz,
        layout=layouts.layout(name),
        style=style("red_a4", face="sans", name_distance_mm=6.0, text_mm=2.8),
        dpi=25.4 * MM,
    )
    grey = np.ascontiguousarray(page.pixels.max(axis=2))
    row = {
        "scan_id": "0" * 32,
        "version": "1",
        "page_no": 1,
        "page_count": 1,
        "flags": [],
        "pixels": grey.tobytes(),
        "pixels_shape": list(grey.shape),
        "rectified_px_per_mm": MM,
    }
    (out,) = stage(networks=networks)(pa.Table.from_pylist([row], schema=schema.RECTIFIED))
    return out.to_pylist()[0], [region.lead for region in page.truth.regions]


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
