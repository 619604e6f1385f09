"""Records of every kind come in as microvolts by lead, at their own times."""

import numpy as np
import pytest

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError
from ecgbatch.synth.sources import excerpt, list_source, open_source, source_address
from ecgbatch.synth.sources.simulated import Simulated
from ecgbatch.types import LEADS
from tests.factories_synth import npz_file, wave, wfdb_record
from tests.factories_tables import row, write_part


def opened(path, **options):
    address = source_address(str(path))
    named = {"labels": None, "release": None, "storage": StorageSettings(), **options}
    kind, records = list_source(address, **named)
    del named["labels"]
    return open_source(address, kind=kind, records=records, **named)


@pytest.mark.parametrize("unit", ["mV", "uV", "V"])
def test_wfdb_records_come_in_microvolts_whatever_their_unit(tmp_path, unit):
    wfdb_record(tmp_path / "a", "r1", wave(10, 500), unit=unit)
    source = opened(tmp_path)
    ref = source.ref(0)
    assert (ref.record_id, ref.fs_hz, ref.duration_s) == ("a/r1", 500.0, 10.0)
    leads = excerpt(source, ref, start_s=2.0, seconds=3.0, fs_hz=500)
    assert np.abs(leads["V6"] - wave(10, 500)[11, 1000:2500]).max() < 1.0


def test_names_of_leads_are_put_into_our_words_and_others_left_out(tmp_path):
    names = ["MLII", "avr", "Lead V2", "C3", "RESP"]
    wfdb_record(tmp_path, "r", wave(10, 250, count=5), fs_hz=250, leads=names)
    assert opened(tmp_path).ref(0).leads == ("II", "aVR", "V2", "V3")


def test_another_rate_is_resampled_and_keeps_its_times(tmp_path):
    wfdb_record(tmp_path, "r", wave(10, 250), fs_hz=250)
    source = opened(tmp_path)
    found = excerpt(source, source.ref(0), start_s=0.0, seconds=10.0, fs_hz=500)["I"]
    inside = slice(100, 4900)
    assert np.abs(found[inside] - wave(10, 500)[0, inside]).max() < 5


def test_a_record_ends_where_it_ends(tmp_path):
    wfdb_record(tmp_path, "r", wave(4, 500))
    source = opened(tmp_path)
    found = excerpt(source, source.ref(0), start_s=0.0, seconds=10.0, fs_hz=500)["I"]
    assert len(found) == 5000
    assert np.isfinite(found[:2000]).all()
    assert np.isnan(found[2000:]).all()


def test_missing_samples_stay_missing(tmp_path):
    signals = wave(10, 500)
    signals[3, 1000:1500] = np.nan
    wfdb_record(tmp_path, "r", signals)
    source = opened(tmp_path)
    found = excerpt(source, source.ref(0), start_s=0.0, seconds=10.0, fs_hz=500)
    assert np.isnan(found["aVR"][1000:1500]).all()
    assert np.isfinite(found["aVR"]).sum() == 4500


def test_a_list_chooses_among_records(tmp_path):
    for name in ("r1", "r2", "r3"):
        wfdb_record(tmp_path / "sub", name, wave(10, 500))
    (tmp_path / "RECORDS").write_text("sub/r3\nsub/r1\n")
    source = opened(tmp_path / "RECORDS")
    assert [source.ref(number).record_id for number in range(len(source))] == ["sub/r1", "sub/r3"]
    assert len(excerpt(source, source.ref(1), start_s=0, seconds=1, fs_hz=500)) == 12


def test_npz_records_know_their_patients(tmp_path):
    npz_file(tmp_path / "ecg.npz", patients=["p1", "p2", "p1", "p3"])
    source = opened(tmp_path / "ecg.npz", labels=str(tmp_path / "labels.csv"))
    assert [source.ref(number).patient_id for number in range(4)] == ["p1", "p2", "p1", "p3"]
    found = excerpt(source, source.ref(2), start_s=1.0, seconds=2.0, fs_hz=500)
    assert np.array_equal(found["V1"], (wave(10, 500)[6] + 20).astype(np.int16)[500:1500])


def test_published_tables_are_records_again(tmp_path):
    samples = [10, None, 30] * 200
    signals = [row("signals", lead=lead, samples_uv=samples, t0_ms=0.0) for lead in LEADS]
    write_part(tmp_path, pages=[row("pages")], signals=signals)
    source = opened(tmp_path)
    ref = source.ref(0)
    assert set(ref.leads) == set(LEADS)
    found = excerpt(source, ref, start_s=0.0, seconds=1.0, fs_hz=ref.fs_hz)["V3"]
    assert found[:3].tolist()[::2] == [10.0, 30.0]
    assert np.isnan(found[1])


def test_simulated_records_follow_from_seed_and_number():
    source = Simulated(seed=3, count=10, seconds=10.0, conditions={"NORM": 1.0, "AFIB": 1.0})
    again = Simulated(seed=3, count=10, seconds=10.0, conditions={"NORM": 1.0, "AFIB": 1.0})
    first, second = (each.load(each.ref(4), start_s=0.0, seconds=2.0) for each in (source, again))
    assert all(np.array_equal(first[lead], second[lead]) for lead in LEADS)
    other = source.load(source.ref(5), start_s=0.0, seconds=2.0)
    assert not np.array_equal(first["II"], other["II"])


def test_labels_that_do_not_know_a_record_are_refused_by_its_name(tmp_path):
    npz_file(tmp_path / "ecg.npz", patients=["p1", "p2", "p1", "p3"])
    (tmp_path / "labels.csv").write_text("ecg_id,patient_id\n1,a\n2,b\n3,c\n")
    with pytest.raises(ConfigError, match=r"labels.*record 4"):
        opened(tmp_path / "ecg.npz", labels=str(tmp_path / "labels.csv"))


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing", "no such folder"), ("empty", "nothing stands there"), ("empty/x.npz", r"x\.npz")],
)
def test_a_source_where_nothing_is_says_so(tmp_path, name, words):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=words):
        opened(tmp_path / name)


def test_a_file_without_microvolts_is_refused_by_its_name(tmp_path):
    np.savez(tmp_path / "z.npz", zscore_milli=np.zeros((2, 12, 10)))
    with pytest.raises(ConfigError, match=r"z\.npz needs signal_uv"):
        opened(tmp_path / "z.npz")


def test_a_unit_that_is_no_voltage_is_refused_with_the_record(tmp_path):
    wfdb_record(tmp_path, "r7", wave(10, 500), unit="mmHg")
    with pytest.raises(ConfigError, match=r"r7.*mmHg"):
        opened(tmp_path)
