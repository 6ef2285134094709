"""What is found of one customer.

Identifiers are texts ``namespace:value``, ids of customers and journeys UUIDs' texts, times UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Pair(NamedTuple):
    """Two identifiers, the stronger first."""

    stronger: str
    weaker: str


class Evidence(NamedTuple):
    """The earliest touchpoint on which both identifiers of a pair stood."""

    at: datetime
    channel: str
    event_id: str


class Correction(NamedTuple):
    """What an operator said last of a pair: asserted, retracted or lifted."""

    kind: str
    at: datetime
    reason: str
    correction_id: str


class Link(NamedTuple):
    """Why two identifiers are of one customer; at least one of the two is there."""

    pair: Pair
    evidence: Evidence | None
    asserted: Correction | None


class Refusal(NamedTuple):
    """A link that does not count: the limit that refused it, or retracted, and in which words."""

    pair: Pair
    reason: str
    at: datetime
    event_id: str


class Shared(NamedTuple):
    """An identifier that too many users share: how many, and the first of them by name."""

    identifier: str
    users: int
    named: Sequence[str]


class Step(NamedTuple):
    """One touchpoint; ``apart`` is '' where it forms journeys, else what it is: outbound or machine."""

    at: datetime
    channel: str
    action: str
    via: str
    apart: str = ""


class Touch(NamedTuple):
    """The part of a visit that lies in a journey; ``credit`` is its linear share, 0 without a conversion."""

    at: datetime
    marketing_channel: str
    campaign: str
    touchpoints: int
    credit: float


class Journey(NamedTuple):
    """``steps`` are the first 1,000 of ``touchpoints``; ``conversion`` '' where none closes it."""

    journey_id: str
    started_at: datetime
    ended_at: datetime
    touchpoints: int
    conversion: str
    steps: Sequence[Step]
    touches: Sequence[Touch]


class Session(NamedTuple):
    """One channel's; both ends inclusive."""

    channel: str
    started_at: datetime
    ended_at: datetime
    touchpoints: int
    engaged: bool


class Totals(NamedTuple):
    """All of the customer's, shown or not; ``apart`` is the number of outbound and machine touchpoints."""

    touchpoints: int
    apart: int
    first_at: datetime | None
    last_at: datetime | None
    conversions: int


class Some(NamedTuple, Generic[T]):
    """Those that are shown, and how many there are."""

    shown: Sequence[T]
    total: int


class IdentityChange(NamedTuple):
    """A line of identity_changes; customers '' for what an operator said."""

    at: datetime
    kind: str
    from_customer: str
    to_customer: str
    identifiers: Sequence[str]
    cause_event_id: str
    reason: str


class JourneyChange(NamedTuple):
    """A line of journey_changes; journeys '' where there was none, or is none.

    Credits are linear, by marketing channel.
    """

    at: datetime
    cause: str
    cause_event_id: str
    before: str
    after: str
    conversion: str
    credits_before: Mapping[str, float]
    credits_after: Mapping[str, float]


class Customer(NamedTuple):
    """Everything that is shown of a customer; lists are the latest or first of what there may be more of."""

    customer_id: str
    asked: str
    identifiers: Sequence[str]
    links: Sequence[Link]
    refusals: Some[Refusal]
    shared: Sequence[Shared]
    totals: Totals
    journeys: Some[Journey]
    sessions: Sequence[Session]
    apart: Sequence[Step]
    identity_changes: Some[IdentityChange]
    journey_changes: Some[JourneyChange]
