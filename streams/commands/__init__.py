"""omnijourney's commands for who asks and answers, by what they are about; `streams.cli` has those that run things."""

from streams.commands import (
    acls,
    attribution,
    customers,
    dead,
    lag,
    late,
    mapping,
    monitor,
    replay,
    report,
    schemas,
    verify,
)

COMMANDS = (
    *acls.COMMANDS,
    *customers.COMMANDS,
    *mapping.COMMANDS,
    *attribution.COMMANDS,
    *verify.COMMANDS,
    *schemas.COMMANDS,
    report.report,
    lag.lag,
    monitor.monitor,
    dead.dead,
    late.late,
    replay.replay,
)
