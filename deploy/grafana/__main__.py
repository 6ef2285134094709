"""Write the dashboards anew: `python -m deploy.grafana`."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.grafana import business, stream_health
from deploy.grafana.layout import Dashboard, render

FOLDER = Path(__file__).with_name("dashboards")
DASHBOARDS = {"stream-health": stream_health.DASHBOARD, "business": business.DASHBOARD}


def text_of(dashboard: Dashboard) -> str:
    """The file as it is committed."""
    return json.dumps(render(dashboard), indent=1) + "\n"


def main() -> None:
    """Write each into its file."""
    for name, dashboard in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(text_of(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
