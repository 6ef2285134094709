"""A customer for the terminal: 100 columns, bars in plain ASCII, so that it reads the same in a file.

It decides what stands where and how much of it. What is dim stands apart: it opens, extends and earns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import fill
from typing import TypeVar

from rich.text import Text

from sinks.customer.found import Customer, IdentityChange, JourneyChange, Link, Shared, Some
from sinks.customer.timeline import counted, minute, short, shortened, timeline
from sinks.figures import count, percent
from sinks.plain import printable

T = TypeVar("T")
WIDTH = 100
"""Columns that it is made for; give the console as many."""

LINES_SHOWN = 12
ID_SHOWN = 8
INDENT = "    "
#: Where what is said of a pair stands, in the same column wherever there is room.
SAID_AT = 46
_WHY = {"shared": "shared", "overflow": "its island is full (overflow)", "identifiers": "too many identifiers"}


def draw(customer: Customer) -> Iterator[Text]:
    """The lines, to be printed in order."""
    for line in _lines(customer):
        # Whoever sends touchpoints chooses their ids; the terminal should take them as text.
        line.plain = printable(line.plain)
        yield line


def _lines(customer: Customer) -> Iterator[Text]:
    yield from _head(customer)
    yield from _identifiers(customer.identifiers)
    yield from _links(customer)
    yield from _refusals(customer)
    yield from _section("Shared by too many users to say whose it is", _all(customer.shared), _shared)
    yield _title("Timeline (UTC)")
    yield from timeline(customer)
    yield from _section("Changes of who is who", customer.identity_changes, _identity_change)
    yield from _section("Changes of journeys", customer.journey_changes, _journey_change)


def _head(customer: Customer) -> Iterator[Text]:
    totals = customer.totals
    yield Text(f"Customer {customer.customer_id}", style="bold")
    if totals.first_at and totals.last_at:
        yield Text(
            f"{INDENT}{counted(totals.touchpoints, 'touchpoint')} from {minute(totals.first_at)} to"
            f" {minute(totals.last_at)} UTC, {count(totals.apart)} of them outbound or by machines"
        )
    yield Text(f"{INDENT}{counted(customer.journeys.total, 'journey')}, {count(totals.conversions)} converted")


def _identifiers(identifiers: Sequence[str]) -> Iterator[Text]:
    yield _title(f"Identifiers ({count(len(identifiers))})")
    by_namespace: dict[str, list[str]] = {}
    for text in identifiers:
        namespace, _, value = text.partition(":")
        by_namespace.setdefault(namespace, []).append(value)
    for namespace, values in by_namespace.items():
        head = f"{INDENT}{namespace:<14} "
        yield Text(head + _names(values, len(values), WIDTH - len(head)))


def _links(customer: Customer) -> Iterator[Text]:
    if customer.links:
        yield _title("Links, each with the earliest touchpoint that bears both")
    by_stronger: dict[str, list[Text]] = {}
    for link in customer.links:
        by_stronger.setdefault(link.pair.stronger, []).append(_beside(link.pair.weaker, _said_of(link)))
    yield from _groups(by_stronger, len(customer.links))


def _said_of(link: Link) -> str:
    said = [f"{minute(link.evidence.at)}  {link.evidence.channel} {link.evidence.event_id}"] if link.evidence else []
    if link.asserted:
        said.append(f"asserted {minute(link.asserted.at)}: {link.asserted.reason}")
    return "; ".join(said)


def _refusals(customer: Customer) -> Iterator[Text]:
    if customer.refusals.total:
        yield _title("Links that don't count, and why")
    own = {*customer.identifiers}
    by_end: dict[str, list[Text]] = {}
    for pair, reason, at, event_id in customer.refusals.shown:
        end, other = pair if pair.stronger in own else pair[::-1]
        why = _WHY.get(reason, reason if ":" in reason else f"too many of {reason}")
        by_end.setdefault(end, []).append(_beside(other, f"{minute(at)}  {why} ({event_id})"))
    yield from _groups(by_end, customer.refusals.total)


def _groups(groups: Mapping[str, Sequence[Text]], total: int) -> Iterator[Text]:
    """What is said of pairs, below the end that they have in common."""
    told = 0
    for end, lines in [*groups.items()][:LINES_SHOWN]:
        yield Text(f"{INDENT}{end}")
        first, left_out, last = shortened(lines, LINES_SHOWN)
        yield from first
        if left_out:
            yield Text(f"{INDENT * 2}... {count(len(left_out))} more")
        yield from last
        told += len(lines)
    if total > told:
        yield Text(f"{INDENT}... {count(total - told)} more")


def _shared(shared: Shared) -> Text:
    head = f"{INDENT}{shared.identifier}  {counted(shared.users, 'user')}: "
    return Text(head + _names(shared.named, shared.users, WIDTH - len(head)))


def _identity_change(change: IdentityChange) -> Text:
    moved = f", {change.from_customer[:ID_SHOWN]} -> {change.to_customer[:ID_SHOWN]}" if change.to_customer else ""
    names = _names([short(text) for text in change.identifiers], len(change.identifiers), WIDTH // 2)
    return _on_one_line(
        f"{minute(change.at)}  {change.kind}: {names}{moved}", change.reason or f"cause {change.cause_event_id}"
    )


def _journey_change(change: JourneyChange) -> Text:
    return _on_one_line(f"{minute(change.at)}  {change.cause}: {_what(change)}", f"cause {change.cause_event_id}")


def _what(change: JourneyChange) -> str:
    before, after = (f"journey {id_[:ID_SHOWN]}" if id_ else "" for id_ in (change.before, change.after))
    if change.conversion:
        return f"{change.conversion} {_closes(change)}"
    if before and after:
        return f"{before} became {after}"
    return f"{after} began" if after else f"{before} ceased"


def _closes(change: JourneyChange) -> str:
    if not change.credits_after:
        return "no longer closes a journey here"
    if change.credits_before == change.credits_after:
        return f"closes journey {change.after[:ID_SHOWN]}, no longer {change.before[:ID_SHOWN]}"
    return "credited to " + " -> ".join(filter(None, map(_credits, (change.credits_before, change.credits_after))))


def _credits(by_channel: Mapping[str, float]) -> str:
    return ", ".join(f"{channel} {percent(share)}" for channel, share in by_channel.items() if share)


def _section(title: str, part: Some[T], line: Callable[[T], Text]) -> Iterator[Text]:
    """The first and the last lines of a part; nothing where there is nothing."""
    if not part.total:
        return
    yield _title(title)
    first, _, last = shortened(part.shown, LINES_SHOWN)
    more = part.total - len(first) - len(last)
    yield from map(line, first)
    if more:
        yield Text(f"{INDENT}... {count(more)} more")
    yield from map(line, last)


def _all(items: Sequence[T]) -> Some[T]:
    return Some(items, len(items))


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _names(names: Sequence[str], total: int, room: int) -> str:
    """As many ``names`` as there is ``room`` for, at least one, and how many of ``total`` are left out."""
    for shown in range(len(names), 0, -1):
        more = f" and {count(total - shown)} more" if total > shown else ""
        text = ", ".join(names[:shown]) + more
        if len(text) <= room:
            break
    return text


def _beside(end: str, said: str) -> Text:
    """What is said of a pair beside its other end; below it where there is no room."""
    line = f"{INDENT * 2}{end:<{SAID_AT - 2 * len(INDENT)}}"
    gap = "  " if len(line) + 2 + len(said) <= WIDTH else f"\n{INDENT * 3}"
    return Text.assemble(line.rstrip() if "\n" in gap else line, gap, (said, "dim"))


def _on_one_line(what: str, why: str) -> Text:
    """What changed and why; on more lines where there is no room."""
    said = fill(what, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT * 2)
    gap = "  " if len(said) + 2 + len(why) <= WIDTH else f"\n{INDENT * 2}"
    return Text.assemble(said, gap, (why, "dim"))
