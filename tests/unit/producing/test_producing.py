"""Producing into memory: what is sent where, what is refused, and counts that add up."""

import gzip
import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode
from streams.domain.vocabulary import CHANNELS
from streams.producing.counts import ChannelCounts, Counts
from streams.producing.outlet import DryRun, Settled
from streams.producing.pace import Pace
from streams.producing.produce import Result, prepare, produce, produce_files
from streams.producing.rows import MAX_RECORD, Failure, Item, Message, Reject, Remainder, Row, Undelivered

NO_BROKER = "127.0.0.1:1"


def touchpoint(number: int = 1, **changes: Any) -> dict[str, Any]:
    record = {
        "event_id": f"e{number}",
        "channel": "web",
        "occurred_at": 1431857114000 + number,
        "identifiers": [{"namespace": "cookie_id", "value": "28dc"}],
        "action": "page_viewed",
    }
    return {**record, **changes}


def row(number: int = 1, **changes: Any) -> Row:
    record = touchpoint(number, **changes)
    return Row("f", number, json.dumps(record).encode() + b"\n", record)


class LateOutlet:
    """Settles only what the capacity cannot hold, oldest first; fails the events it is told to fail."""

    def __init__(self, capacity: int = 3, failing: frozenset[int] = frozenset()) -> None:
        self.messages: list[Message] = []
        self._waiting: list[Message] = []
        self._capacity = capacity
        self._failing = failing

    def send(self, messages: Sequence[Message]) -> Sequence[Settled]:
        self.messages += messages
        self._waiting += messages
        return [self._settle() for _ in range(len(self._waiting) - self._capacity)]

    def drain(self) -> Iterator[Settled]:
        while self._waiting:
            yield self._settle()

    def _settle(self) -> Settled:
        message = self._waiting.pop(0)
        return Settled([message], "away") if message.line in self._failing else Settled([message])


def test_a_touchpoint_goes_out_as_its_schema_says_keyed_by_its_strongest_identifier() -> None:
    identifiers = [
        {"namespace": "cookie_id", "value": "28dc"},
        {"namespace": "user_id", "value": " u-1 "},
        {"namespace": "email_sha256", "value": "null"},
    ]
    message = prepare(row(identifiers=identifiers, channel="email"))
    assert isinstance(message, Message)
    assert (message.channel, message.key) == ("email", b"user_id:u-1")
    name, record = decode(message.value)
    assert name == "touchpoint"
    # What was sent is sent on as it was; cleaning is INTAKE's.
    assert record["identifiers"] == identifiers


@pytest.mark.parametrize("identifiers", [[], [{"namespace": "cookie_id", "value": "undefined"}]])
def test_a_touchpoint_of_nobody_is_sent_without_a_key_for_intake_to_judge(identifiers: list[dict[str, str]]) -> None:
    message = prepare(row(identifiers=identifiers))
    assert isinstance(message, Message)
    assert message.key is None


def test_meaning_is_not_judged_here() -> None:
    assert isinstance(prepare(row(action="levitated", occurred_at=-1, sentiment=5000)), Message)


def test_a_record_that_would_not_fit_behind_intake_is_rejected() -> None:
    reject = prepare(row(properties={"page": "x" * MAX_RECORD}))
    assert isinstance(reject, Reject)
    assert reject.expected == f"at most {MAX_RECORD} bytes"
    assert isinstance(prepare(row(properties={"page": "x" * (MAX_RECORD - 200)})), Message)


@pytest.mark.parametrize(
    ("channel", "counted"), [("web", "web"), ("fax", ""), (7, ""), ({}, ""), (None, ""), ("UNKNOWN", "")]
)
def test_a_reject_is_counted_for_its_channel_where_it_names_one(channel: object, counted: str) -> None:
    reject = prepare(row(channel=channel, action=5))
    assert isinstance(reject, Reject)
    assert reject.channel == counted


def test_a_wrong_line_is_told_with_all_that_is_wrong_and_the_rest_goes_on() -> None:
    outlet, told = LateOutlet(), list[Failure]()
    wrong = Row("f.ndjson", 2, b"...", {"channel": "web", "occured_at": 1})
    result = produce([row(1), wrong, row(3)], outlet, on_failure=told.append)
    assert [message.line for message in outlet.messages] == [1, 3]
    assert [failure.text for failure in told if isinstance(failure, Reject)] == [
        "f.ndjson:2: event_id: found nothing, expected text\n"
        "f.ndjson:2: occurred_at: found nothing, expected an integer\n"
        "f.ndjson:2: identifiers: found nothing, expected an array\n"
        "f.ndjson:2: action: found nothing, expected text\n"
        "f.ndjson:2: occured_at: found a number, expected no such field, perhaps occurred_at"
    ]
    assert result.counts.by_channel == {"web": ChannelCounts(read=3, sent=2, rejected=1, undelivered=0)}
    assert not result.complete


def test_where_kafka_does_not_take_a_touchpoint_reading_stops_and_what_was_read_is_settled() -> None:
    told: list[Failure] = []
    outlet = LateOutlet(capacity=3, failing=frozenset({5, 7}))
    result = produce((row(n) for n in range(1, 100)), outlet, on_failure=told.append)
    assert result.counts.total == ChannelCounts(read=8, sent=6, rejected=0, undelivered=2)
    assert told == [Undelivered("f", n, "away", row(n).raw) for n in (5, 7)]
    assert result.stopped == "Kafka did not take a touchpoint: away"
    assert not result.complete


def test_an_interrupt_ends_the_reading_and_not_the_delivery() -> None:
    def rows() -> Iterator[Item]:
        yield row(1)
        yield row(2)
        raise KeyboardInterrupt

    result = produce(rows(), LateOutlet())
    assert result.counts.total == ChannelCounts(read=2, sent=2, rejected=0, undelivered=0)
    assert (result.stopped, result.complete) == ("interrupted", False)


ITEMS = st.lists(
    st.one_of(
        st.sampled_from(CHANNELS).map(lambda channel: {"channel": channel}),
        st.sampled_from(CHANNELS).map(lambda channel: {"channel": channel, "action": None}),
        st.just({"channel": "fax"}),
    ),
    max_size=40,
)


@given(ITEMS, st.integers(0, 5), st.frozensets(st.integers(1, 40)))
def test_counts_add_up_for_every_channel_whatever_happens(
    changes: list[dict[str, Any]], capacity: int, failing: frozenset[int]
) -> None:
    told, seen = list[Failure](), list[Counts]()
    items = [row(number, **change) for number, change in enumerate(changes, 1)]
    clock = iter(range(10_000)).__next__
    result = produce(items, LateOutlet(capacity, failing), on_failure=told.append, on_progress=seen.append, clock=clock)
    for counts in (*result.counts.by_channel.values(), result.counts.total):
        assert counts.read == counts.sent + counts.rejected + counts.undelivered
    assert result.counts.total.read == len(items) or result.stopped
    assert len(told) == result.counts.total.rejected + result.counts.total.undelivered
    assert all(count.under_way >= 0 for counts in seen for count in counts.by_channel.values())
    assert seen[-1].by_channel == result.counts.by_channel
    assert result.complete == (not told)


def test_pieces_of_a_long_line_are_handed_on_and_counted_once() -> None:
    told: list[Failure] = []
    long = [Reject("f", 1, prepare_problem(), b"aaa"), Remainder(b"bbb"), Remainder(b"\n")]
    result = produce([*long, row(2)], DryRun(), on_failure=told.append)
    assert told == long
    assert result.counts.total == ChannelCounts(read=2, sent=1, rejected=1, undelivered=0)


def prepare_problem() -> Any:
    reject = prepare(row(action=None))
    assert isinstance(reject, Reject)
    return reject.problems


def test_rejects_cost_no_time_of_the_pace() -> None:
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    items = [row(n, action=None if n % 2 else "page_viewed") for n in range(1, 21)]
    produce(items, DryRun(), pace=Pace(1.0, lambda: now[0], pause))
    assert now[0] == pytest.approx(9.0)


def dry_run(*paths: Path | str, **options: Any) -> tuple[Result, list[Failure]]:
    told: list[Failure] = []
    result = produce_files([str(p) for p in paths], NO_BROKER, dry_run=True, on_failure=told.append, **options)
    return result, told


def test_a_dry_run_checks_everything_and_needs_no_broker(tmp_path: Path) -> None:
    lines = [json.dumps(touchpoint(n, channel=CHANNELS[n % 5])).encode() for n in range(10)]
    lines[3] = b"not JSON"
    lines[7] = lines[7].replace(b"page_viewed", b'x","action":9,"y":"')
    (tmp_path / "in.gz").write_bytes(gzip.compress(b"\n".join(lines)))
    result, told = dry_run(tmp_path / "in.gz", rejects=str(tmp_path / "rejects"))
    assert result.counts.total == ChannelCounts(read=10, sent=8, rejected=2, undelivered=0)
    assert [failure.line for failure in told if isinstance(failure, Reject)] == [4, 8]
    assert (tmp_path / "rejects").read_bytes() == lines[3] + b"\n" + lines[7] + b"\n"


def test_a_mended_rejects_file_can_be_produced_again(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b'{"channel":"fax"}\n' + row(2).raw)
    dry_run(tmp_path / "in", rejects=str(tmp_path / "rejects"))
    result, _ = dry_run(tmp_path / "rejects", rejects=str(tmp_path / "again"))
    assert result.counts.by_channel == {"": ChannelCounts(read=1, sent=0, rejected=1, undelivered=0)}


def test_standard_input_is_read_where_asked_for() -> None:
    result, _ = dry_run("-", stdin=BytesIO(row(1).raw))
    assert result.complete
    assert result.counts.per_second > 0


def test_nothing_to_read_is_complete(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    result, told = dry_run(tmp_path / "empty")
    assert result.complete
    assert result.counts.total == ChannelCounts()
    assert told == []
