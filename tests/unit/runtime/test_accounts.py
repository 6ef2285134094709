"""Accounts: what was read by offsets against what is said to have ended, over holes, gaps and other versions."""

from __future__ import annotations

from streams.runtime.accounts import Account, Accounts, pack, unpack
from streams.runtime.reading import Log
from streams.runtime.stage import PlainRecord
from streams.runtime.store import Fence
from streams.runtime.task import Piece

WEB = "touchpoints.web"


def piece(start: int, end: int, *offsets: int, topic: str = WEB) -> Piece:
    return Piece(Log(topic, 0), start, [PlainRecord(offset, 0, b"", b"") for offset in offsets], end)


def fence(end: int) -> Fence:
    return Fence({WEB: end}, 1)


def test_offsets_at_which_the_broker_had_nothing_are_not_read() -> None:
    accounts = Accounts(frozenset({WEB}), {})
    advanced = accounts.advanced([piece(5, 12, 5, 6, 9), piece(12, 15)], {WEB: 3}, fence(15))
    assert advanced == {WEB: Account(3, 3, 15)}
    assert advanced[WEB].difference == 0


def test_a_stretch_that_the_fence_passes_and_nobody_folded_is_missing() -> None:
    accounts = Accounts(frozenset({WEB}), {})
    assert accounts.advanced([piece(0, 2, 0, 1), piece(4, 6, 4, 5)], {WEB: 4}, fence(6))[WEB].difference == 2
    accounts.settle(accounts.advanced([piece(0, 2, 0, 1)], {WEB: 2}, fence(2)))
    assert accounts.advanced([piece(4, 6, 4, 5)], {WEB: 2}, fence(6))[WEB].difference == 2


def test_what_is_gone_before_a_generation_begins_was_never_read() -> None:
    kept = {WEB: Account(10, 10, 10)}
    assert Accounts(frozenset({WEB}), kept).advanced([piece(90, 92, 90, 91)], {WEB: 2}, fence(92)) == {
        WEB: Account(12, 12, 92)
    }


def test_what_did_not_become_durable_counts_once_when_it_is_tried_again() -> None:
    accounts = Accounts(frozenset({WEB}), {})
    for _ in range(3):
        again = accounts.advanced([piece(0, 2, 0, 1)], {WEB: 2}, fence(2))
    assert again == {WEB: Account(2, 2, 2)}


def test_one_counted_twice_is_below_zero() -> None:
    assert Accounts(frozenset({WEB}), {}).advanced([piece(0, 1, 0)], {WEB: 2}, fence(1))[WEB].difference == -1


def test_other_topics_are_not_accounted_for() -> None:
    accounts = Accounts(frozenset({WEB}), {})
    assert accounts.advanced([piece(0, 1, 0, topic="identity.assignments")], {}, Fence({}, 1)) == {}


def test_they_begin_anew_where_a_version_without_them_moved_the_fence() -> None:
    _, packed = pack({WEB: Account(7, 7, 20)})
    assert unpack(packed, fence(20)) == {WEB: Account(7, 7, 20)}
    assert unpack(packed, fence(25)) == {}
    assert unpack(None, fence(25)) == {}
