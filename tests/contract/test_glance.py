"""Stage ``glance``: members that see pixels, with the stages after it and without digitizing."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema, tables
from ecgbatch.config import CalibrateSettings, DiagnoseSettings, RunConfig, TraceSettings
from ecgbatch.errors import ConfigError
from ecgbatch.models.card import shipped_card
from ecgbatch.models.diagnosis import open_diagnosis
from ecgbatch.models.members import PAGE_MEMBERS, SIGNAL_MEMBERS
from ecgbatch.models.vocabularies import targets
from ecgbatch.signal.facts import FACTS
from ecgbatch.stages.base import chain
from ecgbatch.stages.calibrate import Calibrate
from ecgbatch.stages.diagnose import Diagnose
from ecgbatch.stages.glance import Glance
from ecgbatch.stages.measure import Measure
from ecgbatch.stages.publish import published
from ecgbatch.stages.trace import Trace
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.style import style
from ecgbatch.synth.traces import draw_traces
from ecgbatch.types import LEADS
from jobs.convert import stages
from tests.factories_hearts import full, heart
from tests.factories_hearts import page as read_page

ABOUT = {"run_id": "run-1", "fingerprint": "f" * 16, "software_version": "0", "models": []}
PX_PER_MM = 4.0


@pytest.fixture(scope="module")
def glance():
    return Glance(DiagnoseSettings()).open()


def chained(*, digitizing):
    """The stages from glance on."""
    return chain(
        [
            Glance(DiagnoseSettings()),
            Trace(TraceSettings(enabled=digitizing, network=False)),
            Calibrate(CalibrateSettings(), traced=digitizing),
            Measure(),
            Diagnose(DiagnoseSettings()),
        ]
    )


def row(number, *, name="3x4+1R", condition="NORM", **changes):
    """A located page of a simulated record."""
    record = heart(number, condition=condition)
    signals = {lead: np.asarray(v, np.float32) / 1000 for lead, v in record.by_name().items()}
    pixels, drawn = draw_traces(
        signals,
        fs_hz=record.fs_hz,
        layout=layout(name),
        style=style("red_a4"),
        px_per_mm=PX_PER_MM,
        rng=np.random.default_rng(number),
    )
    regions = [
        {
            "lead": slot.lead,
            "role": slot.role,
            "name_source": "read",
            "left_px": left,
            "top_px": slot.baseline_px - 50,
            "right_px": right + 1,
            "bottom_px": slot.baseline_px + 50,
            "baseline_px": slot.baseline_px,
            "t0_ms": 1000 * slot.page_time_s,
            "inverted": False,
        }
        for slot, left, right in drawn
    ]
    return {
        "scan_id": f"{number:032x}",
        "version": "v1",
        "page_no": 1,
        "page_count": 1,
        "source_kind": "raster",
        "source_format": "png",
        "content_id": f"{number:032x}",
        "flags": [],
        "speed_mm_per_s": 25.0,
        "speed_source": "printed",
        "gain_mm_per_mv": 10.0,
        "gain_source": "printed",
        "px_per_mm_x": PX_PER_MM,
        "px_per_mm_source": "grid",
        "rectified_px_per_mm": PX_PER_MM,
        "pixels": (255 - pixels).tobytes(),
        "page": pixels.tobytes(),
        "whole_ink": (255 - pixels).tobytes(),
        "pixels_shape": list(pixels.shape),
        "layout": name,
        "regions": regions,
    } | changes


def table(*rows):
    return pa.Table.from_pylist(list(rows), schema=schema.LOCATED)


def test_each_member_says_something_of_each_target_and_how_much_was_shown_is_counted(glance):
    [out] = glance(table(row(1)))
    found = out["glance"].to_pylist()[0]
    logits = np.array(found["logits"]).reshape(len(PAGE_MEMBERS), len(targets()))
    assert np.isfinite(logits).all()
    shown = dict(zip(LEADS, found["shown_s"], strict=True))
    assert shown["II"] == pytest.approx(10, abs=0.1)
    assert shown["V5"] == pytest.approx(2.5, abs=0.1)
    assert found["seconds"] == pytest.approx(10, abs=0.1)


def test_pages_are_judged_alike_alone_and_together_and_one_that_fails_fails_alone(glance):
    broken = row(3, gain_mm_per_mv=None)
    together = pa.concat_tables(glance(table(row(1), broken, row(2, name="12x1"))))
    assert [error and error["reason"] for error in together["error"].to_pylist()] == [
        None,
        "defect",
        None,
    ]
    for place, alone in ((0, row(1)), (2, row(2, name="12x1"))):
        [single] = glance(table(alone))
        np.testing.assert_allclose(
            single["glance"].to_pylist()[0]["logits"],
            together["glance"].to_pylist()[place]["logits"],
            atol=0.05,
        )


def test_pages_without_pixels_pass_and_so_do_all_where_it_is_switched_off(glance):
    bare = {name: row(1)[name] for name in ("scan_id", "version", "page_no", "page_count")}
    [digital] = glance(table(bare))
    assert digital["glance"].null_count == 1
    for off in (DiagnoseSettings(enabled=False), DiagnoseSettings(pixels=False)):
        [out] = Glance(off).open()(table(row(1)))
        assert out["glance"].null_count == 1
        assert out["error"].null_count == 1


def labels_of(out):
    made = published(out, **ABOUT)
    rows = made["labels"].to_pylist()
    return made, {(each["vocabulary"], each["code"]): each for each in rows}


def test_all_members_are_heard_of_a_page_that_was_digitized():
    _, labels = labels_of(pa.concat_tables(chained(digitizing=True)(table(row(4)))))
    members = labels["ptbxl5", "NORM"]["members"]
    assert [each["member"] for each in members] == [*SIGNAL_MEMBERS, *PAGE_MEMBERS]
    assert sum(each["weight"] for each in members) == pytest.approx(1, abs=1e-5)


def test_without_digitizing_a_page_has_a_row_labels_and_no_signals():
    pages = table(row(5), row(6, condition="AFIB"), row(7, name="1x1"))
    made, _ = labels_of(pa.concat_tables(chained(digitizing=False)(pages)))
    for name in ("signals", "beats", "measurements"):
        assert made[name].num_rows == 0, name
    assert made["quarantine"].num_rows == 0
    for each in made["pages"].to_pylist():
        assert (each["quality_class"], each["quality_score"], each["n_leads"]) == (
            "unread",
            None,
            0,
        )
    labels = {
        (int(each["scan_id"], 16), each["vocabulary"], each["code"]): each
        for each in made["labels"].to_pylist()
    }
    usual = labels[5, "ptbxl5", "NORM"]
    assert [each["member"] for each in usual["members"]] == list(PAGE_MEMBERS)
    assert usual["leads"] == 12
    assert usual["seconds"] == pytest.approx(10, abs=0.1)
    assert labels[6, "rhythm", "AFIB"]["probability"] > labels[5, "rhythm", "AFIB"]["probability"]
    alone = labels[7, "ptbxl5", "NORM"]
    assert (alone["decision"], alone["reason"]) == ("abstain", "few_leads")


def test_a_page_without_signals_is_read_with_no_lead(monkeypatch):
    monkeypatch.setattr(tables, "read", lambda *_, **__: schema.SIGNALS.empty_table())
    page = {"scan_id": "0" * 32, "page_no": 1}
    assert list(tables.pages_with_leads(None, None, [page])) == [(page, [])]


def test_without_digitizing_digital_leads_are_published_as_ever():
    calibrated = pa.Table.from_pylist([read_page(8, full(heart(8)))], schema=schema.CALIBRATED)
    usual = {
        name: calibrated[name] for name in schema.TRACED.names if name in calibrated.schema.names
    }
    traced = pa.table(
        {field.name: usual.get(field.name, pa.nulls(1, field.type)) for field in schema.TRACED},
        schema=schema.TRACED,
    )
    [out] = Calibrate(CalibrateSettings(), traced=False).open()(traced)
    assert len(out["leads"].to_pylist()[0]) == len(LEADS)
    assert out["quality_class"].to_pylist() == ["good"]


def test_settings_say_whether_pages_are_digitized_and_change_the_release():
    without = RunConfig(trace=TraceSettings(enabled=False))
    assert without.fingerprint() != RunConfig().fingerprint()
    assert [each.name for each in stages(without, "/in")] == [
        each.name for each in stages(RunConfig(), "/in")
    ]


def test_weights_that_were_not_fitted_together_are_refused(tmp_path):
    for name in ("diagnosis.json", "diagnosis.safetensors", "page.json"):
        shutil.copy(shipped_card("page").with_name(name), tmp_path / name)
    open_diagnosis(tmp_path / "diagnosis.json", FACTS, device="cpu")
    card = json.loads((tmp_path / "page.json").read_text("utf-8"))
    (tmp_path / "page.json").write_text(json.dumps(card | {"sha256": "1" * 64}), "utf-8")
    with pytest.raises(ConfigError, match="other weights than those of page@"):
        open_diagnosis(tmp_path / "diagnosis.json", FACTS, device="cpu")
