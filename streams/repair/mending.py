"""A touchpoint's bytes made fit to be sent again: fields set anew by an operator, and marked as history.

Only structure is judged, as for every producer; what the touchpoint then means is judged as INTAKE does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.codec import Undecodable, decode, encode
from schemas.conformance import problems
from streams.domain.identifiers import clean
from streams.domain.vocabulary import CHANNELS
from streams.producing.rows import MAX_RECORD


class Unmendable(ValueError):
    """The fields can't be set on this record; the message says why, and quotes no identifiers."""


class Setting(NamedTuple):
    """``value`` for the field at ``path`` (``conversion.currency``: a field within a field)."""

    path: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> Setting:
        """From ``field=value``; the value is JSON, or else the text itself. ValueError where there is no field."""
        path, equals, value = text.partition("=")
        if not equals or not all(path.strip().split(".")):
            raise ValueError(f"found {text!r}, expected FIELD=VALUE, such as conversion.currency=EUR")
        try:
            return cls(path.strip(), json.loads(value))
        except ValueError:
            return cls(path.strip(), value)
        except RecursionError:
            raise ValueError(
                f"{path.strip()}: found JSON that is nested too deeply, expected a field's value"
            ) from None


class Mended(NamedTuple):
    """A record ready to go: its ``channel``, key and value."""

    channel: str
    key: bytes | None
    value: bytes


def mend(original: bytes, channel: str, settings: Sequence[Setting]) -> Mended:
    """``original``, which was read from ``channel``'s topic, with ``settings``, marked as history.

    Bytes that are no touchpoint stay as they are, for INTAKE to say so. A touchpoint goes to the topic of its own
    channel only where ``channel`` is set. Raises Unmendable.
    """
    try:
        name, record = decode(original)
    except Undecodable as error:
        name, record, why = "", {}, str(error)
    else:
        why = name
    if name != "touchpoint":
        if settings:
            raise Unmendable(f"no field can be set: it is no touchpoint ({why})")
        return Mended(channel, None, original)
    for path, value in settings:
        _set(record, path, value)
    record["backfill"] = True
    if settings and (found := problems("touchpoint", record)):
        first = found[0]
        is_text = any(one.path == first.field and isinstance(one.value, str) for one in settings)
        is_set = any(one.path == first.field for one in settings)
        hint = f"; what is JSON is text only in quotes: --set '{first.field}=\"...\"'" if is_set and not is_text else ""
        raise Unmendable(f"{first.field}: found {first.value}, expected {first.expected}{hint}")
    value = encode("touchpoint", record)
    if len(value) > MAX_RECORD:
        raise Unmendable(f"found {len(value)} bytes encoded, expected at most {MAX_RECORD}")
    if any(setting.path == "channel" for setting in settings) and record["channel"] in CHANNELS:
        channel = record["channel"]
    names = clean(record["identifiers"])
    return Mended(channel, names[0].text.encode() if names else None, value)


def _set(record: dict[str, Any], path: str, value: Any) -> None:
    *parents, name = path.split(".")
    inside: Any = record
    for at, parent in enumerate(parents):
        inside = inside.get(parent) if isinstance(inside, Mapping) else None
        if not isinstance(inside, dict):
            raise Unmendable(f"{path}: found no record at {'.'.join(parents[: at + 1])}, expected one")
    inside[name] = value
