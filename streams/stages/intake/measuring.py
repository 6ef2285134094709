"""Engagement of the touchpoints that one call of `fold` accepts: summed up first, then added to each row once.

The rows are what adding one touchpoint after the other gives: sums don't depend on order, and a row's version is the
offset of the last touchpoint that touched it.
"""

from __future__ import annotations

from streams.domain.engagement import (
    NOTHING,
    EngagementKey,
    HumanEvent,
    Share,
    Totals,
    add,
    add_unique,
    hour_of,
    insert,
    unique_key,
)
from streams.runtime.stage import View
from streams.stages.intake.contents import Content
from streams.stages.intake.entries import UNIQUE, EngagementRow, fingerprint, row_key_of
from streams.stages.intake.meaning import Meaning
from streams.stages.intake.via import Via
from streams.stages.invariants import broken


class Measuring:
    """Sums of accepted touchpoints; `close` writes them down in ``view``."""

    def __init__(self, view: View) -> None:
        self._view = view
        #: (meaning, hour, currency) -> touchpoints, engaged_ms, conversions, revenue_micros, offset of the last
        self._sums: dict[tuple[Meaning, int, str], list[int]] = {}
        #: (row, its unique's name, change, offset)
        self._moves: list[tuple[EngagementKey, str, int, int]] = []

    def add(self, content: Content, via: Via, meaning: Meaning, offset: int) -> None:
        """Count a touchpoint into its row, and into its message's uniques."""
        conversion = content.conversion
        currency = conversion["currency"] if conversion else ""
        key = (meaning, hour_of(content.occurred_at), currency)
        sums = self._sums.get(key)
        if sums is None:
            self._sums[key] = sums = [0, 0, 0, 0, 0]
        sums[0] += 1
        if content.engaged_ms:
            sums[1] += content.engaged_ms
        if conversion:
            sums[2] += 1
            sums[3] += conversion["value_micros"]
        sums[4] = offset
        if meaning.unique is not None:
            message = content.message_id or content.event_id
            event = HumanEvent(content.occurred_at, content.event_id, meaning.campaign, currency)
            self._count_unique(meaning.unique, meaning.channel, via.text, message, event, offset)

    def _count_unique(self, unique: str, channel: str, via: str, message: str, event: HumanEvent, offset: int) -> None:
        key = fingerprint(UNIQUE, unique, channel, via, message)
        before: tuple[HumanEvent, ...] = self._view.get(key) or ()
        after = insert(before, event)
        self._view.put(key, after)
        if before and before[0] == after[0]:
            return
        if before:
            self._moves.append((unique_key(channel, before[0]), unique, -1, offset))
        self._moves.append((unique_key(channel, after[0]), unique, 1, offset))

    def close(self) -> None:
        """Add the sums to their rows."""
        rows: dict[EngagementKey, Totals] = {}
        offsets: dict[EngagementKey, int] = {}
        for (meaning, hour, currency), (*sums, offset) in self._sums.items():
            key = EngagementKey(meaning.channel, meaning.campaign, hour, currency, meaning.actor)
            totals = rows.get(key) or self._totals(key)
            rows[key] = add(totals, meaning.action, meaning.direction, Share(*sums))
            offsets[key] = max(offset, offsets.get(key, offset))
        for key, unique, change, offset in self._moves:
            rows[key] = totals = add_unique(rows.get(key) or self._totals(key), unique, change)
            if min(totals.unique_openers, totals.unique_clickers) < 0:
                broken("no_unique_is_negative", partition=self._view.partition, offset=offset)
            offsets[key] = max(offset, offsets.get(key, offset))
        for key, totals in rows.items():
            packed = row_key_of(key)
            self._view.put(packed, EngagementRow(key, totals))
            self._view.touch(packed, offsets[key])

    def _totals(self, key: EngagementKey) -> Totals:
        row: EngagementRow | None = self._view.get(row_key_of(key))
        return NOTHING if row is None else row.totals
