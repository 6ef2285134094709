"""Identifiers: which count, which is strongest, what of them may be shown."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.identifiers import Identifier, clean, is_blocked, is_namespace, mask, rank

STRONGEST_FIRST = [
    "user_id",
    "email_sha256",
    "phone_sha256",
    "social_handle",
    "device_id",
    "cookie_id",
    "click_id",
]
entries = st.lists(
    st.fixed_dictionaries({"namespace": st.sampled_from([*STRONGEST_FIRST, "loyalty_card"]), "value": st.text()})
)


def test_ranks_are_those_of_the_definitions_and_others_come_last() -> None:
    assert [rank(namespace) for namespace in STRONGEST_FIRST] == [0, 1, 2, 3, 4, 5, 6]
    assert rank("loyalty_card") == rank("a") > rank("click_id")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-1",
        "0",
        "0000",
        "-",
        "----",
        "00000000-0000-0000-0000-000000000000",
        "null",
        "None",
        "NIL",
        "Undefined",
        "unknown",
        "ANONYMOUS",
        "guest",
        "NaN",
        "TRUE",
        "False",
        "[object Object]",
        "{}",
    ],
)
def test_what_systems_write_for_nobody_is_dropped_trimmed_and_in_any_case(value: str) -> None:
    assert is_blocked(value)
    assert clean([{"namespace": "user_id", "value": f" {value}\t"}]) == []


@pytest.mark.parametrize("value", ["1", "-2", "0x0", "10", "nobody", "guest1", "-1-", "[]", "true story", "nan "])
def test_what_only_looks_like_nobody_is_kept(value: str) -> None:
    assert not is_blocked(value)


def test_the_strongest_comes_first_and_the_smallest_value_among_equals() -> None:
    given_ = [("click_id", "a"), ("cookie_id", "b"), ("loyalty_card", "0a"), ("cookie_id", "a"), ("user_id", "z")]
    cleaned = clean({"namespace": n, "value": v} for n, v in given_)
    assert [i.text for i in cleaned] == ["user_id:z", "cookie_id:a", "cookie_id:b", "click_id:a", "loyalty_card:0a"]


def test_a_blocked_user_id_leaves_the_cookie_as_the_strongest() -> None:
    cleaned = clean([{"namespace": "user_id", "value": "anonymous"}, {"namespace": "cookie_id", "value": " 28dc "}])
    assert cleaned == [Identifier("cookie_id", "28dc")]


@given(entries, st.randoms())
def test_cleaning_depends_on_neither_order_nor_repetition_and_cleans_once_for_all(
    given_: list[dict[str, str]], random: Random
) -> None:
    cleaned = clean(given_)
    shuffled = given_ + given_
    random.shuffle(shuffled)
    assert clean(shuffled) == cleaned
    assert clean(i._asdict() for i in cleaned) == cleaned
    assert len(set(cleaned)) == len(cleaned)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(text, True) for text in ("cookie_id", "a", "a" * 64)],
        *[(text, False) for text in ("a" * 65, "", "Cookie", "a:b", "1a", "a b", "a\n", "ä")],
    ],
)
def test_a_namespace_is_a_short_lower_case_name_without_colon(text: str, expected: bool) -> None:
    assert is_namespace(text) is expected


def test_a_mask_shows_the_beginning_of_long_values_only() -> None:
    assert mask("9f86d081884c7d65") == "9f…(16)"
    assert mask("42") == "…(2)"
    assert mask("1234567") == "…(7)"
