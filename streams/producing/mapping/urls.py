"""The utm fields and the advertising platforms' click ids in an address."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

#: Where an address has several, the first of these counts: what was paid for, then what stands on every link that
#: leaves a network.
CLICK_IDS = (
    *("gclid", "wbraid", "gbraid", "dclid", "msclkid", "ttclid", "twclid", "li_fat_id", "yclid", "epik"),
    *("sccid", "igshid", "fbclid"),
)
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_FIELD = re.compile(rf"[?&#]({'|'.join((*_UTM, *CLICK_IDS))})=([^&#]+)", re.IGNORECASE | re.ASCII)


class Campaign(NamedTuple):
    """What an address says about how somebody came; None where it says nothing."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    term: str | None = None
    click_id: str | None = None


_NOTHING = Campaign()


@lru_cache(maxsize=65_536)
def campaign_of(url: str) -> Campaign:
    """The campaign in ``url``'s query, or behind its #; names in any case, the first of each that is filled counts."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(url):
        text = unquote_plus(value).strip()
        if text:
            found.setdefault(name.lower(), text)
    if not found:
        return _NOTHING
    click_id = next((found[name] for name in CLICK_IDS if name in found), None)
    source, medium, campaign, content, term = map(found.get, _UTM)
    return Campaign(source, medium, campaign, content, term, click_id)
