"""Who killed the worker: found by trying rows one by one once a worker has died."""

from ecgbatch.flow.ledger import Ledger
from ecgbatch.flow.tally import Tally


def test_rows_that_nobody_touched_need_no_care():
    ledger = Ledger()
    assert not ledger.begin(["a", "b"])
    ledger.end(["a", "b"])
    assert not ledger.begin(["a", "b"])


def test_rows_that_come_back_unfinished_were_in_dying_hands():
    ledger = Ledger()
    ledger.begin(["a", "b"])
    assert ledger.begin(["a", "b"])
    assert not ledger.begin(["c"])


def test_attempts_count_only_for_the_row_that_did_not_end():
    ledger = Ledger()
    assert ledger.begin_alone("harmless", "w0") == []
    ledger.end_alone("harmless")
    died = [ledger.begin_alone("deadly", f"w{number}") for number in range(3)]
    assert died == [[], ["w0"], ["w0", "w1"]]
    assert ledger.begin_alone("harmless", "w3") == []


def test_counts_of_workers_add_up():
    ledger = Ledger()
    for _ in range(2):
        tally = Tally(scans=2, published=3)
        tally.pages["read"] += 3
        tally.busy_ms["read"] += 1.5
        ledger.add(tally)
    counted = ledger.counted()
    assert (counted.scans, counted.published) == (4, 6)
    assert (counted.pages["read"], counted.busy_ms["read"]) == (6, 3.0)
