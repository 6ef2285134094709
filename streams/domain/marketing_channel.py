"""The marketing channel of one touchpoint: Google Analytics 4's default channel group.

Decides the channel from source, medium, campaign and referrer. It leaves to visits which touchpoint's channel
counts, and to traffic_sources which sites are search engines, social networks, video or shopping sites.

Conditions and order are those that Google publishes for manual traffic (support.google.com/analytics/answer/9756891,
read through copies of that page and through a public SQL rendering of it of November 2025); matching ignores case.
What only Google's own integrations know (campaign types of Google Ads, creative formats of Display & Video 360) isn't
asked. Not confirmed: whether `email` must be the whole source or medium or may be a part (here the whole), and where
AI Assistant, published in May 2026 as "medium is ai-assistant", stands in the order (here before the organic
groups, since a medium so special says more than a list of sites).
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from streams.domain.traffic_sources import SiteKind, site_of_host, site_of_source

UNASSIGNED: Final = "Unassigned"
_DIRECT_SOURCE: Final = "(direct)"

# How analytics tools write "nothing" when they export. The second set are names made up for a missing campaign.
_NO_WORDS: Final = frozenset({"", "(none)", "(not set)"})
_NO_CAMPAIGNS: Final = _NO_WORDS | {"(direct)", "(organic)", "(referral)", "(ai-assistant)"}

_EMAIL_WORDS: Final = frozenset({"email", "e-mail", "e_mail", "e mail"})
_SOCIAL_MEDIA: Final = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
_DISPLAY_MEDIA: Final = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_REFERRAL_MEDIA: Final = frozenset({"referral", "app", "link"})
# "shop" counts after an e (eshop) or a non-letter, so that workshops and bishops don't; "shopping" counts anywhere.
_SHOP: Final = re.compile(r"(?:^|[^a-df-z])shop|shopping")

_ADDRESS: Final = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?//(?:[^/?#]*@)?(\[[^\]/?#]*\]|[^/?#:\s\[\]]*)")
_BARE_HOST: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?=[:/?#]|$)")
_SCHEMES: Final = frozenset({None, "http", "https", "android-app"})
_LONGEST_HOST: Final = 253  # what DNS allows
_LONGEST_WORD: Final = 512  # what stands behind is not matched: the caches keep these words

# Sites that put click ids on unpaid links as well (fbclid stands on every link that leaves Facebook).
_UNPAID_CLICK_IDS: Final = frozenset({"social", "email", "assistant"})
_MEDIUM_OF_KIND: Final[Mapping[SiteKind, str]] = {"search": "organic", "email": "email", "assistant": "ai-assistant"}


class MarketingChannel(NamedTuple):
    """A touchpoint's marketing channel.

    `has_acquisition` tells whether the touchpoint itself says where the customer came from; without it `campaign`
    and `content` are empty. Both are kept as they were sent, trimmed.
    """

    name: str
    has_acquisition: bool
    campaign: str
    content: str


class _Traffic(NamedTuple):
    source: str
    medium: str
    kind: SiteKind | None
    is_paid: bool
    is_shop: bool
    is_cross_network: bool


_RULES: Final[tuple[tuple[str, Callable[[_Traffic], bool]], ...]] = (
    ("Direct", lambda t: t.source == _DIRECT_SOURCE and not t.medium),
    ("Cross-network", lambda t: t.is_cross_network),
    ("Paid Shopping", lambda t: t.is_paid and (t.kind == "shopping" or t.is_shop)),
    ("Paid Search", lambda t: t.is_paid and t.kind == "search"),
    ("Paid Social", lambda t: t.is_paid and t.kind == "social"),
    ("Paid Video", lambda t: t.is_paid and t.kind == "video"),
    ("Display", lambda t: t.medium in _DISPLAY_MEDIA),
    ("Paid Other", lambda t: t.is_paid),
    ("AI Assistant", lambda t: t.medium == "ai-assistant"),
    ("Organic Shopping", lambda t: t.kind == "shopping" or t.is_shop),
    ("Organic Social", lambda t: t.kind == "social" or t.medium in _SOCIAL_MEDIA),
    ("Organic Video", lambda t: t.kind == "video" or "video" in t.medium),
    ("Organic Search", lambda t: t.kind == "search" or t.medium == "organic"),
    ("Referral", lambda t: t.medium in _REFERRAL_MEDIA),
    ("Email", lambda t: t.source in _EMAIL_WORDS or t.medium in _EMAIL_WORDS),
    ("Affiliates", lambda t: t.medium == "affiliate"),
    ("Audio", lambda t: t.medium == "audio"),
    ("SMS", lambda t: "sms" in (t.source, t.medium)),
    ("Mobile Push Notifications", lambda t: _is_push(t.source, t.medium)),
)
MARKETING_CHANNELS: Final = (*(name for name, _ in _RULES), UNASSIGNED)


def marketing_channel(
    channel: str, action: str, acquisition: Mapping[str, str | None] | None, own_domains: frozenset[str]
) -> MarketingChannel:
    """Return the marketing channel of a touchpoint, a pure function of its own fields.

    `acquisition` has the fields of the touchpoint's record; `own_domains` are the company's hosts (subdomains, ports
    and www aside; an app's package name may stand among them). Never raises on any strings.

    - Source and medium as sent win over the referrer. "(direct)" as source says that there was none.
    - Without both the referrer gives them: a search engine (its name, organic), webmail (host, email), an AI
      assistant (host, ai-assistant), any other host (host, referral). One on own domains, of another scheme than
      http, https and android-app, or without a host (about:blank, "-") is none.
    - A click id without both is an advertisement's, of a network that it doesn't tell: (the referrer's source, cpc),
      so Paid Search behind a search engine and Paid Other without a referrer. Social networks, webmail and
      assistants mark unpaid links too, so behind those it proves nothing and the referrer stands.
    - A medium still missing is what the channel itself says: e-mail, push (push actions on mobile) or social. So
      without acquisition these are Email, Mobile Push Notifications and Organic Social, the others Direct. ChatGPT
      names itself as source without a medium: such a source has the medium that its referrer would have.
    - Nothing but url, content and term is no acquisition.
    """
    own_medium = _own_medium(channel, action)
    if acquisition is None:
        return MarketingChannel(_channel_group(_DIRECT_SOURCE, own_medium, ""), False, "", "")
    source = _clean(acquisition.get("source")).lower()[:_LONGEST_WORD]
    medium = _clean(acquisition.get("medium")).lower()[:_LONGEST_WORD]
    campaign = _clean(acquisition.get("campaign"), _NO_CAMPAIGNS)
    has_click_id = bool(_clean(acquisition.get("click_id")))
    if not source and not medium:
        source, medium = _came_from(_host_of(acquisition.get("referrer") or ""), own_domains)
        if has_click_id and not own_medium and not _marks_unpaid_links(source):
            medium = "cpc"
    if source in ("", _DIRECT_SOURCE) and not (medium or campaign or has_click_id):
        return MarketingChannel(_channel_group(_DIRECT_SOURCE, own_medium, ""), False, "", "")
    medium = medium or own_medium or _medium_of_assistant(source)
    name = _channel_group(source, medium, campaign.lower()[:_LONGEST_WORD])
    return MarketingChannel(name, True, campaign, _clean(acquisition.get("content")))


def _clean(value: str | None, nothing: frozenset[str] = _NO_WORDS) -> str:
    trimmed = value.strip() if value else ""
    return "" if trimmed.lower() in nothing else trimmed


def _own_medium(channel: str, action: str) -> str:
    if channel == "mobile":
        return "push" if action.startswith("push_") else ""
    return channel if channel in ("email", "social") else ""


def _host_of(referrer: str) -> str:
    """Return the host of an address, or an app's package: lower case, without port and www; "" if there is none."""
    text = referrer.strip().lower()
    address = _ADDRESS.match(text)
    if address is None:
        bare = _BARE_HOST.match(text)
        host = bare[0] if bare else ""
    else:
        host = address[2] if address[1] in _SCHEMES else ""
    host = host.rstrip(".").removeprefix("www.")
    return host if len(host) <= _LONGEST_HOST else ""


@lru_cache(maxsize=64)
def _own_hosts(own_domains: frozenset[str]) -> frozenset[str]:
    hosts = (_host_of(domain.strip().lstrip(".")) or domain.strip().lower().partition(":")[0] for domain in own_domains)
    return frozenset(host for host in hosts if host)


@lru_cache(maxsize=16384)
def _came_from(host: str, own_domains: frozenset[str]) -> tuple[str, str]:
    """Return (source, medium) of a referring host, both empty if it is none or one of the company's."""
    if not host or any(host == own or host.endswith("." + own) for own in _own_hosts(own_domains)):
        return "", ""
    site = site_of_host(host)
    if site is None:
        return host, "referral"
    return site.name if site.kind == "search" else host, _MEDIUM_OF_KIND.get(site.kind, "referral")


def _marks_unpaid_links(source: str) -> bool:
    site = site_of_source(source)
    return site is not None and site.kind in _UNPAID_CLICK_IDS


def _medium_of_assistant(source: str) -> str:
    site = site_of_source(source)
    return _MEDIUM_OF_KIND["assistant"] if site is not None and site.kind == "assistant" else ""


def _is_push(source: str, medium: str) -> bool:
    return source == "firebase" or medium.endswith("push") or "mobile" in medium or "notification" in medium


@lru_cache(maxsize=16384)
def _channel_group(source: str, medium: str, campaign: str) -> str:
    """Return the name of the first rule that holds, all three in lower case."""
    site = site_of_source(source)
    traffic = _Traffic(
        source=source,
        medium=medium,
        kind=site.kind if site else None,
        is_paid="cp" in medium or medium in ("ppc", "retargeting") or medium.startswith("paid"),
        is_shop=_SHOP.search(campaign) is not None,
        is_cross_network="cross-network" in campaign,
    )
    return next((name for name, holds in _RULES if holds(traffic)), UNASSIGNED)
