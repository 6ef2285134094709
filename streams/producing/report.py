"""What `omnijourney produce` shows: a bar while it runs, wrong lines as they are found, counts that add up at the
end."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from streams.kafka_access import KafkaAccess
from streams.producing.counts import Counts
from streams.producing.mapping.reading import read_mapping
from streams.producing.produce import Result, produce_files
from streams.producing.rows import Failure, Remainder
from streams.producing.sources import Sources
from streams.progress import Display


def tell(failure: Failure) -> None:
    """A wrong or undelivered line, on standard error."""
    if not isinstance(failure, Remainder):
        sys.stderr.write(failure.text + "\n")


def summary(result: Result) -> Iterator[str]:
    """The counts of each channel and of all, each line adding up, and why the run stopped early, if it did."""
    counts = result.counts
    for channel, one in [*sorted(counts.by_channel.items()), ("all", counts.total)]:
        line = f"{channel or 'no channel':<10} read {one.read:,} = sent {one.sent:,} + rejected {one.rejected:,}"
        line += f" + skipped {one.skipped:,}" if one.skipped else ""
        yield line + (f" + undelivered {one.undelivered:,}" if one.undelivered else "")
    yield f"{counts.seconds:,.1f} s, {counts.per_second:,.0f} touchpoints/s"
    if result.stopped:
        yield f"stopped: {result.stopped}"


def produce_and_report(
    files: Sequence[str],
    kafka: KafkaAccess | str,
    *,
    mapping: str | None,
    backfill: bool,
    rate: float | None,
    dry_run: bool,
    rejects: str | None,
) -> bool:
    """Produce ``files`` and show it; True where every line was sent. Raises as `produce_files` and `read_mapping`."""
    declared = read_mapping(mapping) if mapping is not None else None
    if declared is not None:
        sys.stdout.write(f"event_id: {declared.event_id_text}\n")
    opened: list[Sources] = []
    with Display().bar("checking" if dry_run else "producing", "bytes") as update:

        def show(counts: Counts) -> None:
            source = opened[0]
            note = f"{counts.total.read:,} touchpoints, {counts.per_second:,.0f}/s"
            update(source.bytes_read, source.total_bytes, note)

        result = produce_files(
            files,
            kafka,
            mapping=declared,
            backfill=backfill,
            rate=rate,
            dry_run=dry_run,
            rejects=rejects,
            on_failure=tell,
            on_progress=show,
            on_start=opened.append,
        )
    for line in summary(result):
        sys.stdout.write(line + "\n")
    return result.complete
