import json

from ecgbatch.evaluation.pages import compare_page, summarize
from ecgbatch.evaluation.text import as_json, table_lines
from ecgbatch.evaluation.truth import TrueRecord
from tests.factories_ink import beats_mv

RECORD = TrueRecord("7", 500.0, {"I": beats_mv(1250)})


def results():
    return [
        compare_page([], RECORD, stratum=stratum, outcome="no_grid")
        for stratum in ("scans", "photos")
    ]


def test_a_table_has_a_heading_and_one_aligned_line_per_stratum():
    lines = table_lines(summarize(results()))
    assert [line.split()[0] for line in lines] == ["pages", "photos", "scans", "all"]
    heading = lines[0].index("pages") + len("pages")
    assert [line[heading - 1] for line in lines[1:]] == ["1", "1", "2"]


def test_json_holds_every_lead_and_no_number_that_json_does_not_know():
    found = results()
    whole = json.loads(as_json(summarize(found), found), parse_constant=lambda name: 1 / 0)
    assert [page["stratum"] for page in whole["pages"]] == ["scans", "photos"]
    assert whole["pages"][0]["leads"][0]["lead"] == "I"
    assert whole["summaries"][0]["gain_median"] is None
    assert whole["summaries"][0]["score_competition_2025_db"] is None
