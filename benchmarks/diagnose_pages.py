"""What reading costs the diagnosis: records of fold 9, and pages printed from them.

    ECGBATCH_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/diagnose_pages.py --count 60

DIR holds PTB-XL as ``ptbxl/*.npz`` and ``ptbxl/labels.csv``. Each record is judged as the layout
3x4+1R shows it: from its samples, from a page that was printed and read, and from the pixels of
that page alone, with leads cut out where they were located, as ``--without-digitizing`` does it.
Clean pages in four looks at three resolutions, converted by the stages of ``jobs/convert.py``.
"""

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.config import DiagnoseSettings, RunConfig, TraceSettings
from ecgbatch.evaluation.discrimination import calibration_error, macro_auroc
from ecgbatch.flow.plan import source_entries
from ecgbatch.models.vocabularies import statements
from ecgbatch.signal.frames import FRAME_HZ
from ecgbatch.stages.base import chain
from ecgbatch.stages.calibrate import Calibrate
from ecgbatch.stages.diagnose import Diagnose
from ecgbatch.stages.measure import Measure
from ecgbatch.storage import open_store, scan_id, to_uri
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from ecgbatch.training.diagnosis.printings import leads_of, shown
from ecgbatch.training.diagnosis.records import REPORTED_FOLD, read_labelled
from ecgbatch.training.diagnosis.targets import targets_of
from ecgbatch.types import LEADS
from jobs.convert import stages

PRINTED = "3x4+1R"
LOOKS = ("red_a4", "faint", "grey_a4", "black_dots")
DPI = (150, 200, 300)
CODES = [each for each in statements() if each.vocabulary == "ptbxl5"]
FEWEST = 5  # positives; sixty pages have no more of some

Said = npt.NDArray[np.float64]
Signals = npt.NDArray[np.float32]


def from_pages(
    signals_mv: list[Signals], spent: Counter[str], *, digitizing: bool
) -> Iterator[tuple[int, Said]]:
    """Print records, read the pages, and yield what is said of each."""
    config = RunConfig() if digitizing else RunConfig(trace=TraceSettings(enabled=False))
    with tempfile.TemporaryDirectory() as scratch:
        numbers = {}
        for number, signal_mv in enumerate(signals_mv):
            page = render(
                dict(zip(LEADS, 1000 * signal_mv.astype(np.float64), strict=True)),
                fs_hz=FRAME_HZ,
                layout=layout(PRINTED),
                style=style(LOOKS[number % len(LOOKS)]),
                dpi=DPI[number % len(DPI)],
                seed=number,
            )
            path = Path(scratch, f"{number:04d}.png")
            cv2.imwrite(str(path), page.pixels[..., ::-1])
            numbers[scan_id(to_uri(str(path)))] = number
        plan = pa.Table.from_pylist(
            [
                {
                    "scan_id": scan_id(entry.uri),
                    "uri": entry.uri,
                    "version": entry.version,
                    "size_bytes": entry.size_bytes,
                }
                for entry in source_entries(open_store(to_uri(scratch)))
            ],
            schema=schema.PLAN,
        )
        for page in chain(stages(config, scratch))(plan):
            [row] = page.select(["scan_id", "labels", "stage_ms"]).to_pylist()
            spent.update({each["stage"]: each["ms"] for each in row["stage_ms"]})
            yield numbers[row["scan_id"]], said(row["labels"])


def from_record(signal_mv: Signals) -> Said:
    """Return what is said of a record as the layout shows it."""
    mask = shown(layout(PRINTED), fs_hz=FRAME_HZ, samples=signal_mv.shape[1])
    row = {
        "scan_id": "0" * 32,
        "version": "",
        "page_no": 1,
        "page_count": 1,
        "leads": [
            {name: getattr(lead, name) for name in schema.LEAD.names if hasattr(lead, name)}
            for lead in leads_of(signal_mv, mask, fs_hz=FRAME_HZ)
        ],
    }
    [page] = _JUDGED(pa.Table.from_pylist([row], schema=Calibrate.writes))
    return said(page["labels"].to_pylist()[0])


_JUDGED = chain([Measure(), Diagnose(DiagnoseSettings())])


def said(labels: list[dict[str, object]] | None) -> Said:
    """Return probabilities of the five classes, NaN where there is none."""
    found = {
        each["code"]: each["probability"]
        for each in labels or ()
        if each["vocabulary"] == "ptbxl5" and each["probability"] is not None
    }
    return np.array([found.get(each.code, np.nan) for each in CODES], np.float64)


def main() -> None:
    """Print the comparison, and what each stage took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=60, help="pages")
    parser.add_argument("--kept", type=Path, help="where read records are kept")
    given = parser.parse_args()
    kept = given.kept / "records.npz" if given.kept else None
    labelled = read_labelled(Path(os.environ["ECGBATCH_DATA"]) / "ptbxl", kept=kept)
    truth = targets_of(labelled)
    rows = labelled.of_folds({REPORTED_FOLD})
    rows = rows[labelled.has_amplitude[rows]]
    rows = np.random.default_rng(11).permutation(rows)[: given.count]
    signals = [labelled.signal_mv[row].astype(np.float32) for row in rows]
    spent: Counter[str] = Counter()
    kinds = {"records": np.stack([from_record(signal) for signal in signals])}
    for kind, digitizing in (("pages", True), ("pixels", False)):
        kinds[kind] = np.full_like(kinds["records"], np.nan)
        times = spent if digitizing else Counter[str]()
        for number, answers in from_pages(signals, times, digitizing=digitizing):
            kinds[kind][number] = answers
    what = [truth.names.index(each.target) for each in CODES]
    holds, known = truth.holds[rows][:, what], truth.known[rows][:, what]
    judged = np.all([np.isfinite(each).all(axis=1) for each in kinds.values()], axis=0)
    print(f"{len(rows)} pages of {PRINTED}, {judged.sum()} judged in every way")
    for kind, values in kinds.items():
        area, count = macro_auroc(values[judged], holds[judged], known[judged], fewest=FEWEST)
        there = known[judged]
        error = calibration_error(values[judged][there], holds[judged][there])
        change = np.abs(values - kinds["records"])[judged]
        print(
            f"from {kind}: macro AUROC of {count} classes {area:.3f}, calibration error "
            f"{error:.3f} pooled, off what is said from records by {change.mean():.3f}, "
            f"{np.quantile(change, 0.95):.3f} at the 95 % quantile"
        )
    judging = spent["glance"] + spent["diagnose"]
    reading = sum(spent.values()) - judging
    for stage, ms in spent.items():
        print(f"{stage:10s} {ms / len(rows):7.1f} ms a page")
    print(f"judging adds {100 * judging / reading:.1f} % to all other stages")


if __name__ == "__main__":
    main()
