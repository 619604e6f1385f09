"""Pages of our own renderer, and what a run over one file publishes."""

from dataclasses import dataclass

import cv2
import pyarrow.parquet as pq

from ecgbatch.config import LocateSettings, RunConfig, TraceSettings
from ecgbatch.flow.run import convert
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from jobs.convert import stages


@dataclass(frozen=True)
class Tables:
    """What a run over one file published."""

    pages: list[dict]
    signals: list[dict]
    quarantine: list[dict]
    measurements: list[dict]

    @property
    def page(self):
        (page,) = self.pages
        return page

    def samples_uv(self, lead):
        """Samples of a lead, None where nothing is known, and how long they take."""
        row = next(row for row in self.signals if row["lead"] == lead)
        return row["samples_uv"], len(row["samples_uv"]) / row["fs_hz"]


def published(folder, name, data, *, network=False):
    """Convert one file: its bytes, or pixels; networks only where what they may do is asked."""
    source, out = folder / "in", folder / "out"
    source.mkdir()
    if isinstance(data, bytes):
        (source / name).write_bytes(data)
    else:
        assert cv2.imwrite(str(source / name), data[..., ::-1] if data.ndim == 3 else data)
    config = RunConfig(
        locate=LocateSettings(networks=network), trace=TraceSettings(network=network)
    )
    summary = convert(
        str(source), str(out), stages=stages(config, str(source)), config=config, local=True
    )
    assert summary.exit_status == 0, summary.reasons
    rows = {
        table: [
            row
            for path in sorted((out / "tables" / table).rglob("*.parquet"))
            for row in pq.read_table(path, partitioning=None).to_pylist()
        ]
        for table in ("pages", "signals", "quarantine", "measurements")
    }
    return Tables(**rows)


def sheet(
    signals_uv=None,
    *,
    seed=3,
    condition="NORM",
    order="3x4+1R",
    look="pink_letter",
    column_s=None,
    dpi=200.0,
    **style_changes,
):
    """Print a page and return it with the truth."""
    signals_uv = signals_uv or simulate(seed, condition=condition).by_name()
    return render(
        signals_uv,
        fs_hz=500.0,
        layout=layout(order, column_s=column_s),
        style=style(look, **style_changes),
        dpi=dpi,
    )
