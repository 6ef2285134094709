"""The utm fields and the advertising platforms' click ids in an address."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

#: Which platform's first, where an address has several: what was paid for wins over what marks every link.
CLICK_IDS = ("gclid", "wbraid", "gbraid", "dclid", "msclkid", "ttclid", "twclid", "li_fat_id", "yclid", "epik")
#: On every link that leaves the network, paid or not.
_MARKS = ("ScCid", "igshid", "fbclid")
_MOST_FIELDS = 100


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
    """The campaign in ``url``'s query, or behind its #; names in any case, the first of each counts."""
    lower = url.lower()
    if "utm_" not in lower and "clid" not in lower and not any(f"{name.lower()}=" in lower for name in _ALL):
        return _NOTHING
    found: dict[str, str] = {}
    for part in url.replace("#", "?").split("?")[1:]:
        try:
            pairs = parse_qsl(part, max_num_fields=_MOST_FIELDS)
        except ValueError:
            continue
        for name, value in pairs:
            found.setdefault(name.lower(), value.strip())
    click_id = next((found[name.lower()] for name in _ALL if found.get(name.lower())), None)
    return Campaign(
        found.get("utm_source") or None,
        found.get("utm_medium") or None,
        found.get("utm_campaign") or None,
        found.get("utm_content") or None,
        found.get("utm_term") or None,
        click_id,
    )


_ALL = (*CLICK_IDS, *_MARKS)
