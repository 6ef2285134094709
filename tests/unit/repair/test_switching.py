"""What keeps two pipelines from changing places before anything is asked of a server."""

import pytest

from streams.config import Settings
from streams.repair.switching import NotYet, switch


def test_tables_of_a_cluster_are_not_exchanged() -> None:
    beside = Settings(namespace="next", clickhouse_url="clickhouse://default@127.0.0.1:1/journeys_beside")
    with pytest.raises(NotYet, match=r"^tables of a cluster can't be exchanged: nothing is done"):
        switch(beside, Settings(clickhouse_cluster="main"), "", 0)
