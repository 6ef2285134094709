"""Grafana's dashboards as files: written by deploy.grafana, whole, legible, and without panels on each other."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.__main__ import DASHBOARDS, FOLDER, text_of

GRAFANA = FOLDER.parent
FILES = sorted(FOLDER.glob("*.json"))
LOADED = {path.stem: json.loads(path.read_text("utf-8")) for path in FILES}
PANELS = [(name, panel) for name, board in LOADED.items() for panel in board["panels"]]
SHOWN = [pytest.param(name, panel, id=f"{name}-{panel['title']}") for name, panel in PANELS if panel["type"] != "row"]
PLUGINS = {"prometheus", "grafana-clickhouse-datasource"}
UNITS = {"none", "short", "s", "cps", "bytes", "percentunit", "dateTimeFromNow"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_file_is_what_python_describes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text("utf-8") == text_of(DASHBOARDS[name]), "run python -m deploy.grafana"


def test_there_is_no_other_file() -> None:
    assert sorted(LOADED) == sorted(DASHBOARDS)
    assert len({board["uid"] for board in LOADED.values()}) == len(LOADED)


@pytest.mark.parametrize("name", LOADED)
def test_it_is_a_classic_dashboard_whose_sources_can_be_chosen(name: str) -> None:
    board = LOADED[name]
    assert board["schemaVersion"] == 39
    assert {"title", "description", "time", "templating", "panels", "uid"} <= board.keys()
    sources = {v["name"]: v["query"] for v in board["templating"]["list"] if v["type"] == "datasource"}
    assert set(sources.values()) == PLUGINS


@pytest.mark.parametrize("name", LOADED)
def test_panels_have_ids_of_their_own_and_places_of_their_own(name: str) -> None:
    panels = LOADED[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart or above, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


@pytest.mark.parametrize("name", LOADED)
def test_the_first_row_answers_whether_it_is_fine(name: str) -> None:
    row, *panels = LOADED[name]["panels"]
    assert row["type"] == "row"
    first = [panel for panel in panels if panel["gridPos"]["y"] == 1]
    assert {panel["type"] for panel in first} == {"stat"}
    assert sum(panel["gridPos"]["w"] for panel in first) == 24


@pytest.mark.parametrize(("name", "panel"), SHOWN)
def test_each_panel_says_what_it_shows(name: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]
    refs = [target["refId"] for target in panel["targets"]]
    assert len(set(refs)) == len(refs)
    variables = {"${prometheus}", "${clickhouse}"}
    for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
        assert source["type"] in PLUGINS
        assert source["uid"] in variables
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]
    for target in panel["targets"]:
        assert target.get("legendFormat") or target.get("rawSql")


@pytest.mark.parametrize(("name", "panel"), SHOWN)
def test_each_panel_uses_variables_that_its_dashboard_has(name: str, panel: dict[str, Any]) -> None:
    known = {variable["name"] for variable in LOADED[name]["templating"]["list"]}
    used = set(re.findall(r"\$\{?(?!__)(\w+)", json.dumps([panel["targets"], panel["datasource"]])))
    assert used <= known


def test_provisioning_names_the_sources_and_where_the_dashboards_are() -> None:
    (sources,) = (yaml.safe_load(path.read_text("utf-8")) for path in (GRAFANA / "provisioning/datasources").glob("*"))
    assert {source["type"] for source in sources["datasources"]} == PLUGINS
    assert all(source["uid"] and source["access"] == "proxy" for source in sources["datasources"])
    (boards,) = (yaml.safe_load(path.read_text("utf-8")) for path in (GRAFANA / "provisioning/dashboards").glob("*"))
    (provider,) = boards["providers"]
    assert Path(provider["options"]["path"]).name == FOLDER.name


def test_prometheus_is_asked_as_often_as_it_asks() -> None:
    (sources,) = (yaml.safe_load(path.read_text("utf-8")) for path in (GRAFANA / "provisioning/datasources").glob("*"))
    asks = yaml.safe_load((GRAFANA.parent / "prometheus" / "prometheus.yml").read_text("utf-8"))["global"][
        "scrape_interval"
    ]
    intervals = [s["jsonData"]["timeInterval"] for s in sources["datasources"] if s["type"] == "prometheus"]
    assert intervals == [asks]
