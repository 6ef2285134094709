"""What has been read goes on where it ended, and is committed in its order."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.reading import Continuity, Delivery, InFlight, Log, Verdict, starts
from streams.runtime.stage import PlainRecord

WEB = Log("touchpoints.web", 0)
EMAIL = Log("touchpoints.email", 0)
TAKE, REREAD, GONE = Verdict.TAKE, Verdict.REREAD, Verdict.GONE


def delivery(start: int, end: int, log: Log = WEB, size: int = 10) -> Delivery:
    records = [PlainRecord(offset, 0, None, b"") for offset in range(start, end)]
    return Delivery(log, start, end, records, 1, size)


# --- continuity ----------------------------------------------------------------------------------------


def judged(continuity: Continuity, *chunks: tuple[int, int], log: Log = WEB) -> list[Verdict]:
    """Verdicts on chunks, each taken as its reader does: unless it is to be read again."""
    return list(take_each(continuity, chunks, log))


def take_each(continuity: Continuity, chunks: tuple[tuple[int, int], ...], log: Log) -> Iterator[Verdict]:
    for start, end in chunks:
        verdict = continuity.judge(log, start)
        if verdict is not REREAD:
            continuity.taken(log, end)
        yield verdict


def test_a_log_that_nobody_sought_begins_anywhere() -> None:
    continuity = Continuity()
    assert continuity.expected(WEB) is None
    assert judged(continuity, (70, 80), (80, 90), (95, 99)) == [TAKE, TAKE, REREAD]


def test_chunks_that_follow_each_other_are_taken() -> None:
    continuity = Continuity()
    continuity.seek(WEB, 5)
    assert judged(continuity, (5, 9), (9, 12), (12, 13)) == [TAKE, TAKE, TAKE]
    assert continuity.expected(WEB) == 13


def test_what_was_dropped_on_the_way_is_read_again() -> None:
    continuity = Continuity()
    continuity.seek(WEB, 5)
    assert judged(continuity, (5, 9), (12, 15)) == [TAKE, REREAD]
    assert continuity.expected(WEB) == 9
    assert judged(continuity, (9, 12), (12, 15)) == [TAKE, TAKE]


def test_what_is_still_not_there_when_it_is_read_again_is_gone() -> None:
    continuity = Continuity()
    continuity.seek(WEB, 5)
    assert judged(continuity, (12, 15), (12, 15), (15, 20)) == [REREAD, GONE, TAKE]


def test_another_gap_is_read_again_first() -> None:
    continuity = Continuity()
    continuity.seek(WEB, 5)
    assert judged(continuity, (12, 15), (14, 15), (12, 15), (12, 15)) == [REREAD, REREAD, REREAD, GONE]


def test_the_same_gap_later_is_read_again_first() -> None:
    continuity = Continuity()
    continuity.seek(WEB, 5)
    assert judged(continuity, (12, 15), (5, 9), (12, 15)) == [REREAD, TAKE, REREAD]


def test_a_chunk_from_before_is_read_again_too() -> None:
    continuity = Continuity()
    continuity.seek(WEB, 5)
    assert judged(continuity, (3, 7), (5, 7)) == [REREAD, TAKE]


def test_logs_are_judged_each_by_itself_and_forgotten_when_they_move_away() -> None:
    continuity = Continuity()
    continuity.seek(WEB, 5)
    continuity.seek(EMAIL, 7)
    assert judged(continuity, (9, 10)) == [REREAD]
    assert judged(continuity, (7, 8), log=EMAIL) == [TAKE]
    continuity.forget([WEB, Log("never", 1)])
    assert continuity.expected(WEB) is None
    assert judged(continuity, (9, 10)) == [TAKE]
    assert continuity.expected(EMAIL) == 8


def test_a_seek_forgets_the_gap_that_was_read_again() -> None:
    continuity = Continuity()
    continuity.seek(WEB, 5)
    assert judged(continuity, (9, 10)) == [REREAD]
    continuity.seek(WEB, 6)
    assert judged(continuity, (9, 10), (9, 10)) == [REREAD, GONE]


@given(st.data())
def test_nothing_is_left_out_but_what_is_gone(data: st.DataObject) -> None:
    """A reader that seeks where it is told, of a log from which buffers are dropped and whose beginning is deleted."""
    end = 30
    available = data.draw(st.integers(0, end), "deleted up to")
    continuity = Continuity()
    continuity.seek(WEB, 0)
    position, seen, gone = 0, [], []
    while position < end:
        start = max(position, available)
        stop = data.draw(st.integers(min(start + 1, end), end), "chunk up to")
        position = stop
        if stop < end and data.draw(st.booleans(), "dropped"):
            continue
        expected = continuity.expected(WEB) or 0
        verdict = continuity.judge(WEB, start)
        if verdict is GONE:
            # Up to the broker's first offset it is; what lies behind that was dropped again.
            first = max(expected, available)
            gone += range(expected, first)
            continuity.seek(WEB, first)
            verdict = TAKE if start == first else REREAD
        if verdict is REREAD:
            position = continuity.expected(WEB) or 0
            continue
        seen += range(start, stop)
        continuity.taken(WEB, stop)
    assert gone + seen == list(range(end))
    assert set(gone) <= set(range(available))


# --- in flight -----------------------------------------------------------------------------------------


def in_flight(*deliveries: Delivery) -> InFlight:
    flight = InFlight()
    for each in deliveries:
        flight.add(each)
    return flight


def test_nothing_is_committed_before_all_before_it_is_done_with() -> None:
    first, second, third = delivery(5, 9), delivery(9, 12), delivery(12, 20)
    flight = in_flight(first, second, third)
    assert flight.committable(WEB) is None
    flight.ack(second)
    assert flight.committable(WEB) is None
    flight.ack(first)
    assert flight.committable(WEB) == 12
    assert flight.committable(WEB) == 12
    flight.ack(third)
    assert flight.committable(WEB) == 20
    assert flight.logs() == [WEB]


def test_bytes_are_held_until_they_are_done_with_and_the_records_are_let_go() -> None:
    first, second, other = delivery(5, 9, size=10), delivery(9, 12, size=7), delivery(1, 2, EMAIL, size=100)
    flight = in_flight(first, second, other)
    assert (flight.held, flight.held_of(WEB), flight.held_of(EMAIL)) == (117, 17, 100)
    flight.ack(second)
    assert (flight.held, flight.held_of(WEB)) == (110, 10)
    assert (len(first.records), len(second.records)) == (4, 0)
    flight.ack(first)
    flight.ack(other)
    assert (flight.held, flight.held_of(WEB), flight.held_of(EMAIL), flight.held_of(Log("never", 0))) == (0, 0, 0, 0)


def test_done_with_twice_is_done_with_once() -> None:
    first, second = delivery(5, 9, size=10), delivery(9, 12, size=7)
    flight = in_flight(first, second)
    flight.ack(first)
    flight.ack(first)
    assert (flight.held, flight.committable(WEB)) == (7, 9)


def test_what_was_forgotten_is_neither_held_nor_committed() -> None:
    before, other = delivery(5, 9), delivery(1, 2, EMAIL)
    flight = in_flight(before, other, delivery(9, 12))
    flight.ack(before)
    assert flight.committable(WEB) == 9
    flight.forget([WEB, Log("never", 0)])
    assert (flight.committable(WEB), flight.held, flight.held_of(WEB), flight.logs()) == (None, 10, 0, [EMAIL])


def test_a_delivery_of_an_earlier_generation_commits_nothing_of_a_later_one() -> None:
    late, again = delivery(5, 9), delivery(5, 9)
    flight = in_flight(late)
    flight.forget([WEB])
    flight.add(again)
    flight.ack(late)
    assert (flight.committable(WEB), flight.held) == (None, 10)
    flight.ack(again)
    assert (flight.committable(WEB), flight.held) == (9, 0)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_in_any_order_the_committable_offset_is_the_end_of_the_first_stretch_done_with(lengths: list[int], rng) -> None:  # type: ignore[no-untyped-def]
    ends = [sum(lengths[: count + 1]) for count in range(len(lengths))]
    deliveries = [delivery(end - length, end, size=length) for end, length in zip(ends, lengths, strict=True)]
    flight = in_flight(*deliveries)
    for done in rng.sample(deliveries, len(deliveries)):
        flight.ack(done)
        missing = [each for each in deliveries if not each.acked]
        expected = missing[0].start if missing else ends[-1]
        assert (flight.committable(WEB) or 0) == expected
        assert flight.held == flight.held_of(WEB) == sum(each.size for each in missing)


# --- starts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("committed", "start"), [(12, 12), (None, 3), (0, 3)])
def test_a_log_begins_where_it_was_committed_or_at_its_first_record(committed: int | None, start: int) -> None:
    assert starts({WEB: committed}, {WEB: 3}) == {WEB: start}


def test_every_log_is_told_where_to_begin() -> None:
    assert starts({WEB: None, EMAIL: 8}, {WEB: 0}) == {WEB: 0, EMAIL: 8}
