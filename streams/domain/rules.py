"""The numbers that stitching and crediting depend on: settings, with the definitions' defaults. All times in ms."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Rules:
    """``session_gap_ms`` serves visits too; a run of visits longer than ``long_run_ms`` and a journey of more than
    ``long_journey`` touchpoints are cut at each UTC midnight."""

    session_gap_ms: int = 30 * MINUTE_MS
    journey_gap_ms: int = 30 * DAY_MS
    closing_conversions: frozenset[str] = frozenset({"purchase"})
    lookback_ms: int = 30 * DAY_MS
    half_life_ms: int = 7 * DAY_MS
    long_run_ms: int = DAY_MS
    long_journey: int = 1_000

    def __post_init__(self) -> None:
        if self.session_gap_ms > self.journey_gap_ms:
            raise ValueError(
                f"session_gap_ms: found {self.session_gap_ms}, expected at most journey_gap_ms ({self.journey_gap_ms})"
            )
        if self.session_gap_ms > self.long_run_ms:
            raise ValueError(
                f"session_gap_ms: found {self.session_gap_ms}, expected at most long_run_ms ({self.long_run_ms})"
            )
