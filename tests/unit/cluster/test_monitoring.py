"""Rules and dashboard ask only for what is exported, by us or by Ray."""

import json
import re
from pathlib import Path

import pytest
import ray
import yaml

from ecgbatch.errors import Reason
from ecgbatch.flow.measures import MEASURES

MONITORING = Path(__file__).parents[3] / "cluster" / "components" / "monitoring"
DOCUMENTS = Path(__file__).parents[3] / "docs" / "operating.md"
RULES = [
    rule
    for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
QUERIES = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
OURS = {measure.exported: measure for measure in MEASURES}
_NAME = re.compile(r"\bray_\w+")
_SELECTOR = re.compile(r"(ray_\w+)\{([^}]*)\}")


def of_ray():
    """Return the names of what Ray exports of its machines."""
    agent = Path(ray.__file__).parent / "dashboard/modules/reporter/reporter_agent.py"
    return {
        f"ray_{name}"
        for name in re.findall(r'^    "(node_\w+)": Gauge', agent.read_text(), re.MULTILINE)
    }


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_only_metrics_that_are_exported(query):
    names = set(_NAME.findall(query))
    assert names
    assert names <= set(OURS) | of_ray()


def test_every_metric_of_ours_stands_on_the_dashboard_and_in_the_documents():
    shown = {name for query in QUERIES for name in _NAME.findall(query)}
    assert set(OURS) <= shown
    assert all(f"`{name}`" in DOCUMENTS.read_text() for name in OURS)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_selects_by_labels_and_values_that_there_are(query):
    values = {"outcome": {"published", "quarantined"}, "reason": {r.value for r in Reason}}
    for name, selector in _SELECTOR.findall(query):
        for label, asked in re.findall(r'(\w+)=~?"([^"]*)"', selector):
            assert label in OURS[name].labels
            assert set(asked.split("|")) <= values[label]
    for labels in re.findall(r"by \(([^)]*)\)", query):
        known = {label for measure in MEASURES for label in measure.labels} | {"instance"}
        assert {label.strip() for label in labels.split(",")} <= known


@pytest.mark.parametrize("query", QUERIES)
def test_counters_are_asked_for_their_growth_and_brackets_close(query):
    for pair in ("()", "[]", "{}"):
        assert query.count(pair[0]) == query.count(pair[1])
    for measure in MEASURES:
        for found in re.finditer(rf"\b{measure.exported}\b", query):
            before = query[: found.start()]
            grown = re.search(r"(rate|increase)\($", before) is not None
            assert grown == (measure.kind == "counter")


def test_every_alarm_says_what_to_look_at_first():
    for rule in RULES:
        if "alert" in rule:
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["first_look"]


def test_the_panels_of_the_dashboard_do_not_lie_on_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
