"""Whether a record as it came out of JSON fits the current schema of its kind, told in words a producer can act on.

fastavro writes what it can make something of: it drops unknown fields and cuts 1.5 to 1. Whoever lets records in from
outside asks here first. Only structure is judged; whether an action exists or a time is sane is the domain's to say.

Each schema is compiled once to nested functions; each answers with the problems below it, their paths relative to it,
so that a path is only put together where something is wrong. Nothing at or below ``identifiers`` is ever shown, nor
the value of a field that the schema doesn't have: it may be a person's name or address.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from itertools import islice
from types import NoneType
from typing import Any, NamedTuple, TypeAlias

from schemas.registry import registry

SHOWN = 60
#: Looking for a name that is near takes its time, and nobody reads more.
MOST_UNKNOWN = 10
HIDDEN_FIELD = "identifiers"
_RANGES = {"int": 31, "long": 63}


class Problem(NamedTuple):
    """``field`` is a path like ``identifiers[0].value``, '' for the whole record; ``value`` is shortened."""

    field: str
    value: str
    expected: str


Check: TypeAlias = Callable[[object], Sequence[Problem]]
_FINE: Sequence[Problem] = ()


def problems(name: str, record: object) -> list[Problem]:
    """All that keeps ``record`` from being a ``name``, e.g. "touchpoint", in the schema's order; [] where it fits.

    Fields that have a default may be missing. Integers are no floats and no booleans; text has no NUL (keys of state
    are divided by it) and no lone surrogates; an enum's UNKNOWN is only taken where it is the field's default: it
    stands for a symbol that the reader does not know. Raises KeyError for an unknown ``name``.
    """
    return list(_compiled(name)(record))


@cache
def _compiled(name: str) -> Check:
    return _compile(registry().current(name).parsed, hidden=False, unknown=False, named={})


def _compile(schema: Any, hidden: bool, unknown: bool, named: dict[str, Any]) -> Check:
    """The check for ``schema``; ``unknown`` lets enums be UNKNOWN, ``named`` are the types defined so far."""
    if isinstance(schema, list):
        return _union(schema, hidden, unknown, named)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind in named:
        return _compile(named[kind], hidden, unknown, named)
    if isinstance(schema, dict) and "name" in schema:
        named[schema["name"]] = schema
    if kind == "record":
        return _record(schema, hidden, named)
    if kind == "array":
        return _array(_compile(schema["items"], hidden, unknown, named), hidden)
    if kind == "map":
        return _map(_compile(schema["values"], hidden, unknown, named), hidden)
    if kind == "enum":
        return _leaf(_enum(schema, unknown), _words(schema, unknown), hidden)
    return _leaf(_PRIMITIVES[kind], _words(kind, unknown), hidden, *_LIMITS.get(kind, ()))


def _record(schema: Mapping[str, Any], hidden: bool, named: dict[str, Any]) -> Check:
    fields = []
    for field in schema["fields"]:
        name, unknown = field["name"], field.get("default") == "UNKNOWN"
        inner = _compile(field["type"], hidden or name == HIDDEN_FIELD, unknown, named)
        fields.append((name, inner, "default" not in field, _words(field["type"], unknown)))
    names = frozenset(name for name, *_ in fields)

    def check(value: object) -> Sequence[Problem]:
        if not isinstance(value, dict):
            return [Problem("", shown(value, hidden), "an object")]
        found: list[Problem] = []
        seen = 0
        for name, inner, required, words in fields:
            if name in value:
                seen += 1
                if below := inner(value[name]):
                    found += _under(name, below)
            elif required:
                found.append(Problem(name, "nothing", words))
        if seen != len(value):
            strange = islice((n for n in value if n not in names), MOST_UNKNOWN)
            found += (_unknown_field(str(n), value[n], names) for n in strange)
        return found

    return check


def _unknown_field(name: str, value: object, names: frozenset[str]) -> Problem:
    near = get_close_matches(name[:SHOWN], names, n=1)
    return Problem(
        _name(name), shown(value, hidden=True), f"no such field, perhaps {near[0]}" if near else "no such field"
    )


def _union(branches: Sequence[Any], hidden: bool, unknown: bool, named: dict[str, Any]) -> Check:
    checks = [_compile(branch, hidden, unknown, named) for branch in branches if branch != "null"]
    nullable = len(checks) < len(branches)
    words = _words(branches, unknown)

    def check(value: object) -> Sequence[Problem]:
        if nullable and value is None:
            return _FINE
        below: Sequence[Problem] = _FINE
        for inner in checks:
            below = inner(value)
            if not below:
                return _FINE
        if len(checks) > 1:
            return [Problem("", shown(value, hidden), words)]
        # What is wrong inside the only branch says more than that the branch does not fit.
        return [p if p.field else p._replace(expected=f"null or {p.expected}") for p in below] if nullable else below

    return check


def _array(inner: Check, hidden: bool) -> Check:
    def check(value: object) -> Sequence[Problem]:
        if not isinstance(value, list):
            return [Problem("", shown(value, hidden), "an array")]
        found: list[Problem] = []
        for index, item in enumerate(value):
            if below := inner(item):
                found += _under(f"[{index}]", below)
        return found

    return check


def _map(inner: Check, hidden: bool) -> Check:
    def check(value: object) -> Sequence[Problem]:
        if not isinstance(value, dict):
            return [Problem("", shown(value, hidden), "an object")]
        found: list[Problem] = []
        for key, item in value.items():
            if not _is_text(key):
                found.append(Problem("", f"the key {shown(key, hidden)}", f"keys that are {_LIMITS['string'][1]}"))
            if below := inner(item):
                found += _under(_name(str(key)), below)
        return found

    return check


def _leaf(
    fits: Callable[[object], bool], words: str, hidden: bool, limited: type = NoneType, limits: str = ""
) -> Check:
    """``limits`` is what is expected of a value that has the right type, ``limited``, and still doesn't fit."""

    def check(value: object) -> Sequence[Problem]:
        if fits(value):
            return _FINE
        return [Problem("", shown(value, hidden), limits if type(value) is limited else words)]

    return check


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_integer(bits: int) -> Callable[[object], bool]:
    low, high = -(2**bits), 2**bits
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value < high


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63


def _enum(schema: Mapping[str, Any], unknown: bool) -> Callable[[object], bool]:
    symbols = frozenset(_symbols(schema, unknown))
    return lambda value: isinstance(value, str) and value in symbols


_PRIMITIVES: Mapping[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": _is_text,
    "bytes": lambda value: isinstance(value, bytes),
    "int": _is_integer(_RANGES["int"]),
    "long": _is_integer(_RANGES["long"]),
    "float": _is_number,
    "double": _is_number,
}
_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "string": "text",
    "bytes": "bytes",
    "int": "an integer",
    "long": "an integer",
    "float": "a number",
    "double": "a number",
    "array": "an array",
}
_LIMITS: Mapping[str, tuple[type, str]] = {
    "string": (str, "text without NUL characters and lone surrogates"),
    "int": (int, f"an integer from {-(2**31)} to {2**31 - 1}"),
    "long": (int, f"an integer from {-(2**63)} to {2**63 - 1}"),
}


def _words(schema: Any, unknown: bool) -> str:
    if isinstance(schema, list):
        return " or ".join(_words(branch, unknown) for branch in schema)
    if isinstance(schema, dict) and schema["type"] == "enum":
        return f"one of {', '.join(_symbols(schema, unknown))}"
    kind = schema["type"] if isinstance(schema, dict) else schema
    return _WORDS.get(kind, "an object")


def _symbols(schema: Mapping[str, Any], unknown: bool) -> list[str]:
    return [symbol for symbol in schema["symbols"] if unknown or symbol != "UNKNOWN"]


def _under(prefix: str, below: Sequence[Problem]) -> list[Problem]:
    return [
        p._replace(field=prefix + ("." if p.field and not p.field.startswith("[") else "") + p.field) for p in below
    ]


def shown(value: object, hidden: bool = False) -> str:
    """``value`` for a message: short, of containers only the size; ``hidden`` tells no more than its type and size."""
    if isinstance(value, list | tuple):
        return f"an array of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"text of {len(value)} characters" if hidden else _cut(repr(value))
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, int | float):
        return "a number" if hidden else repr(value)
    return type(value).__name__


def _name(text: str) -> str:
    # A name with a line break or half a character would break the line that tells of it.
    return _cut(text if text.isprintable() else repr(text))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
