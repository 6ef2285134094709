"""omnijourney's commands for who asks and answers, by what they are about; `streams.cli` has those that run things."""

from streams.commands import attribution, customers, dead, late, mapping, replay, report, verify

COMMANDS = (
    *customers.COMMANDS,
    *mapping.COMMANDS,
    *attribution.COMMANDS,
    *verify.COMMANDS,
    report.report,
    dead.dead,
    late.late,
    replay.replay,
)
