"""Hearts and cables that leave no usual beat: what stands in the tables is right or not good.

Ids carry the numbers of the faults. Pages are read as by default, with the networks.
"""

import numpy as np
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.evaluation.pages import compare_page
from ecgbatch.evaluation.truth import TrueRecord
from ecgbatch.synth.heart import simulate
from ecgbatch.tables import leads
from ecgbatch.types import LEADS
from tests.pages_published import published, sheet

FS_HZ = 500.0


def fibrillating():
    """Ventricular fibrillation: no beat, 3.5 to 7 waves a second that come and go."""
    rng = np.random.default_rng(0)
    time_s = np.arange(5000) / FS_HZ

    def waves():
        total = np.zeros(time_s.size)
        for hz in rng.uniform(3.5, 7, 5):
            wander = 0.3 * np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * time_s)
            phase = 2 * np.pi * (hz * time_s + wander) + rng.uniform(0, 2 * np.pi)
            total += 250 * rng.uniform(0.2, 1) * np.sin(phase)
        return total

    one, two = waves(), waves()
    limbs = {"I": one, "II": two, "III": two - one}
    limbs |= {"aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    return limbs | {f"V{number}": 1.3 * waves() for number in range(1, 7)}


def paced_with_a_lead_off():
    """Spikes of a pacemaker in every lead but one, whose electrode is off."""
    paced = simulate(3, condition="PACE").by_name()
    return {lead: paced[lead] for lead in LEADS} | {"V3": np.zeros(5000)}


def read(folder, truth_uv):
    """Publish a page, and compare it with what it shows."""
    found = published(folder, "a.png", sheet(truth_uv).pixels, network=True)
    in_mv = {lead: np.asarray(truth_uv[lead]) / 1000 for lead in LEADS}
    return compare_page(
        leads(pa.Table.from_pylist(found.signals, schema=schema.SIGNALS)),
        TrueRecord("a", FS_HZ, in_mv),
        stratum="",
        outcome=found.page["quality_class"],
    )


def test_fault_62_fibrillation_is_read_as_it_is(tmp_path):
    page = read(tmp_path, fibrillating())
    assert page.wrong_leads == 0
    assert page.gain_error < 0.05
    assert min(lead.error.coverage for lead in page.leads) > 0.9


def test_fault_61_62_spikes_beside_a_lead_that_is_off_leave_no_wrong_lead_on_a_good_page(tmp_path):
    page = read(tmp_path, paced_with_a_lead_off())
    assert {lead.lead for lead in page.leads if lead.flat} == {"V3"}
    assert sum(lead.error.pearson_r > 0.9 for lead in page.leads) >= 11
    assert not page.silent_failure
