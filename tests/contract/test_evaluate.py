import cv2
import numpy as np
import pytest
import wfdb

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.evaluation.pages import summarize
from ecgbatch.flow.evaluate import evaluate
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from ecgbatch.types import LEADS
from jobs.convert import stages


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """One page in a folder of its own, its record beside it, and a file that shows nothing."""
    root = tmp_path_factory.mktemp("archive")
    pages = root / "flatbed"
    pages.mkdir()
    record = simulate(11)
    page = render(
        record.by_name(), fs_hz=500.0, layout=layout("3x4+1R"), style=style("pink_letter"), seed=11
    )
    cv2.imwrite(str(pages / "0011.png"), cv2.cvtColor(page.pixels, cv2.COLOR_RGB2BGR))
    (pages / "0012.png").write_bytes(b"no page")
    wfdb.wrsamp(
        "11_hr",
        fs=500,
        units=["uV"] * 12,
        sig_name=list(LEADS),
        p_signal=np.asarray(record.signal_uv).T,
        fmt=["16"] * 12,
        write_dir=str(pages),
    )
    return root


def run(archive, **changes):
    config = RunConfig()
    values = {"stages": stages(config, str(archive)), "config": config}
    return evaluate(str(archive), archive, **(values | changes))


def test_a_page_is_converted_and_compared_with_the_record_of_its_name(archive):
    (result,) = run(archive)
    assert (result.stratum, result.record) == ("flatbed", "11_hr")
    assert result.published
    (summary,) = summarize([result])
    assert summary.r_median > 0.98
    assert summary.gain_median == pytest.approx(1, abs=0.03)


def test_pairs_may_be_told_and_a_page_in_quarantine_counts_as_lost(archive, tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("page,record\n0012.png,flatbed/11_hr\n", encoding="utf-8")
    (result,) = run(archive, pairs=pairs)
    assert result.outcome == "not_an_image"
    assert all(lead.role == "missing" for lead in result.leads)


def test_pages_without_a_record_are_said(archive, tmp_path):
    wfdb.wrsamp(
        "other", fs=500, units=["mV"], sig_name=["I"], p_signal=np.ones((9, 1)), fmt=["16"],
        write_dir=str(tmp_path),
    )  # fmt: skip
    config = RunConfig()
    with pytest.raises(ConfigError, match="pairs"):
        evaluate(str(archive), tmp_path, stages=stages(config, str(archive)), config=config)
