"""Engagement of the touchpoints that one call of `fold` accepts: summed up first, then added to each row once.

The rows are what adding one touchpoint after the other gives: sums don't depend on order, and a row's version is the
offset of the last touchpoint that touched it.
"""

from __future__ import annotations

from streams.domain.engagement import NOTHING, EngagementKey, Share, Totals, add, add_unique, hour_of
from streams.runtime.stage import View
from streams.stages.intake.contents import Content
from streams.stages.intake.entries import EngagementRow, row_key_of
from streams.stages.intake.meaning import Meaning
from streams.stages.invariants import broken


class Measuring:
    """Sums of accepted touchpoints; `close` writes them down in ``view``."""

    def __init__(self, view: View) -> None:
        self._view = view
        #: (meaning, hour, currency) -> touchpoints, engaged_ms, conversions, revenue_micros, offset of the last
        self._sums: dict[tuple[Meaning, int, str], list[int]] = {}
        #: (row, its unique's name, change, offset)
        self._moves: list[tuple[EngagementKey, str, int, int]] = []

    def add(self, content: Content, meaning: Meaning, offset: int, touchpoints: int = 1) -> None:
        """Count a touchpoint into its row; -1 ``touchpoints``: out of it again."""
        conversion = content.conversion
        currency = currency_of(content)
        key = (meaning, hour_of(content.occurred_at), currency)
        sums = self._sums.get(key)
        if sums is None:
            self._sums[key] = sums = [0, 0, 0, 0, 0]
        sums[0] += touchpoints
        if content.engaged_ms:
            sums[1] += content.engaged_ms * touchpoints
        if conversion:
            sums[2] += touchpoints
            sums[3] += conversion["value_micros"] * touchpoints
        sums[4] = offset

    def count_unique(self, key: EngagementKey, unique: str, change: int, offset: int) -> None:
        """``change`` more of the component ``unique`` in the row ``key``."""
        self._moves.append((key, unique, change, offset))

    def close(self) -> None:
        """Add the sums to their rows."""
        rows: dict[EngagementKey, Totals] = {}
        offsets: dict[EngagementKey, int] = {}
        for (meaning, hour, currency), (*sums, offset) in self._sums.items():
            key = EngagementKey(meaning.channel, meaning.said.campaign, hour, currency, meaning.said.actor)
            totals = rows.get(key) or self._totals(key)
            rows[key] = add(totals, meaning.action, meaning.said.direction, Share(*sums))
            offsets[key] = max(offset, offsets.get(key, offset))
        for key, unique, change, offset in self._moves:
            rows[key] = totals = add_unique(rows.get(key) or self._totals(key), unique, change)
            offsets[key] = max(offset, offsets.get(key, offset))
        for key, totals in rows.items():
            if any(number < 0 for name, number in totals._asdict().items() if name != "actions"):
                broken("no_total_is_negative", partition=self._view.partition, offset=offsets[key])
            packed = row_key_of(key)
            self._view.put(packed, EngagementRow(key, totals))
            self._view.touch(packed, offsets[key])

    def _totals(self, key: EngagementKey) -> Totals:
        row: EngagementRow | None = self._view.get(row_key_of(key))
        return NOTHING if row is None else row.totals


def currency_of(content: Content) -> str:
    """Currency of the row that a touchpoint counts in, '' where there is no money."""
    currency: str = content.conversion["currency"] if content.conversion else ""
    return currency
