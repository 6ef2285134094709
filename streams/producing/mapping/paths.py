"""Values inside nested records, by a path of names: ``device.category``, ``event_params.page_location``.

In an array of records with key and value, as in GA4's BigQuery export, a name is a key; where the value is a record of
one value a type (string_value, int_value, ...), it is the one that is there. Everything becomes text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import orjson

#: The types of a parameter's value in GA4's BigQuery export.
_TYPED = ("string_value", "int_value", "float_value", "double_value", "bool_value")
_INEXACT = 2.0**53


def getter(path: str) -> Callable[[Mapping[str, Any]], str | None]:
    """Gives the text at ``path`` of a record, None where there is nothing; a field of just that name comes first."""
    names = path.split(".")

    def get(record: Mapping[str, Any]) -> str | None:
        value = record.get(path)
        if value is None and len(names) > 1:
            value = _dig(record, names)
        return as_text(value)

    return get


def _dig(value: Any, names: list[str]) -> Any:
    for name in names:
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list):
            value = next(
                (item.get("value") for item in value if isinstance(item, dict) and item.get("key") == name), None
            )
        else:
            return None
    return value


def _float(value: float) -> str:
    """Whole numbers as integers; those beyond 2**53 with an exponent, which no identifier may have: digits are lost."""
    if abs(value) >= _INEXACT:
        return f"{value:.16e}"
    return str(int(value)) if value.is_integer() else repr(value)


def as_text(value: Any) -> str | None:
    """``value`` as a CSV file would have it; records and arrays as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict) and any(name in value for name in _TYPED):
        return as_text(next((value[name] for name in _TYPED if value.get(name) is not None), None))
    return orjson.dumps(value, default=str).decode()
