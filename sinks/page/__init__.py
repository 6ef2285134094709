"""One page for managers, made from ClickHouse's tables: figures, charts and their definitions in one HTML file."""

from sinks.page.figures import WrongPeriod, choose_period, read_extent, read_figures
from sinks.page.page import page

__all__ = ["WrongPeriod", "choose_period", "page", "read_extent", "read_figures"]
