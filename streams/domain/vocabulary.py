"""The actions of each channel: who speaks, and whether both sides are present.

Decides the direction and the mode that a touchpoint takes when its producer names only the action. It leaves to
others what a contradiction with the given direction means (a dead letter) and what a custom action counts as.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CHANNELS: Final = ("email", "web", "mobile", "social", "service")
INBOUND: Final = "inbound"
OUTBOUND: Final = "outbound"
SYNCHRONOUS: Final = "synchronous"
ASYNCHRONOUS: Final = "asynchronous"

_OUTBOUND: Final[Mapping[str, str]] = {
    "email": "sent delivered deferred bounced",
    "web": "banner_shown message_shown",
    "mobile": "push_sent push_delivered push_failed message_shown",
    "social": "impression_shown message_sent comment_answered",
    "service": "call_placed call_answered chat_answered message_sent survey_sent mystery_visit_made",
}
_INBOUND: Final[Mapping[str, str]] = {
    "email": "opened clicked replied unsubscribed complained",
    "web": "page_viewed link_clicked searched form_submitted downloaded video_played feedback_given",
    "mobile": "push_opened push_dismissed app_installed app_opened screen_viewed app_closed app_removed",
    "social": "reacted commented shared mentioned followed unfollowed link_clicked message_received review_posted",
    "service": "called chat_started chat_message message_received store_visited survey_answered complaint_made "
    "return_made",
}
_OUTBOUND_ON_ANY: Final = "offer_made"
_INBOUND_ON_ANY: Final = (
    "signed_up logged_in logged_out product_viewed cart_added checkout_started purchased order_cancelled "
    "idea_submitted consent_given consent_withdrawn"
)
# A mystery visit is a visit to a store too: the shopper and the staff face each other.
_SYNCHRONOUS: Final = frozenset(
    {"call_placed", "call_answered", "called"}
    | {"chat_answered", "chat_started", "chat_message"}
    | {"store_visited", "mystery_visit_made"}
)


def _directions(channel: str) -> Mapping[str, str]:
    outbound = f"{_OUTBOUND[channel]} {_OUTBOUND_ON_ANY}".split()
    inbound = f"{_INBOUND[channel]} {_INBOUND_ON_ANY}".split()
    return MappingProxyType(dict.fromkeys(outbound, OUTBOUND) | dict.fromkeys(inbound, INBOUND))


_DIRECTIONS: Final[Mapping[str, Mapping[str, str]]] = {channel: _directions(channel) for channel in CHANNELS}
_NO_ACTIONS: Final[Mapping[str, str]] = MappingProxyType({})


def actions(channel: str) -> Mapping[str, str]:
    """Return the channel's actions and their directions, outbound ones first.

    The actions that every channel has are among them. The mapping is read-only.

    Raises:
        KeyError: the channel is none of CHANNELS.
    """
    return _DIRECTIONS[channel]


def direction_of(channel: str, action: str) -> str | None:
    """Return "inbound" or "outbound", or None for an action (or a channel) outside the vocabulary."""
    return _DIRECTIONS.get(channel, _NO_ACTIONS).get(action)


def mode_of(channel: str, action: str) -> str:
    """Return "synchronous" for calls, chats and store visits, else "asynchronous"; custom actions are the latter."""
    return SYNCHRONOUS if channel == "service" and action in _SYNCHRONOUS else ASYNCHRONOUS
