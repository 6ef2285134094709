"""Ids can be computed again by anybody: here by the standard library's uuid5 over length-prefixed fields."""

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.identifiers import Identifier
from streams.domain.ids import NAMESPACE, customer_id, row_id, uuid5


def name_of(*fields: str) -> str:
    """Fields shorter than 128 bytes with their lengths: such a name is text, as the standard library wants it."""
    return b"".join(len(f.encode()).to_bytes(4, "big") + f.encode() for f in fields).decode()


def test_the_namespace_is_the_uuid_of_our_name() -> None:
    assert uuid.uuid5(uuid.NAMESPACE_DNS, "omnijourney") == NAMESPACE


@pytest.mark.parametrize("fields", [("cookie_id", "28dc"), ("a", ""), ("",), (), ("social_handle", "net:änne")])
def test_an_id_is_the_version_5_uuid_of_the_length_prefixed_fields(fields: tuple[str, ...]) -> None:
    expected = uuid.uuid5(NAMESPACE, name_of(*fields))
    assert uuid5(*fields) == str(expected)
    assert expected.version == 5


def test_customer_id_journey_id_and_session_id_of_a_worked_example() -> None:
    customer = str(uuid.uuid5(NAMESPACE, name_of("cookie_id", "28dc")))
    assert customer_id(Identifier("cookie_id", "28dc")) == customer
    row = str(uuid.uuid5(NAMESPACE, name_of(customer, "web", "cookie_id:28dc", "e1")))
    assert row_id(customer, "web", "cookie_id:28dc", "e1") == row


def test_published_vectors_never_change() -> None:
    customer = customer_id(Identifier("cookie_id", "28dc"))
    assert customer == "e507335a-a037-5dc5-a950-c6f9c7fecc78"
    assert row_id(customer, "web", "cookie_id:28dc", "e1") == "8b03e997-e4bd-591a-9791-c0430377c394"


@given(st.lists(st.text(), max_size=4))
def test_any_fields_give_the_sha1_of_rfc_9562(fields: list[str]) -> None:
    name = b"".join(len(f.encode()).to_bytes(4, "big") + f.encode() for f in fields)
    digest = hashlib.sha1(NAMESPACE.bytes + name, usedforsecurity=False).digest()
    assert uuid5(*fields) == str(uuid.UUID(bytes=digest[:16], version=5))


def test_fields_do_not_run_into_each_other() -> None:
    assert len({uuid5("ab", "c"), uuid5("a", "bc"), uuid5("abc"), uuid5("abc", ""), uuid5("", "abc")}) == 5
