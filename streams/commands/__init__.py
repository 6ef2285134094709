"""omnijourney's commands for who asks and answers, by what they are about; `streams.cli` has those that run things."""

from streams.commands import acls, attribution, customers, mapping, report, verify

COMMANDS = (
    *acls.COMMANDS,
    *customers.COMMANDS,
    *mapping.COMMANDS,
    *attribution.COMMANDS,
    *verify.COMMANDS,
    report.report,
)
