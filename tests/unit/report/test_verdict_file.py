"""Files of reviewers are read as they are meant, or refused with the line."""

import json

import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.report.review_page import Item, html, label_studio
from ecgbatch.report.verdict_file import read_verdicts

SCAN, OTHER = "a" * 32, "b" * 32
HEAD = "scan_id,page_no,verdict,layout,speed_mm_per_s,gain_mm_per_mv,names\n"


def told(verdicts):
    return [
        (v.scan_id, v.page_no, v.verdict, v.layout, v.speed_mm_per_s, v.gain_mm_per_mv, v.names)
        for v in verdicts
    ]


EXPECTED = [
    (SCAN, 2, "corrected", "6x2", 50.0, 5.0, ("I", "aVR")),
    (OTHER, 1, "rejected", None, None, None, ()),
]


def test_a_table_is_read():
    text = HEAD + f"{SCAN},2,corrected,6x2,50,5,I aVR\n{OTHER},1,rejected,,,,\n"
    assert told(read_verdicts(text.encode(), "v.csv")) == EXPECTED


def test_what_the_page_downloads_is_read():
    corrected = {"scan_id": SCAN, "page_no": 2, "verdict": "corrected", "layout": "6x2"}
    corrected |= {"speed_mm_per_s": "50", "gain_mm_per_mv": "5", "names": "I aVR"}
    rejected = {"scan_id": OTHER, "page_no": 1, "verdict": "rejected"}
    data = json.dumps([corrected, rejected]).encode()
    assert told(read_verdicts(data, "verdicts.json")) == EXPECTED


def test_what_label_studio_exports_is_read():
    tasks = json.loads(label_studio([item(SCAN, 2), item(OTHER, 1), item("c" * 32, 1)]))
    said = [
        [
            {"from_name": "verdict", "value": {"choices": ["corrected"]}},
            {"from_name": "layout", "value": {"text": ["6x2"]}},
            {"from_name": "speed_mm_per_s", "value": {"number": 50}},
            {"from_name": "gain_mm_per_mv", "value": {"number": 5}},
            {"from_name": "names", "value": {"text": ["I aVR"]}},
        ],
        [{"from_name": "verdict", "value": {"choices": ["rejected"]}}],
    ]
    for task, results in zip(tasks, said, strict=False):
        task["annotations"] = [{"was_cancelled": False, "result": results}]
    tasks[2]["annotations"] = [{"was_cancelled": True, "result": []}]
    assert told(read_verdicts(json.dumps(tasks).encode(), "export.json")) == EXPECTED


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x,1,accepted,,,,", "line 3: scan_id"),
        (f"{OTHER},0,accepted,,,,", "line 3: page_no"),
        (f"{OTHER},1,perhaps,,,,", "line 3: verdict is one of"),
        (f"{OTHER},1,corrected,,,,", "line 3: `corrected`, and nothing says how"),
        (f"{OTHER},1,accepted,,50,,", "line 3: corrections belong to"),
        (f"{OTHER},1,corrected,twelve,,,", "line 3: layout"),
        (f"{OTHER},1,corrected,,fast,,", "line 3: speed_mm_per_s is no number"),
        (f"{OTHER},1,corrected,,nan,,", "line 3: speed_mm_per_s lies outside"),
        (f"{OTHER},1,corrected,,,1e9,", "line 3: gain_mm_per_mv lies outside"),
        (f"{OTHER},1,corrected,,,,I SMITH", "line 3: names holds a word that is no lead"),
        (f"{OTHER},1,corrected", "line 3: not as many values"),
        (f"{SCAN},1,accepted,,,,", "line 3: a second verdict"),
    ],
)
def test_a_bad_line_is_named_and_never_quoted(line, message):
    text = HEAD + f"{SCAN},1,accepted,,,,\n{line}\n"
    with pytest.raises(ConfigError, match=message) as refused:
        read_verdicts(text.encode(), "v.csv")
    assert "SMITH" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("v.csv", b"", "line 1"),
        ("v.csv", b"scan,page\n", "line 1: the columns are"),
        ("v.csv", HEAD.encode(), "holds no verdict"),
        ("v.csv", b"\xff\xfe", "UTF-8"),
        ("v.json", b"[\n{,\n]", "line 2: not JSON"),
        ("v.json", b"{}", "not a list"),
        ("v.json", b'[{"verdict": "accepted", "who": 1}]', "entry 1: there is no such column"),
        ("v.json", b'[{"annotations": [{"result": [1]}], "data": {}}]', "entry 1: not an annot"),
    ],
)
def test_what_is_no_file_of_verdicts_is_refused(name, data, message):
    with pytest.raises(ConfigError, match=message):
        read_verdicts(data, name)


def item(scan, page_no, **changes):
    row = {
        "scan_id": scan,
        "page_no": page_no,
        "quality_score": 0.5,
        "flags": ["low_coverage"],
        "layout": "3x4+1R",
        "speed_mm_per_s": None,
        "speed_source": "assumed",
        "gain_mm_per_mv": 10.0,
        "gain_source": "pulse",
        "names": ["I", "II"],
    }
    return Item({**row, **changes}, b"jpeg")


def test_the_page_loads_nothing_and_escapes_everything():
    page = html([item(SCAN, 1, layout="<script>alert(1)</script>")], release="<r>", waiting=3)
    assert "<script>alert" not in page
    assert "<r>" not in page
    assert "default-src 'none'" in page
    assert not [word for word in ("http:", "https:", "src=/", "url(") if word in page]
    assert f'data-scan="{SCAN}"' in page
