"""The share of quarantined pages is judged while a run goes on, but not too early."""

import pytest

from ecgbatch.errors import QuarantineError
from ecgbatch.flow.limit import QuarantineLimit
from ecgbatch.flow.tally import Tally


def tally(published, **quarantined):
    counted = Tally(published=published)
    counted.quarantined.update(quarantined)
    return counted


def test_an_early_cluster_of_bad_pages_stops_nothing():
    limit = QuarantineLimit(max_share=0.2, from_pages=100)
    limit.check(tally(0, empty=99))
    limit.check(tally(400, empty=99))


def test_the_limit_itself_is_allowed_and_one_page_more_is_not():
    limit = QuarantineLimit(max_share=0.2, from_pages=100)
    limit.check(tally(80, not_ecg=20))
    with pytest.raises(QuarantineError, match=r"^21 of 100 pages .*not_ecg 18, empty 3\), more"):
        limit.check(tally(79, not_ecg=18, empty=3))


def test_pages_of_earlier_starts_count():
    limit = QuarantineLimit(max_share=0.2, from_pages=100, published=60, quarantined=39)
    with pytest.raises(QuarantineError, match="39 of 100 pages are quarantined, more"):
        limit.check(tally(1))
    limit.check(tally(0))


def test_a_share_of_one_never_stops():
    QuarantineLimit().check(tally(0, empty=10_000))
