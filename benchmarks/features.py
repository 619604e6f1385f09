"""How far intervals and heights move on their way over paper.

    ECGBATCH_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/features.py

DIR holds pages whose records are known, as ``pages/<kind>/`` with WFDB beside them or in ``ludb/``.
A page's leads are measured twice, as published and as recorded at the same times, so that what is
compared rests on the same beats; the whole record is measured as well, as a user would compare.
"""

import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ecgbatch.config import RunConfig
from ecgbatch.evaluation.pages import printed_part
from ecgbatch.evaluation.truth import TrueRecord, read_record
from ecgbatch.flow.evaluate import converted
from ecgbatch.signal.facts import facts_of
from ecgbatch.signal.measure import measure
from ecgbatch.stages.publish import published
from ecgbatch.tables import leads as leads_of
from ecgbatch.types import LEADS, Lead
from jobs.convert import stages

FOLDERS = (("ecg_image_kit", None), ("ludb_rendered", "ludb"), ("print_and_scan", None))
INTERVALS = (("qrs_ms", 8.0), ("pr_ms", 10.0), ("qt_ms", 15.0), ("hr_bpm", None),
             ("qrs_axis_deg", None), ("sokolow_lyon_uv", None))  # fmt: skip
HEIGHTS = ("p_uv", "q_uv", "r_uv", "s_uv", "st60_uv", "t_uv")
HEIGHT_AIM_UV = 50.0


def published_leads(page: pa.Table) -> list[Lead]:
    """The leads as a reader of the tables gets them."""
    tables = published(page, run_id="", fingerprint="", software_version="", models=[])
    return leads_of(tables["signals"])


def recorded(record: TrueRecord, leads: list[Lead]) -> list[Lead]:
    """What was recorded where the page prints."""
    return [
        replace(lead, signal_uv=np.where(
            np.isfinite(lead.signal_uv), 1000 * printed_part(record, lead, margin=0), np.nan
        ).astype(np.float32))
        for lead in leads if lead.lead in record.leads_mv
    ]  # fmt: skip


def whole(record: TrueRecord) -> list[Lead]:
    """The record itself."""
    return [
        Lead(name, "strip", "digital", 0.0, record.fs_hz, record.fs_hz,
             (1000 * record.leads_mv[name]).astype(np.float32), 0.0, 1.0)
        for name in LEADS if name in record.leads_mv
    ]  # fmt: skip


def main() -> None:
    """Print one table per kind of page."""
    data = Path(os.environ["ECGBATCH_DATA"])
    config = RunConfig()
    for kind, records in FOLDERS:
        folder = data / "pages" / kind
        truth = folder if records is None else data / records
        same: dict[str, list[float]] = defaultdict(list)
        far: dict[str, list[float]] = defaultdict(list)
        pages = 0
        for _, page, path in converted(
            str(folder), truth, stages=stages(config, str(folder)), config=config
        ):
            leads = published_leads(page)
            if not leads:
                continue
            pages += 1
            record = read_record(path)
            read = facts_of(measure(leads))
            for errors, true in (
                (same, facts_of(measure(recorded(record, leads)))),
                (far, facts_of(measure(whole(record)))),
            ):
                for name, _ in INTERVALS:
                    if name in read and name in true:
                        errors[name].append(read[name] - true[name])
                for lead in LEADS:
                    for height in HEIGHTS:
                        name = f"{lead}.{height}"
                        if name in read and name in true:
                            errors[height].append(read[name] - true[name])
        print(f"\n{kind}: {pages} pages published")
        print(
            "                  same beats: n  bias  median |error|   whole record: median |error|"
        )
        for name, aim in (*INTERVALS, *((height, HEIGHT_AIM_UV) for height in HEIGHTS)):
            one, other = np.array(same[name]), np.array(far[name])
            if one.size == 0:
                continue
            print(f"{name:16s} {one.size:13d} {np.median(one):6.1f} {np.median(np.abs(one)):9.1f}"
                  f" {'' if aim is None else f'(<= {aim:.0f})':8s}"
                  f" {np.median(np.abs(other)):12.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
