"""How close pages of known signals are read, by what happened to the page.

::

    python benchmarks/reading.py --records "$ECGBATCH_DATA/ptbxl"   # fold 9, never trained on
    python benchmarks/reading.py                                    # simulated records
    python benchmarks/reading.py --keep pages/                      # draw once, measure often
    python benchmarks/reading.py --keep pages/ --config blind.toml  # with other settings

Pages are drawn, damaged, written as files and converted as a run would. Of every class stand the
median over printed leads of the SNR by the formula of the challenge of 2024 and of the plain one (a
lead that was not read counts 0 dB in both), the gain by least squares and at R peaks alone, the
mean squared error, r, and the coverage. *silent* are pages that say ``good`` and hold a wrong lead
or gain. *clock* is the median error of a second's length, and PR, QRS and QT are measured as
published and as recorded, on the same beats.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import wfdb
from features import published_leads, recorded
from PIL import Image

from ecgbatch.config import RunConfig, load
from ecgbatch.errors import ConfigError
from ecgbatch.evaluation.pages import PageResult, compare_page
from ecgbatch.evaluation.truth import read_record
from ecgbatch.flow.evaluate import converted
from ecgbatch.signal.facts import facts_of
from ecgbatch.signal.measure import measure
from ecgbatch.synth.damage import damaged
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import RenderedPage, render
from ecgbatch.synth.style import drawn_style
from ecgbatch.training.records import VALIDATION_FOLD, Records, Signals, read_records, simulated
from ecgbatch.types import LEADS
from jobs.convert import stages

INTERVALS = ("pr_ms", "qrs_ms", "qt_ms")
LAYOUTS = ("3x4+1R", "3x4+1R", "3x4", "6x2", "12x1")


@dataclass(frozen=True)
class Kind:
    """A class of pages: what they are printed with, and what happens to them."""

    name: str
    dpi: float
    profiles: tuple[str, ...]
    overlaps: bool = False


KINDS = (
    Kind("clean 200 dpi", 200, ("clean",)),
    Kind("clean 300 dpi", 300, ("clean",)),
    Kind("clean 400 dpi", 400, ("clean",)),
    Kind("colour scan", 200, ("colour_scan",)),
    Kind("grey scan", 200, ("grey_scan",)),
    Kind("bitonal scan", 200, ("bitonal_scan",)),
    Kind("copy or fax", 200, ("photocopy", "fax", "copied_and_faxed")),
    Kind("phone photo", 200, ("phone_photo", "phone_close")),
    Kind(
        "stains, damage",
        200,
        ("stained", "soaked", "mouldy", "faded", "folded", "crumpled", "torn", "handwritten"),
    ),
    Kind("all of it", 200, ("extensive", "stained+phone_photo", "faded+grey_scan")),
    Kind("overlap", 200, ("clean", "colour_scan"), overlaps=True),
)


def draw(folder: Path, *, records: Records | None, count: int, seed: int) -> None:
    """Write pages, a folder per class, with records and pairs beside them."""
    truth = folder / "truth"
    truth.mkdir(parents=True)
    pairs = []
    for place, kind in enumerate(KINDS):
        (folder / kind.name).mkdir()
        for number in range(count):
            rng = np.random.default_rng((seed, place, number))
            name = f"{place}_{number}"
            signals, fs_hz, page = draw_page(rng, kind, number, records)
            known = {} if "photo" in kind.name else {"dpi": (kind.dpi, kind.dpi)}
            Image.fromarray(page.pixels).save(folder / kind.name / f"{name}.png", **known)
            _write_record(truth, name, signals, fs_hz)
            pairs.append((f"{name}.png", name))
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([("page", "record"), *pairs])


def draw_page(
    rng: np.random.Generator, kind: Kind, number: int, records: Records | None
) -> tuple[Signals, float, RenderedPage]:
    """Draw one page: the record that it shows, its rate, and the page with its truth."""
    while True:
        if records is None:
            signals, fs_hz = simulated(rng, seconds=10.5, fs_hz=500.0), 500.0
        else:
            signals, fs_hz = records.drawn(rng), records.fs_hz
        tall = np.median([np.ptp(signals[lead]) for lead in LEADS]) / 1000
        look = drawn_style(rng)
        if kind.overlaps:
            pitch = max(float(rng.uniform(0.45, 0.8)) * tall * look.gain_mm_per_mv, 8.0)
            look = replace(look, row_pitch_mm=pitch)
        try:
            page = render(
                signals,
                fs_hz=fs_hz,
                layout=layout(str(rng.choice(LAYOUTS))),
                style=look,
                dpi=kind.dpi,
                seed=int(rng.integers(2**31)),
            )
        except ConfigError:  # the drawn paper does not hold the drawn layout
            continue
        profile = kind.profiles[number % len(kind.profiles)]
        page = damaged(page, profile=profile, seed=int(rng.integers(2**31)))
        return signals, fs_hz, page


def _write_record(folder: Path, name: str, signals: Signals, fs_hz: float) -> None:
    wfdb.wrsamp(
        name,
        fs=fs_hz,
        units=["mV"] * len(LEADS),
        sig_name=list(LEADS),
        p_signal=np.stack([signals[lead] for lead in LEADS], axis=1) / 1000,
        adc_gain=[1000.0] * len(LEADS),
        baseline=[0] * len(LEADS),
        fmt=["16"] * len(LEADS),
        write_dir=str(folder),
    )


@dataclass(frozen=True)
class Read:
    """What became of one page: its errors, and by how many ms each interval is off."""

    result: PageResult
    off_ms: Mapping[str, float]


def read_pages(folder: Path, config: RunConfig) -> Iterator[Read]:
    """Convert drawn pages as a run would, and compare each with its record."""
    for uri, page, path in converted(
        str(folder),
        folder / "truth",
        stages=stages(config, str(folder)),
        config=config,
        pairs=folder / "pairs.csv",
    ):
        row = page.to_pylist()[0]
        outcome = row["error"]["reason"] if row["error"] else row["quality_class"]
        leads, record = published_leads(page), read_record(path)
        found = facts_of(measure(leads)) if leads else {}
        true = facts_of(measure(recorded(record, leads))) if leads else {}
        yield Read(
            compare_page(leads, record, stratum=uri.rsplit("/", 2)[-2], outcome=outcome),
            {
                name: found[name] - true[name]
                for name in INTERVALS
                if name in found and name in true
            },
        )


def rows(pages: Sequence[Read]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield (
        f"{'':<15}pages read good silent | SNR24 med   p5  plain   p5 |  gain peaks clock %"
        " | MSE mV2      r  cover |   PR  QRS   QT ms"
    )
    for kind in KINDS:
        of_kind = [each for each in pages if each.result.stratum == kind.name]
        if of_kind:
            yield f"{kind.name:<15}{_row(of_kind)}"


def _row(pages: Sequence[Read]) -> str:
    results = [each.result for each in pages]
    leads = [lead for page in results for lead in page.leads if not lead.flat]
    snr24 = np.nan_to_num([lead.snr_challenge_2024_db for lead in leads])
    plain = np.nan_to_num([min(lead.error.snr_db, 60.0) for lead in leads])
    read = [lead.error for lead in leads if lead.error.coverage > 0]

    def middle(name: str) -> float:
        return float(np.nanmedian([getattr(error, name) for error in read] or [np.nan]))

    clock = float(np.nanmedian([abs(error.time_scale - 1) for error in read] or [np.nan]))
    off = (np.array([abs(p.off_ms[name]) for p in pages if name in p.off_ms]) for name in INTERVALS)
    intervals = " ".join(f"{np.median(each) if each.size else np.nan:4.1f}" for each in off)
    return (
        f"{len(results):3d} {sum(p.published for p in results):4d}"
        f" {sum(p.outcome == 'good' for p in results):4d}"
        f" {sum(p.silent_failure for p in results):6d} |"
        f" {np.median(snr24):8.1f} {np.quantile(snr24, 0.05):5.1f}"
        f" {np.median(plain):7.1f} {np.quantile(plain, 0.05):5.1f} |"
        f" {middle('gain'):.3f} {middle('peak_gain'):.3f} {100 * clock:7.2f} |"
        f" {middle('mse_mv2'):.5f} {middle('pearson_r'):.4f}"
        f" {np.mean([lead.error.coverage for lead in leads]):6.3f} | {intervals}"
    )


def main() -> None:
    """Draw, convert, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=Path, help="folder of real records")
    parser.add_argument("--pages", type=int, default=8, help="of each class")
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="folder for the pages; kept, and used if there")
    parser.add_argument("--config", type=Path, help="TOML file of settings")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.keep or Path(scratch) / "pages").resolve()
        if not (folder / "pairs.csv").exists():
            records = given.records and read_records(given.records, folds=[VALIDATION_FOLD])
            draw(folder, records=records, count=given.pages, seed=given.seed)
        config = load(given.config)
        begun = time.process_time()
        pages = list(read_pages(folder, config))
        spent = time.process_time() - begun
    for row in rows(pages):
        print(row)
    print(f"{spent / max(len(pages), 1):.2f} s a page in this process, the decoder's not counted")


if __name__ == "__main__":
    main()
