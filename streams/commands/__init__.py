"""omnijourney's commands for who asks and answers, by what they are about; `streams.cli` has those that run things."""

from streams.commands import attribution, customers, mapping, report, schemas, verify

COMMANDS = (
    *customers.COMMANDS,
    *mapping.COMMANDS,
    *attribution.COMMANDS,
    *verify.COMMANDS,
    *schemas.COMMANDS,
    report.report,
)
