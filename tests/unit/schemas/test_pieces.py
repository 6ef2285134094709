"""Pieces of records: joined, they are what the codec writes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.pieces import header, long, piece
from schemas.registry import registry
from tests.unit.schemas.record_strategies import NAMES, records


@pytest.mark.parametrize("name", NAMES)
@given(st.data())
@settings(max_examples=25)
def test_the_pieces_of_a_record_joined_are_the_record(name: str, data: st.DataObject) -> None:
    record = data.draw(records(name))
    fields = [field["name"] for field in registry().current(name).source["fields"]]
    ends = sorted(data.draw(st.sets(st.integers(1, len(fields) - 1)))) if len(fields) > 1 else []
    runs = [fields[start:end] for start, end in zip([0, *ends], [*ends, len(fields)], strict=True)]
    pieces = [piece(name, {field: record[field] for field in run}) for run in runs]
    assert header(name) + b"".join(pieces) == encode(name, record)


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200))
def test_a_long_is_written_as_avro_writes_it(number: int) -> None:
    body = BytesIO()
    fastavro.schemaless_writer(body, "long", number)
    assert long(number) == body.getvalue()


@pytest.mark.parametrize("fields", [{"version": 0, "to": "c"}, {"to": "c", "version": 0}])
def test_fields_that_do_not_follow_each_other_are_no_piece(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="don't follow each other"):
        piece("resolved_touchpoint", fields)


def test_a_value_that_the_schema_does_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="robot"):
        piece("resolved_touchpoint", {"actor": "robot"})
