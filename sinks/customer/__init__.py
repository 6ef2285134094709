"""One customer, read from ClickHouse and drawn for a terminal: who it is, why, what happened, what changed."""

from sinks.customer.drawing import draw
from sinks.customer.reading import read

__all__ = ["draw", "read"]
