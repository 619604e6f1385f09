"""What a run counts can be scraped from the machines of a cluster."""

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.request import urlopen

import pytest
import ray

from ecgbatch.flow.measures import MEASURES
from ecgbatch.flow.run import convert
from tests.factories_flow import archive, settings, stages

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_address")]

_LINE = re.compile(r"(ray_ecgbatch_\w+)\{([^}]*)\} (\S+)")


def scraped():
    """Return what the machine of this cluster exports of ours, by name and our own labels."""
    (node,) = ray.nodes()
    address = f"http://127.0.0.1:{node['MetricsExportPort']}/metrics"
    with urlopen(address, timeout=10) as answer:
        text = answer.read().decode()
    found = Counter()
    for name, labels, value in _LINE.findall(text):
        own = re.findall(r'\b(outcome|reason|stage)="([^"]*)"', labels)
        found[name, tuple(value for _, value in sorted(own))] += float(value)
    return found


@contextmanager
def scraping():
    """Scrape again and again, as Prometheus does; yield the names and highest values so far."""
    names, highest = set(), Counter()
    ended = threading.Event()

    def scrape():
        while not ended.wait(0.2):
            now = scraped()
            names.update(name for name, _ in now)
            highest.update(now - highest)  # no counter ever falls

    with ThreadPoolExecutor(1) as pool:
        scraper = pool.submit(scrape)
        try:
            yield names, highest
        finally:
            ended.set()
            scraper.result()


def test_a_run_exports_its_counts_under_the_names_that_dashboards_use(tmp_path):
    source = archive(tmp_path / "CANARYSON", 12, slow_s=0.5, bad={"defect_page": 1})
    config = settings(scans_per_block=1, scans_per_part=2)
    before = scraped()
    with scraping() as (names, highest):
        convert(source, str(tmp_path / "out"), stages=stages(source), config=config)
    assert names >= {measure.exported for measure in MEASURES}
    grown = highest - before
    assert 0 < grown["ray_ecgbatch_pages_total", ("published", "")] <= 16
    assert grown["ray_ecgbatch_stage_seconds_total", ("fetch",)] > 0
    assert not any("CANARYSON" in str(key) for key in highest)
