"""Times that can choose nothing are named before a server is asked."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streams.cli import main


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("dead", "list", "--since", "2999-01-01"),
            "--since: found 2999-01-01 00:00:00, expected a time that has been",
        ),
        (("late", "list", "--since", "2026-02-02", "--until", "2026-02-01"), "is not before --until"),
        (("replay", "prepare", "--from", "2999-01-01"), "--from: found 2999-01-01 00:00:00.000 UTC, expected a time"),
    ],
)
def test_a_time_that_chooses_nothing_is_refused(arguments: tuple[str, ...], told: str) -> None:
    result = CliRunner().invoke(main, list(arguments), env={"OMNIJOURNEY_NAMESPACE": "next"})
    assert (result.exit_code, told in result.stderr) == (2, True), result.output
