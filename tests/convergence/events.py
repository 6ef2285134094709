"""What is sent in a scenario: touchpoints by producers, corrections by operators."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.domain.identifiers import Identifier, clean

Fields = dict[str, Any]
#: What names a touchpoint: channel, via, event_id.
Name = tuple[str, str, str]


class Touched(NamedTuple):
    """A producer sends a record of ``fields``, to the ``shift``-th partition behind the right one; ``poisoned``: the
    stage raises on it. ``fields`` None: what is sent is no touchpoint."""

    fields: Fields | None
    shift: int = 0
    poisoned: bool = False


class Corrected(NamedTuple):
    """An operator sends a correction of ``fields``."""

    fields: Fields


Event = Touched | Corrected


def name_of(fields: Fields) -> Name:
    """What names the touchpoint of ``fields``."""
    return fields["channel"], via_of(fields).text, fields["event_id"]


def via_of(fields: Fields) -> Identifier:
    """The strongest identifier."""
    return clean(fields["identifiers"])[0]
