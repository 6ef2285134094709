"""What the end-to-end test of alerts changes of the rules: durations alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.quickened import quickened

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"


@pytest.mark.parametrize(
    ("text", "quick"),
    [
        ("    for: 15m\n", "    for: 15000ms\n"),
        ("  - name: x\n    interval: 5m\n", "  - name: x\n    interval: 5000ms\n"),
        ("rate(x[5m]) > 60", "rate(x[5000ms]) > 60"),
        ("(x > 0)[1h:1m]", "(x > 0)[60000ms:1000ms]"),
        ("x offset 1h30m > 0", "x offset 90000ms > 0"),
        ("      group_wait: 0s\n", "      group_wait: 100ms\n"),
        ("description: for 15 minutes, [5 of 10], offset 5", "description: for 15 minutes, [5 of 10], offset 5"),
        ("record: stage:journey_stage_records:rate5m", "record: stage:journey_stage_records:rate5m"),
    ],
)
def test_every_duration_is_divided_and_nothing_else(text: str, quick: str) -> None:
    assert quickened(text, 60) == quick


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yaml")), ids=lambda path: path.stem)
def test_rules_are_the_same_but_for_durations(path: Path) -> None:
    text = path.read_text("utf-8")
    quick = quickened(text, 60)
    assert quick != text
    without = re.compile(r"\b\d+(ms|[smhdw])\b")
    assert without.sub("", quick) == without.sub("", text)
    left = re.findall(r"(?:for: |\[|offset )\d+[smhdw]\b", quick)
    assert left == []
