"""Grafana's dashboards, described in Python and written as the JSON that Grafana reads: `python -m deploy.grafana`."""
