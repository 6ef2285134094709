"""`omnijourney monitor`: what it watches, from the settings; `streams.monitor` does it."""

from __future__ import annotations

import click

from streams import composition, config


@click.command()
@click.option(
    "--every",
    "every_s",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0.1, 600),
    metavar="SECONDS",
    help="How long to wait between two looks.",
)
def monitor(every_s: float) -> None:
    """Serve /metrics of the broker and of ClickHouse: lag of each group, members, replicas, parts; until SIGTERM.

    One for a deployment is enough; Prometheus scrapes it beside the workers.
    """
    from streams import monitor as watching
    from streams.runtime import logs

    settings = config.read()
    logs.configure(settings.log_level, watching.NAME)
    topics = [topic.name for topic in composition.topics(settings)]
    watches = (
        watching.kafka(settings.kafka, composition.groups(settings), topics, every_s),
        watching.clickhouse(settings.clickhouse_url, every_s),
    )
    watching.run(watches, settings.http_host, settings.http_port)
