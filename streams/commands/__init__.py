"""omnijourney's commands for who asks and answers, by what they are about; `streams.cli` has those that run things."""

from streams.commands import attribution, customers, lag, mapping, monitor, report, verify

COMMANDS = (
    *customers.COMMANDS,
    *mapping.COMMANDS,
    *attribution.COMMANDS,
    *verify.COMMANDS,
    report.report,
    lag.lag,
    monitor.monitor,
)
