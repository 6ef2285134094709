"""Records of every kind as Hypothesis strategies, made from the schema files alone."""

import math
from typing import Any

from hypothesis import strategies as st

from schemas.registry import registry, without_logical_types

NAMES = sorted(registry().by_record)


def source(name: str) -> Any:
    """The current schema of ``name`` as in its file, logical types taken off."""
    return without_logical_types(registry().current(name).source)


def records(name: str, text: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Whole records of ``name``: every field is there, enums never UNKNOWN unless that is the field's default."""
    return _values(source(name), text if text is not None else st.text(max_size=8), {}, unknown=False)


def _values(schema: Any, text: st.SearchStrategy[str], named: dict[str, Any], unknown: bool) -> st.SearchStrategy[Any]:
    if isinstance(schema, list):
        return st.one_of([_values(branch, text, named, unknown) for branch in schema])
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind in named:
        return _values(named[kind], text, named, unknown)
    if isinstance(schema, dict) and "name" in schema:
        named[schema["name"]] = schema
    if kind == "record":
        fields = {f["name"]: _values(f["type"], text, named, f.get("default") == "UNKNOWN") for f in schema["fields"]}
        return st.fixed_dictionaries(fields)
    if kind == "enum":
        return st.sampled_from([s for s in schema["symbols"] if unknown or s != "UNKNOWN"])
    if kind == "array":
        return st.lists(_values(schema["items"], text, named, unknown), max_size=3)
    if kind == "map":
        return st.dictionaries(text, _values(schema["values"], text, named, unknown), max_size=3)
    return {
        "null": st.none(),
        "boolean": st.booleans(),
        "string": text,
        "bytes": st.binary(max_size=8),
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "double": st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: math.copysign(1, x) > 0 or x != 0),
    }[kind]
