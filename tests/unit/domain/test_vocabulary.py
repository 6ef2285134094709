"""The vocabulary of actions, against the project's definition of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from streams.domain.vocabulary import CHANNELS, actions, direction_of, mode_of


def test_channels_are_those_of_the_touchpoint_schema() -> None:
    schema = json.loads((Path(schemas.__file__).parent / "touchpoint.v1.avsc").read_text())
    symbols = next(field for field in schema["fields"] if field["name"] == "channel")["type"]["symbols"]
    assert symbols == ["UNKNOWN", *CHANNELS]


@pytest.mark.parametrize(
    ("channel", "action", "direction"),
    [
        ("email", "sent", "outbound"),
        ("email", "bounced", "outbound"),
        ("email", "opened", "inbound"),
        ("email", "complained", "inbound"),
        ("web", "banner_shown", "outbound"),
        ("web", "page_viewed", "inbound"),
        ("mobile", "push_sent", "outbound"),
        ("mobile", "message_shown", "outbound"),
        ("mobile", "push_dismissed", "inbound"),
        ("social", "comment_answered", "outbound"),
        ("social", "commented", "inbound"),
        ("service", "call_placed", "outbound"),
        ("service", "called", "inbound"),
        ("service", "mystery_visit_made", "outbound"),
        ("service", "return_made", "inbound"),
    ],
)
def test_an_action_has_the_direction_of_its_side(channel: str, action: str, direction: str) -> None:
    assert direction_of(channel, action) == direction


@pytest.mark.parametrize("channel", CHANNELS)
def test_actions_of_any_channel_hold_on_every_channel(channel: str) -> None:
    assert direction_of(channel, "offer_made") == "outbound"
    assert direction_of(channel, "purchased") == "inbound"
    assert direction_of(channel, "consent_withdrawn") == "inbound"


def test_an_action_of_another_channel_is_custom() -> None:
    assert direction_of("web", "opened") is None
    assert direction_of("email", "page_viewed") is None
    assert direction_of("telepathy", "purchased") is None


def test_actions_are_counted_as_the_table_has_them() -> None:
    """Outbound and inbound, 1 and 11 of them from the row that holds for any channel."""
    counts = {
        channel: (list(actions(channel).values()).count("outbound"), list(actions(channel).values()).count("inbound"))
        for channel in CHANNELS
    }
    assert counts == {
        "email": (5, 16),
        "web": (3, 18),
        "mobile": (5, 18),
        "social": (4, 20),
        "service": (7, 19),
    }


def test_actions_of_an_unknown_channel_are_an_error() -> None:
    with pytest.raises(KeyError):
        actions("telepathy")


def test_calls_chats_and_store_visits_are_synchronous_and_nothing_else_is() -> None:
    synchronous = {(c, action) for c in CHANNELS for action in actions(c) if mode_of(c, action) == "synchronous"}
    assert synchronous == {
        ("service", action)
        for action in (
            "call_placed",
            "call_answered",
            "called",
            "chat_answered",
            "chat_started",
            "chat_message",
            "store_visited",
            "mystery_visit_made",
        )
    }


@given(st.text(), st.text())
def test_any_strings_have_a_mode_and_perhaps_a_direction(channel: str, action: str) -> None:
    assert direction_of(channel, action) in ("inbound", "outbound", None)
    assert mode_of(channel, action) in ("synchronous", "asynchronous")
