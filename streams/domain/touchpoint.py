"""A touchpoint as stitching sees it, and the one order that everything is stitched in.

The tuple's own order is the total order of the definitions: (occurred_at, event_id, channel, via), so that equal
times never depend on arrival. Two touchpoints that agree in these four are one touchpoint.
"""

from __future__ import annotations

from typing import NamedTuple


class Conversion(NamedTuple):
    """Something the company counts as success; ``value_micros`` in millionths of ``currency``, '' without money."""

    type: str
    value_micros: int
    currency: str
    order_id: str


class Touchpoint(NamedTuple):
    """One journey-forming touchpoint of a customer; ``occurred_at`` in ms UTC, ``via`` as namespace:value."""

    occurred_at: int
    event_id: str
    channel: str
    via: str
    action: str
    marketing_channel: str = "Direct"
    has_acquisition: bool = False
    campaign: str = ""
    content: str = ""
    engaged_ms: int = 0
    conversion: Conversion | None = None


class Order(NamedTuple):
    """Where a touchpoint stands among a customer's: compares like the touchpoint itself."""

    occurred_at: int
    event_id: str
    channel: str
    via: str


def order_of(touchpoint: Touchpoint) -> Order:
    """The place of ``touchpoint`` in the total order."""
    return Order._make(touchpoint[:4])


def is_journey_forming(direction: str, actor: str) -> bool:
    """Inbound and not a machine; all else is kept and counted, but opens, extends, converts and earns nothing."""
    return direction == "inbound" and actor != "machine"
