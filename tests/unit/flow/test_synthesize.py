"""A data set in this process: the same bytes always, taken up again, and never mixed."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ecgbatch.config import RunConfig, StorageSettings
from ecgbatch.errors import ConfigError, LeaseError
from ecgbatch.flow.lease import Lease
from ecgbatch.flow.output import Output
from ecgbatch.flow.synthesize import synthesize
from ecgbatch.synth.dataset.recipe import KINDS
from tests.drivers_flow import start
from tests.drivers_synth import print_and_die
from tests.factories_synth import contents, make, npz_file, recipe, wave, wfdb_record

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made_to_the_same_bytes_again(tmp_path, kind):
    first = make(tmp_path / "a", kind, count=4)
    assert (first.state, first.units_done) == ("done", 4)
    make(tmp_path / "b", kind, count=4)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("kind", ["pages", "boxes", "crops", "overlap"])
def test_the_index_knows_every_file_and_its_checksum(tmp_path, kind):
    make(tmp_path, kind, count=4)
    rows = pq.read_table(tmp_path / "index").to_pylist()
    assert rows
    seen = set()
    for row in rows:
        for name in ("image", "truth", "mask"):
            if row[name] is not None:
                data = (tmp_path / row[name]).read_bytes()
                assert hashlib.sha256(data).hexdigest() == row[f"{name}_sha256"]
                seen.add(row[name])
    pictures = {str(path.relative_to(tmp_path)) for path in (tmp_path / "images").rglob("*.*")}
    assert pictures <= seen
    signals = pq.read_table(tmp_path / "signals").to_pylist()
    assert {row["page_id"] for row in rows} <= {row["page_id"] for row in signals}


def test_a_shard_that_is_larger_gives_the_same_pages(tmp_path):
    make(tmp_path / "a", shard=1)
    make(tmp_path / "b", shard=6)
    apart, together = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "images").rglob("*.jpg")}
        for name in "ab"
    )
    assert apart == together


@pytest.mark.parametrize("writes", [1, 4, 9, 15])
def test_a_killed_run_goes_on_and_ends_with_the_bytes_of_an_undisturbed_one(tmp_path, writes):
    make(tmp_path / "undisturbed", "boxes")
    killed = start(print_and_die, writes, str(tmp_path / "out"))
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    summary = make(tmp_path / "out", "boxes")
    assert (summary.state, summary.units_done) == ("done", 6)
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_what_has_a_receipt_is_not_made_again(tmp_path):
    make(tmp_path, count=6)
    (tmp_path / "runs/summary.json").unlink()
    (tmp_path / "runs/receipts/00001.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "images").rglob("*.jpg")}
    make(tmp_path, count=6)
    changed = [path for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert {path.parent.name for path in changed} == {"00001"}


def test_a_finished_data_set_again_does_nothing_and_never_meets_ray(tmp_path):
    made = make(tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    code = (
        "import sys\n"
        "from ecgbatch.config import RunConfig\n"
        "from ecgbatch.flow.synthesize import synthesize\n"
        "from tests.factories_synth import recipe\n"
        "summary = synthesize(sys.argv[1], recipe(), config=RunConfig())\n"
        "assert summary.state == 'nothing_to_do', summary\n"
        f"assert summary.files == {made.files}\n"
        "assert 'ray' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], cwd=ROOT, check=True)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 6}, "seed was 5 and is 6"),
        ({"count": 7}, "count was 6 and is 7"),
        ({"dpi": ["70"]}, "dpi"),
        ({"source": {"seconds": 12.0}}, "source.seconds was 10.0 and is 12.0"),
    ],
)
def test_another_recipe_over_the_same_output_is_refused_and_nothing_changes(
    tmp_path, changes, words
):
    make(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match=words):
        make(tmp_path, **changes)
    assert contents(tmp_path) == before


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="other files"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_runs_over_one_output_are_kept_apart(tmp_path):
    with (
        Lease(Output.at(str(tmp_path), StorageSettings()), run_id="first"),
        pytest.raises(LeaseError, match="run first is writing"),
    ):
        make(tmp_path)


def test_no_patient_is_in_two_splits_of_any_data_set(tmp_path):
    patients = [f"p{number % 5}" for number in range(12)]
    npz_file(tmp_path / "in/ecg.npz", count=12, patients=patients)
    source = {
        "address": f"file://{tmp_path}/in/ecg.npz",
        "labels": f"file://{tmp_path}/in/labels.csv",
    }
    found = {}
    for kind in ("pages", "crops"):
        splits = {"train": 0.5, "test": 0.5}
        make(tmp_path / kind, kind, count=24, seed=len(kind), source=source, splits=splits)
        for row in pq.read_table(tmp_path / kind / "index").to_pylist():
            found.setdefault(row["patient_id"], set()).add(row["split"])
            assert f"/{row['split']}/" in row["image"]
    assert set(found) == set(patients)
    assert all(len(splits) == 1 for splits in found.values())
    assert len(set.union(*found.values())) == 2


def test_boxes_have_coco_files_that_agree_with_the_labels(tmp_path):
    make(tmp_path, "boxes", splits={"train": 0.5, "val": 0.5}, count=8)
    lines = (tmp_path / "data.yaml").read_text().splitlines()
    assert lines[:3] == ["path: .", "train: images/train", "val: images/val"]
    assert lines[4:] == [
        "  0: region",
        *(f"  {1 + n}: {name}" for n, name in enumerate(
            ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
        )),
    ]  # fmt: skip
    for split in ("train", "val"):
        coco = json.loads((tmp_path / f"coco/{split}.json").read_text())
        assert len({item["id"] for item in coco["annotations"]}) == len(coco["annotations"])
        names = {item["id"]: item["name"] for item in coco["categories"]}
        assert (names[1], names[13]) == ("region", "V6")
        for image in coco["images"]:
            assert (tmp_path / "images" / image["file_name"]).is_file()
            label = tmp_path / "labels" / image["file_name"].replace(".jpg", ".txt")
            boxes = [item for item in coco["annotations"] if item["image_id"] == image["id"]]
            classes = [int(line.split()[0]) for line in label.read_text().splitlines()]
            assert [box["category_id"] - 1 for box in boxes] == classes


def test_records_longer_than_a_page_are_shown_through_a_window(tmp_path):
    wfdb_record(tmp_path / "in", "long", wave(1800, 100, count=2), fs_hz=100, leads=["MLII", "V5"])
    make(
        tmp_path / "out",
        source={"address": f"file://{tmp_path}/in"},
        layouts=["1x1"],
        profiles=["clean"],
    )
    rows = pq.read_table(tmp_path / "out/index").to_pylist()
    starts = [row["start_s"] for row in rows]
    assert len(set(starts)) == 6
    assert max(starts) > 200
    assert {row["patient_id"] for row in rows} == {"long"}


def test_a_record_shorter_than_its_page_is_printed_as_far_as_it_goes(tmp_path):
    wfdb_record(tmp_path / "in", "short", wave(8.5, 500))
    make(
        tmp_path / "out",
        source={"address": f"file://{tmp_path}/in"},
        layouts=["3x4+1R"],
        profiles=["clean"],
        styles=["red_a4"],
        speeds=["25"],
        count=1,
    )
    signals = pq.read_table(tmp_path / "out/signals").to_pylist()
    by_lead = {(row["lead"], row["role"]): row["samples_uv"] for row in signals}
    assert all(value is not None for value in by_lead["I", "strip"])
    last = by_lead["V6", "strip"]
    assert [value is None for value in last] == [False] * 500 + [True] * 750
    long = next(values for (_, role), values in by_lead.items() if role == "rhythm")
    assert sum(value is None for value in long) == 750


def test_records_that_cannot_be_printed_are_left_out_only_when_asked(tmp_path):
    wfdb_record(tmp_path / "in", "good", wave(10, 500))
    wfdb_record(tmp_path / "in", "tiny", wave(1, 500))
    address = f"file://{tmp_path}/in"
    with pytest.raises(ConfigError, match="record tiny"):
        make(tmp_path / "out", source={"address": address})
    assert not (tmp_path / "out").exists()
    make(tmp_path / "out", source={"address": address, "leave_out": True}, count=3)
    rows = pq.read_table(tmp_path / "out/index").to_pylist()
    assert {row["record_id"] for row in rows} == {"good"}


def test_what_is_added_to_the_source_later_changes_no_page(tmp_path):
    wfdb_record(tmp_path / "in", "r1", wave(10, 500))
    source = {"address": f"file://{tmp_path}/in"}
    make(tmp_path / "out", source=source)
    before = contents(tmp_path / "out")
    wfdb_record(tmp_path / "in", "r0", 2 * wave(10, 500))
    for name in ("summary.json", "receipts/00002.json"):
        (tmp_path / "out/runs" / name).unlink()
    make(tmp_path / "out", source=source)
    assert contents(tmp_path / "out") == before


@pytest.mark.s3
def test_a_data_set_in_a_bucket_is_the_one_on_disk(tmp_path, s3_bucket, s3_client):
    make(tmp_path / "here", "boxes", count=3)
    there = f"{s3_bucket}/sets/boxes"
    synthesize(there, recipe("boxes", count=3), config=RunConfig(), local=True)
    again = synthesize(there, recipe("boxes", count=3), config=RunConfig(), local=True)
    assert again.state == "nothing_to_do"
    for path, data in contents(tmp_path / "here").items():
        answer = s3_client.get_object(
            Bucket=s3_bucket.removeprefix("s3://"), Key=f"sets/boxes/{path}"
        )
        assert answer["Body"].read() == data, path
