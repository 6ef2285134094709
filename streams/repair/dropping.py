"""A pipeline beside the one that serves is taken away: its topics, groups and database.

What may go is decided by what the databases say of themselves; settings alone may be those of yesterday.
"""

from __future__ import annotations

from sinks.clickhouse import ClickHouse
from sinks.exchanging import exists
from sinks.pipelines import said_writer, writer
from streams import composition
from streams.broker import admin
from streams.config import PREFIX, Settings
from streams.repair.preparing import database_of, patiently, require_apart, whose
from streams.repair.switching import NotYet
from streams.topics import TOUCHPOINTS


def drop(mine: Settings, serving: Settings) -> list[str]:
    """Delete all that is ``mine``; gives the names of topics. What is gone already is no error.

    Raises NotApart; NotYet where a worker runs, or the databases say otherwise than the settings; BrokerUnreachable;
    Unreachable and Misconfigured.
    """
    require_apart(mine)
    _require_mine(mine, serving)
    groups = [*composition.groups(mine)]
    own = {topic.name for topic in composition.topics(mine) if topic.name not in TOUCHPOINTS}
    with admin(mine.kafka) as client:
        described = patiently(lambda: client.describe_groups(groups))
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


def _require_mine(mine: Settings, serving: Settings) -> None:
    """NotYet where the pipeline serves, or the database beside is not its own."""
    other = database_of(mine)
    with ClickHouse(serving.clickhouse_url) as client:
        serves, there = writer(client), said_writer(client, other)
        is_there = exists(client, other)
    if serves.namespace == mine.namespace:
        raise NotYet(
            f"the pipeline {mine.namespace!r} has the tables that people ask, in {database_of(serving)!r}: nothing is"
            f" dropped. Is {PREFIX}LIVE_NAMESPACE={mine.namespace} missing?"
        )
    if (serves.namespace, serves.serves) != (serving.namespace, True):
        raise NotYet(
            f"database {database_of(serving)!r} has the tables of pipeline {serves.namespace!r}, {PREFIX}LIVE_NAMESPACE"
            f" says {serving.namespace!r}: nothing is dropped"
        )
    if not is_there:
        return
    if there is None:
        raise NotYet(f"nothing is dropped: of database {other!r} {whose(None)}")
    if (there.namespace, there.serves) != (mine.namespace, False):
        state = "with an exchange that was cut short: `omnijourney replay switch` first" if there.serves else "beside"
        raise NotYet(f"nothing is dropped: database {other!r} is that of pipeline {there.namespace!r}, {state}")
