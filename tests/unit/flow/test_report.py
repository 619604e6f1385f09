"""The page of a run says what its tables hold, alone and to everybody."""

from html.parser import HTMLParser

import pytest

from ecgbatch.cli import main
from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.report import gather
from ecgbatch.report.run_page import html, slowest
from tests.drivers_flow import drive
from tests.factories_flow import archive


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    source = archive(folder / "CANARYSON^JOHN", 9, bad={"pages": 3, "defect_page": 2})
    return folder / "out", drive(source, folder / "out")


def facts(out, **options):
    return gather(str(out), config=RunConfig(), **options)


class Page(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.tags, self.text = [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.loads += [v for k, v in attrs if k in {"src", "href", "srcset", "action", "data"}]

    def handle_data(self, data):
        self.text += data


def test_the_counts_of_the_page_are_those_of_the_run(converted):
    out, summary = converted
    told = facts(out)
    assert (told.pages_in, told.published) == (summary.pages_in, summary.pages_published)
    assert told.reasons == summary.reasons
    assert told.balanced
    assert sum(told.pages.counted["Layouts"].values()) == told.published
    assert told.throughput[-1][1] == summary.pages_in
    assert told.bytes_read == summary.bytes_read > 0


def test_a_page_that_stands_nowhere_is_said(converted):
    from dataclasses import replace

    told = facts(converted[0])
    wrong = replace(told, published=told.published + 1)
    assert not wrong.balanced
    assert "do not balance" in html(wrong)
    assert "do not balance" not in html(told)


def test_the_page_loads_nothing_and_runs_nothing(converted):
    page = Page(html(facts(converted[0])))
    assert page.loads == []
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert "url(" not in html(facts(converted[0]))


def test_the_page_names_nobody(converted):
    assert "CANARYSON" not in html(facts(converted[0]))


def test_the_slowest_stage_is_the_one_that_took_most_of_the_time():
    assert slowest({"read": (10, 500.0), "trace": (2, 900.0), "rare": (1, 600.0)}) == "trace"
    assert slowest({}) == ""


def test_samples_are_few_of_each_kind_and_a_page_without_a_picture_is_no_sample(converted):
    asked = []

    def sampler(store, scan_id, page_no, release):
        asked.append((scan_id, page_no))
        return b"jpeg" if len(asked) % 2 else None

    told = facts(converted[0], sampler=sampler, samples=1)
    kinds = [sample.caption.partition(":")[0] for sample in told.samples]
    assert kinds[0] == "good"
    assert len(kinds) == len(set(kinds))
    assert len(asked) <= 3 * 3  # of three kinds, three tries each
    page = Page(html(told))
    assert len(page.loads) == len(kinds)
    assert all(each.startswith("data:image/jpeg;base64,") for each in page.loads)


def test_the_command_puts_the_page_beside_the_run_or_where_it_is_told(converted, capsys, tmp_path):
    out, summary = converted
    main_ends("report", str(out), "--samples", "0")
    printed = capsys.readouterr().out
    beside = out / "runs" / summary.run_id / "report.html"
    assert str(beside) in printed
    main_ends(
        *("report", str(out), summary.run_id, "--samples", "0", "-o", str(tmp_path / "page.html"))
    )
    assert (tmp_path / "page.html").read_text() == beside.read_text()


def test_a_page_that_shows_paper_stands_apart_and_the_other_stays(converted, capsys):
    out, summary = converted
    main_ends("report", str(out), "--samples", "0")
    beside = out / "runs" / summary.run_id / "report.html"
    before = beside.read_text()
    main_ends("report", str(out), "--samples", "1", "--paper")
    restricted = out / "restricted" / "reports" / f"{summary.run_id}.html"
    assert str(restricted) in capsys.readouterr().out
    assert beside.read_text() == before
    assert "on a restricted page of its own" in before
    assert "on a restricted page of its own" not in restricted.read_text()


def main_ends(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


def test_a_run_that_is_not_there_is_refused(converted):
    with pytest.raises(ConfigError, match="no run nowhere"):
        facts(converted[0], run_id="nowhere")
