"""Single values from text: amounts, numbers, words for yes and no. Each raises Unfit with what was expected.

All arithmetic is exact (decimal), so a value of money is the same whatever file it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from streams.domain.validation import HIGHEST_MICROS, LONGEST_MS

_NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d*)?", re.ASCII)
#: More digits than a number and a factor can have together.
_EXACT = Context(prec=200)
_TRUE = frozenset({"true", "t", "1", "yes", "y"})
_FALSE = frozenset({"false", "f", "0", "no", "n"})


class Unfit(ValueError):
    """A value is none of what its field takes; the message says what was expected. The row is told and left out."""


def scaled(text: str, factor: int, expected: str, rounding: str = ROUND_HALF_EVEN) -> int:
    """The number ``text`` times ``factor``, exact until it is rounded to an integer."""
    if _NUMBER.fullmatch(text) is None:
        raise Unfit(expected)
    return int(_EXACT.multiply(Decimal(text), factor).to_integral_value(rounding))


def micros_reader(decimal: str) -> Callable[[str], int]:
    """Reads amounts of money into millionths, of the currency's unit; beyond six decimals rounded half to even.

    ``decimal`` is "." or ",": with a comma, dots between groups of three digits are left out.
    """
    expected = f"an amount like 1234{decimal}56, from 0 to {HIGHEST_MICROS // 10**6}"

    def read(text: str) -> int:
        if decimal == ",":
            if _WITH_COMMA.fullmatch(text) is None:
                raise Unfit(expected)
            text = text.replace(".", "").replace(",", ".")
        found = scaled(text, 10**6, expected)
        if not 0 <= found <= HIGHEST_MICROS:
            raise Unfit(expected)
        return found

    return read


def duration_reader(unit: str) -> Callable[[str], int]:
    """Reads durations in ``unit`` (ms or s) into milliseconds, half to even."""
    factor = 1000 if unit == "s" else 1
    expected = f"a duration in {unit}, from 0 to {LONGEST_MS // factor}"

    def read(text: str) -> int:
        found = scaled(text, factor, expected)
        if not 0 <= found <= LONGEST_MS:
            raise Unfit(expected)
        return found

    return read


def integer_reader(low: int, high: int) -> Callable[[str], int]:
    """Reads integers from ``low`` to ``high``; 5.0, as tables write it, is one."""
    expected = f"an integer from {low} to {high}"

    def read(text: str) -> int:
        found = scaled(text, 1, expected, ROUND_FLOOR)
        if not low <= found <= high or scaled(text, 1, expected, ROUND_CEILING) != found:
            raise Unfit(expected)
        return found

    return read


def read_boolean(text: str) -> bool:
    """True or false, as databases write it."""
    word = text.lower()
    if word not in _TRUE and word not in _FALSE:
        raise Unfit("true or false")
    return word in _TRUE
