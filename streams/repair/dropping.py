"""A pipeline beside the one that serves is taken away: its topics, groups and database."""

from __future__ import annotations

from sinks.clickhouse import ClickHouse
from streams import composition
from streams.broker import admin
from streams.config import Settings
from streams.repair.preparing import database_of, require_apart
from streams.repair.switching import NotYet
from streams.topics import TOUCHPOINTS


def drop(mine: Settings, serving: Settings) -> list[str]:
    """Delete all that is ``mine``; gives the names of topics. What is gone already is no error.

    Raises NotApart; NotYet where a worker runs; BrokerUnreachable; Unreachable and Misconfigured.
    """
    require_apart(mine)
    groups = [*composition.groups(mine)]
    own = {topic.name for topic in composition.topics(mine) if topic.name not in TOUCHPOINTS}
    with admin(mine.kafka) as client:
        described = client.describe_groups(groups)
        if running := [group for group in groups if described[group]["members"]]:
            raise NotYet(f"workers of {', '.join(running)} are running: stop them first")
        for group, error in client.delete_groups(groups).items():
            if error not in ("OK", "GroupIdNotFoundError"):
                raise NotYet(f"the broker does not delete group {group}: {error}")
        gone = sorted(own & {*client.list_topics()})
        if gone:
            client.delete_topics(gone)
    with ClickHouse(serving.clickhouse_url) as client:
        client.query(f"DROP DATABASE IF EXISTS `{database_of(mine)}` SYNC")
    return gone
