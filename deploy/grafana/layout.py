"""What a dashboard is made of, and its classic JSON (schemaVersion 39), which Grafana 10 and later read.

A dashboard is rows of panels, which are set from left to right on Grafana's 24 columns. Everything that Grafana would
take by itself is left out. Which panels there are is decided by `stream_health` and `business`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

COLUMNS = 24
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
CLICKHOUSE = {"type": "grafana-clickhouse-datasource", "uid": "${clickhouse}"}
GREEN, ORANGE, RED = "green", "orange", "red"

Kind = Literal["stat", "timeseries", "table", "bargauge", "state-timeline"]
Json = dict[str, Any]


class Metric(NamedTuple):
    """PromQL; ``legend`` names each of its series by labels. ``now``: only its last value is asked for."""

    expression: str
    legend: str
    now: bool = False


class Rows(NamedTuple):
    """SQL of ClickHouse with Grafana's macros; ``series``: a time first, then what names the series, then values."""

    query: str
    series: bool = False


@dataclass(frozen=True)
class Panel:
    """``unit`` as Grafana calls it; ``steps``: from which value on a colour holds, green below all."""

    title: str
    description: str
    kind: Kind
    unit: str
    asks: tuple[Metric | Rows, ...]
    width: int = 8
    height: int = 8
    steps: tuple[tuple[float, str], ...] = ()
    decimals: int | None = None
    stacked: bool = False
    lowest: float | None = 0


@dataclass(frozen=True)
class Row:
    """Panels below a title."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """``variables`` beside the data sources, as Grafana writes them; ``since`` as in ``now-6h``."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Json, ...] = ()
    since: str = "now-6h"
    refresh: str = "30s"
    tags: tuple[str, ...] = field(default=("omnijourney",))


def render(dashboard: Dashboard) -> Json:
    """The dashboard as Grafana reads it from a file."""
    sources = (_source("prometheus", "prometheus"), _source("clickhouse", "grafana-clickhouse-datasource"))
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": list(dashboard.tags),
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": dashboard.since, "to": "now"},
        "timezone": "utc",
        "refresh": dashboard.refresh,
        "templating": {"list": [*sources, *dashboard.variables]},
        "annotations": {"list": []},
        "links": [_link("Runbook", "docs/operations.md#alerts")],
        "panels": [*_placed(dashboard.rows)],
    }


def _source(name: str, plugin: str) -> Json:
    return {"name": name, "label": name, "type": "datasource", "query": plugin, "hide": 0, "current": {}}


def _link(title: str, url: str) -> Json:
    return {"title": title, "type": "link", "url": url, "icon": "doc", "targetBlank": True}


def choice(name: str, label: str, query: str, source: Mapping[str, str]) -> Json:
    """A variable of several values, all at first, that ``query`` finds in ``source``."""
    everything = {"text": "All", "value": "$__all"}
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": dict(source),
        "query": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*" if source == PROMETHEUS else None,
        "current": everything,
    }


def one_of(name: str, label: str, values: Sequence[str]) -> Json:
    """A variable with one of ``values``, the first at first."""
    options = [{"text": value, "value": value, "selected": value == values[0]} for value in values]
    shown = {"text": values[0], "value": values[0]}
    return {
        "name": name,
        "label": label,
        "type": "custom",
        "query": ",".join(values),
        "options": options,
        "current": shown,
    }


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    """Rows one below the other; in each, panels from left to right, as many as fit beside each other."""
    number, y = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        }
        y, x, lowest = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                y, x, lowest = y + lowest, 0, 0
            number += 1
            yield _panel(number, panel, x, y)
            x, lowest = x + panel.width, max(lowest, panel.height)
        y += lowest


def _panel(number: int, panel: Panel, x: int, y: int) -> Json:
    source = CLICKHOUSE if isinstance(panel.asks[0], Rows) else PROMETHEUS
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": source,
        "gridPos": {"h": panel.height, "w": panel.width, "x": x, "y": y},
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [_target(chr(ord("A") + at), ask, panel) for at, ask in enumerate(panel.asks)],
    }


def _defaults(panel: Panel) -> Json:
    steps = [{"color": GREEN, "value": None}, *({"color": color, "value": value} for value, color in panel.steps)]
    defaults: Json = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.kind == "timeseries":
        defaults["min"] = panel.lowest
        line = {"lineWidth": 1, "fillOpacity": 30 if panel.stacked else 8, "showPoints": "never"}
        stacking = {"mode": "normal" if panel.stacked else "none", "group": "A"}
        style = {"mode": "dashed" if panel.steps else "off"}
        defaults["custom"] = {**line, "stacking": stacking, "thresholdsStyle": style, "spanNulls": 60_000}
    if panel.kind in ("stat", "bargauge") or panel.steps:
        defaults["color"] = {"mode": "thresholds" if panel.kind != "timeseries" else "palette-classic"}
    return defaults


def _options(panel: Panel) -> Json:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": panel.kind == "bargauge"}
    if panel.kind == "stat":
        return {"reduceOptions": last, "colorMode": "background", "graphMode": "area", "textMode": "auto"}
    if panel.kind == "bargauge":
        return {"reduceOptions": last, "displayMode": "gradient", "orientation": "horizontal"}
    if panel.kind == "timeseries":
        legend = {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if panel.kind == "state-timeline":
        return {"legend": {"showLegend": False}, "showValue": "never", "mergeValues": True}
    return {"showHeader": True, "cellHeight": "sm"}


def _target(letter: str, ask: Metric | Rows, panel: Panel) -> Json:
    if isinstance(ask, Rows):
        return {
            "refId": letter,
            "datasource": CLICKHOUSE,
            "editorType": "sql",
            "queryType": "timeseries" if ask.series else "table",
            "format": 0 if ask.series else 1,
            "rawSql": ask.query,
        }
    return {
        "refId": letter,
        "datasource": PROMETHEUS,
        "expr": ask.expression,
        "legendFormat": ask.legend,
        "instant": ask.now,
        "range": not ask.now,
        **({"format": "table"} if panel.kind == "table" else {}),
    }
