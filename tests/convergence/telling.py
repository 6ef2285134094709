"""Scenarios and what happens in them in lines for people: customers bear the name of their canonical identifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.domain.ids import customer_id
from tests.convergence.events import Corrected, Event
from tests.convergence.scenario import Scenario, Shape
from tests.unit.builders import MIDNIGHT, MINUTE

_SHOWN = (
    "kind", "to", "version", "from", "cause", "via", "cursor", "piece", "identifiers", "customer", "identifier",
    "stronger", "weaker", "occurred_at", "event_id", "corrected_at", "correction_id", "reason", "deleted", "actor",
    "raised", "customer_id", "journey_before", "journey_after", "steps", "started_at", "records", "outcome",
    "touchpoints",
)  # fmt: skip


class Telling:
    """``shape`` names the identifiers."""

    def __init__(self, shape: Shape) -> None:
        self._names = {customer_id(i): f"<{i.text}>" for i in shape.identifiers}

    def named(self, text: str) -> str:
        """``text`` with customers' names in place of their ids."""
        for customer, name in self._names.items():
            text = text.replace(customer, name)
        return text

    def failure(self, error: Exception) -> str:
        """What went wrong."""
        return self.named(f"{type(error).__name__}: {error}")

    def output(self, output: Any, fields: dict[str, Any] | None) -> str:
        """One record."""
        if fields is None:
            return f"{output.key!r}"
        told = " ".join(f"{name}={self.value(fields[name])}" for name in _SHOWN if fields.get(name) not in (None, ""))
        return f"{fields['']} {told}"

    def value(self, value: Any) -> str:
        """A field's value, shortened."""
        match value:
            case {"namespace": namespace, "value": text}:
                return f"{namespace}:{text}"
            case {"event_id": event_id}:
                return f"{value.get('channel', '')}/{event_id}"
            case list():
                return f"[{' '.join(map(self.value, value))}]"
            case int() if abs(value - MIDNIGHT) < 10**10:
                return time_of(value)
        return self._names.get(value, str(value)) if isinstance(value, str) else str(value)


def describe(scenario: Scenario) -> Iterator[str]:
    """The shape, and a line for each event."""
    shape = scenario.shape
    yield f"partitions {shape.partitions}, of customers {shape.customer_partitions}; {shape.rules}; {shape.limits}"
    yield from (f"#{number} {_event(event)}" for number, event in scenario.events)


def time_of(at: int) -> str:
    """Minutes from midnight, and milliseconds where there are."""
    minutes, rest = divmod(at - MIDNIGHT, MINUTE)
    return f"{minutes:+}min" + (f"+{rest}ms" if rest else "")


def _event(event: Event) -> str:
    if isinstance(event, Corrected):
        f = event.fields
        pair = " ".join(f"{f[end]['namespace']}:{f[end]['value']}" for end in ("stronger", "weaker"))
        return f"{f['kind']} {pair} at {time_of(f['corrected_at'])} {f['correction_id']}"
    if event.fields is None:
        return "garbage"
    f = event.fields
    names = " ".join(f"{i['namespace']}:{i['value']}" for i in f["identifiers"])
    conversion = f["conversion"]
    notes = [
        f"{conversion['type']}({conversion['order_id']})" if conversion else "",
        f"message {f['message_id']}" if f["message_id"] else "",
        f"from {f['acquisition']['source']}" if f["acquisition"] else "",
        "machine" if f["provider_machine"] else "",
        "changed" if f["properties"] else "",
        "" if f["backfill"] else "live",
        f"to the {event.shift}. partition behind its own" if event.shift else "",
        "poisoned" if event.poisoned else "",
    ]
    told = " ".join(note for note in notes if note)
    return f"{f['channel']} {f['event_id']} {f['action']} {time_of(f['occurred_at'])} {names} {told}".rstrip()
