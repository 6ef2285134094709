"""Touchpoints whose actor isn't what the rule over their whole message makes it.

Everywhere else a verdict is a fact of INTAKE. Here `streams.domain.verdicts` is asked again, over all touchpoints of
each message, beginning with the actors as they are: none may rise any further. Only a suspect begins as a human: no
touchpoint shows that by itself, so whoever is one by no delivery has risen too far. Of a machine that can't be told so.
What was judged by another version of the rules isn't compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby

from sinks.clickhouse import Row
from sinks.verify import Tables
from streams.domain.actor import HUMAN, RULES_VERSION, SUSPECT
from streams.domain.touchpoint import Order
from streams.domain.verdicts import Deed, Message, Taken, part_of, take
from streams.domain.vocabulary import CHANNELS, actions
from streams.verification.differences import Cell, Comparison, Difference
from streams.verification.traces import touchpoint_text, touchpoints

#: All that may show something of a message, or be shown.
TELLING = [(channel, action) for channel in CHANNELS for action in actions(channel) if part_of(channel, action)]
#: Known bots change more often than our rules.
OF_RULES = RULES_VERSION.partition("+")[0] + "+"


def compare_verdicts(tables: Tables, vias: Collection[str] | None, comparison: Comparison) -> None:
    """Compare the touchpoints of all messages that came by ``vias``, None for all."""
    with comparison.timed():
        deeds = tables.deeds(TELLING, OF_RULES, vias)
        for (channel, via, message, _), rows in groupby(deeds, key=_message_of):
            _compare(channel, via, message, [row[3:] for row in rows], comparison)


def _message_of(row: Row) -> tuple[str, str, str, str]:
    """What names no message is a message of its own."""
    channel, via, message, _, _, _, event_id, *_ = row
    return channel, via, message, "" if message else event_id


def _compare(channel: str, via: str, message: str, rows: list[Row], comparison: Comparison) -> None:
    found = [(action, Deed._make((*fields, link.encode()))) for action, link, *fields in rows]
    expected = judged(channel, found)
    for _, deed in found:
        order = _order(channel, via, deed)
        if expected[order[:2]] == deed.actor:
            comparison.equal += 1
            continue
        cell = Cell("actor", expected[order[:2]], deed.actor)
        trace = touchpoints(
            f"touchpoints of message {message or '(none)'}", [_order(channel, via, one) for _, one in found]
        )
        comparison.add(Difference("different", touchpoint_text(order), (cell,), tuple(trace)))


def judged(channel: str, deeds: Iterable[tuple[str, Deed]]) -> dict[tuple[int, str], str]:
    """The actor of each of a message's ``deeds`` (with its action), by (occurred_at, event_id), once all are known."""
    actors: dict[tuple[int, str], str] = {}
    message = Message()
    for action, deed in deeds:
        alone = deed._replace(actor=HUMAN) if deed.actor == SUSPECT else deed
        part = part_of(channel, action)
        taken = Taken(message, alone.actor) if part is None else take(message, part, alone)
        message, actors[deed[:2]], raised = taken
        actors.update((risen[:2], risen.actor) for risen in raised)
    return actors


def _order(channel: str, via: str, deed: Deed) -> Order:
    return Order(deed.occurred_at, deed.event_id, channel, via)
