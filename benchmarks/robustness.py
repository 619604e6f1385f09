"""How close signals come, by the look of a page, its header, how it lies and its resolution.

::

    python benchmarks/robustness.py                    # simulated records
    python benchmarks/robustness.py --records FOLDER   # WFDB records, of any rate
    python benchmarks/robustness.py --looks red_a4 faint --copies 4

Every look is printed once in each attitude, with and without a header, at resolutions in turn; the
pages are clean otherwise. They are converted and measured as ``ecgbatch evaluate`` does it, so a
lead that was not read counts as r = 0. A row of the table sums up all pages that have one thing in
common. *gain off* is the median and the 95 % quantile over pages of the largest error of the gain;
*silent* counts pages that say ``good`` and hold a wrong lead or a gain wrong by more than 5 %.
Where ``ECGBATCH_DATA`` is set, the records of its folder ``ludb`` are the default.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import wfdb

from ecgbatch.config import LocateSettings, RunConfig, TraceSettings
from ecgbatch.evaluation.pages import PageResult, summarize
from ecgbatch.evaluation.truth import TrueRecord, find_records, read_record
from ecgbatch.flow.evaluate import evaluate
from ecgbatch.synth.damage import turned
from ecgbatch.synth.damage.geometry import skewed
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import RenderedPage, render
from ecgbatch.synth.style import style, style_names
from ecgbatch.types import LEADS
from jobs.convert import stages

ATTITUDES: dict[str, Callable[[RenderedPage], RenderedPage]] = {
    "straight": lambda page: page,
    "3 deg right": lambda page: skewed(page, angle_deg=3.0),
    "3 deg left": lambda page: skewed(page, angle_deg=-3.0),
    "quarter right": lambda page: turned(page, quarter_turns=1),
    "upside down": lambda page: turned(page, quarter_turns=2),
    "quarter left": lambda page: turned(page, quarter_turns=3),
}
HEADERS = {"header": {}, "no header": {"header": "none", "footer": "none"}}
_STRIP_LOOKS = {"thermal_strip"}  # paper that holds no three rows


@dataclass(frozen=True, slots=True)
class Case:
    """What one page is: its strata are the fields."""

    look: str
    header: str
    attitude: str
    dpi: int

    @property
    def folder(self) -> str:
        """Name of the folder that the page stands in; ``evaluate`` sums up by it."""
        return "+".join((self.look, self.header, self.attitude, str(self.dpi)))

    @classmethod
    def of(cls, folder: str) -> Case:
        """Return the case behind a folder's name."""
        look, header, attitude, dpi = folder.split("+")
        return cls(look, header, attitude, int(dpi))


def cases(looks: list[str], dpis: list[int], copies: int) -> Iterator[Case]:
    """Yield every look in every attitude, with and without header, at resolutions in turn."""
    kinds = itertools.product(enumerate(looks), enumerate(HEADERS), enumerate(ATTITUDES))
    for (i, look), (j, header), (k, attitude) in kinds:
        for copy in range(copies):
            # A sum, so that no look, header or attitude always has the same resolution.
            yield Case(look, header, attitude, dpis[(i + j + k + copy) % len(dpis)])


def true_records(folder: Path | None, count: int) -> list[TrueRecord]:
    """Return records with the twelve leads in mV: real ones of a folder, or simulated ones."""
    if folder is None:
        made = [(number, simulate(number)) for number in range(count)]
        return [
            TrueRecord(
                str(number), record.fs_hz, {k: v / 1000 for k, v in record.by_name().items()}
            )
            for number, record in made
        ]
    found = [read_record(path) for path in find_records(folder)]
    whole = [r for r in found if set(LEADS) <= set(r.leads_mv)]
    chosen = np.random.default_rng(7).permutation(len(whole))[:count]
    return [replace(whole[index], name=str(number)) for number, index in enumerate(chosen)]


def write_truth(records: list[TrueRecord], folder: Path) -> None:
    """Write the records as WFDB, for ``evaluate`` to find them by name."""
    folder.mkdir()
    for record in records:
        samples_mv = np.stack([record.leads_mv[lead] for lead in LEADS], axis=1)
        wfdb.wrsamp(
            record.name,
            fs=record.fs_hz,
            units=["mV"] * len(LEADS),
            sig_name=list(LEADS),
            d_signal=np.rint(2000 * samples_mv).astype(np.int64),  # half microvolts
            fmt=["16"] * len(LEADS),
            adc_gain=[2000.0] * len(LEADS),
            baseline=[0] * len(LEADS),
            write_dir=str(folder),
        )


def write_pages(chosen: list[Case], records: list[TrueRecord], *, printed: str, out: Path) -> None:
    """Print the pages, a record after the other."""
    for number, case in enumerate(chosen):
        record = records[number % len(records)]
        page = render(
            {lead: 1000 * signal_mv for lead, signal_mv in record.leads_mv.items()},
            fs_hz=record.fs_hz,
            layout=layout(printed),
            style=style(case.look, **HEADERS[case.header]),
            dpi=case.dpi,
            seed=number,
        )
        path = out / case.folder / f"{record.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = ATTITUDES[case.attitude](page).pixels
        if not cv2.imwrite(str(path), pixels[..., ::-1]):
            sys.exit(f"{path} could not be written")


def table(results: list[PageResult]) -> Iterator[str]:
    """Yield the lines of the table, in Markdown."""
    yield "| pages | n | published | good | silent | r median / mean / 5 % | gain off, 95 % |"
    yield "|---|---|---|---|---|---|---|"
    for factor in ("look", "header", "attitude", "dpi", None):
        names = [str(getattr(Case.of(r.stratum), factor)) if factor else "all" for r in results]
        for name in dict.fromkeys(names):
            part = [r for r, own in zip(results, names, strict=True) if own == name]
            (total,) = summarize([replace(result, stratum=name) for result in part])
            off = [100 * result.gain_error for result in part if np.isfinite(result.gain_error)]
            label = f"{name} dpi" if factor == "dpi" else name
            yield (
                f"| {label} | {total.pages} | {total.published} | {total.good} "
                f"| {total.silent_failures} | {total.r_median:.3f} / {total.r_mean:.3f} / "
                f"{total.r_p5:.3f} | {_quantile(off, 0.5)}, {_quantile(off, 0.95)} |"
            )


def _quantile(values: list[float], share: float) -> str:
    return f"{np.quantile(values, share):.1f} %" if values else "-"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = os.environ.get("ECGBATCH_DATA")
    usable = [name for name in style_names() if name not in _STRIP_LOOKS]
    parser.add_argument("--records", type=Path, default=Path(data, "ludb") if data else None)
    parser.add_argument("--count", type=int, default=20, help="records")
    parser.add_argument("--copies", type=int, default=1, help="pages of each kind")
    parser.add_argument("--layout", default="3x4+1R")
    parser.add_argument("--looks", nargs="+", choices=usable, default=usable, metavar="LOOK")
    parser.add_argument("--dpi", nargs="+", type=int, default=[150, 200, 300])
    parser.add_argument("--no-networks", action="store_true", help="read by geometry alone")
    parser.add_argument("--failures", action="store_true", help="name the pages that failed")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    looking = not asked.no_networks
    config = RunConfig(
        locate=LocateSettings(networks=looking), trace=TraceSettings(network=looking)
    )
    records = true_records(asked.records, asked.count)
    results: list[PageResult] = []
    chosen = list(cases(asked.looks, asked.dpi, asked.copies))
    for look in asked.looks:  # one after the other: pages of all looks would fill a disk
        with tempfile.TemporaryDirectory() as scratch:
            truth, pages = Path(scratch, "truth"), Path(scratch, "pages")
            write_truth(records, truth)
            own = [case for case in chosen if case.look == look]
            write_pages(own, records, printed=asked.layout, out=pages)
            made = stages(config, str(pages))
            results += evaluate(str(pages), truth, stages=made, config=config)
    print("\n".join(table(results)))
    if asked.failures:
        for result in results:
            if not result.published or result.wrong_leads or result.gain_error > 0.03:
                print(
                    f"{result.stratum}: {result.outcome}, wrong leads {result.wrong_leads}, "
                    f"gain off {100 * result.gain_error:.1f} %"
                )


if __name__ == "__main__":
    main()
