"""Whether a touchpoint comes in time.

The watermark of a topic and partition is the highest event time among its accepted and late touchpoints. A touchpoint
more than the budget behind it is late, unless it is history that is being imported (backfill). One dated more than
the tolerance after its own receipt can't be true and would make everything else late.
"""

from __future__ import annotations


def is_future(occurred_at: int, received_at: int, tolerance_ms: int) -> bool:
    """True where the event time lies strictly more than ``tolerance_ms`` after the receipt."""
    return occurred_at > received_at + tolerance_ms


def late_by(occurred_at: int, watermark: int | None, budget_ms: int, *, backfill: bool) -> int:
    """How many ms behind the watermark a late touchpoint is; 0 where it is not late. No watermark: nothing is late."""
    if backfill or watermark is None:
        return 0
    behind = watermark - occurred_at
    return behind if behind > budget_ms else 0


def advance(watermark: int | None, occurred_at: int) -> int:
    """The watermark after an accepted or late touchpoint; it never falls."""
    return occurred_at if watermark is None else max(watermark, occurred_at)
