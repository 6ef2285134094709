"""How much may be one customer: numbers of the definitions; those of user_id, e-mail and in all are Segment Unify's.

What isn't within the limits is never joined; which links are refused then is decided by their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from streams.domain.identifiers import rank

#: Most identifiers of one customer, by namespace; one that isn't named has no limit of its own.
MOST: Mapping[str, int] = MappingProxyType(
    {
        "user_id": 1,
        "email_sha256": 5,
        "phone_sha256": 5,
        "social_handle": 5,
        "device_id": 10,
        "cookie_id": 100,
        "click_id": 500,
    }
)
#: Reason of a refusal: too many of all namespaces together.
IDENTIFIERS = "identifiers"


@dataclass(frozen=True, slots=True)
class Limits:
    """``namespaces`` and ``identifiers`` limit a customer: by namespace, and in all. An identifier that is linked to
    ``shared_after`` user_ids is shared. An island of ``island_links`` links takes no more."""

    namespaces: Mapping[str, int] = field(default_factory=lambda: MOST)
    identifiers: int = 1_000
    shared_after: int = 3
    island_links: int = 2_000

    def __post_init__(self) -> None:
        least = {"identifiers": 2, "shared_after": 1, "island_links": 1}
        found = {name: (getattr(self, name), low) for name, low in least.items()}
        found |= {f"namespaces[{name}]": (most, 1) for name, most in self.namespaces.items()}
        for name, (value, low) in found.items():
            if value < low:
                raise ValueError(f"{name}: found {value}, expected at least {low}")

    def refusal(self, counts: Mapping[str, int]) -> str:
        """Why identifiers of so many ``counts`` by namespace can't be one customer: the strongest namespace of which
        they are too many, or `IDENTIFIERS`; '' where they can."""
        total, over = 0, []
        for name, count in counts.items():
            total += count
            if count > self.namespaces.get(name, count):
                over.append((rank(name), name))
        return min(over)[1] if over else IDENTIFIERS if total > self.identifiers else ""

    @property
    def text(self) -> str:
        """All of them in one line, for people."""
        limits = ",".join(f"{name}={most}" for name, most in sorted(self.namespaces.items()))
        return (
            f"limits={limits} identifiers={self.identifiers} shared_after={self.shared_after}"
            f" island_links={self.island_links}"
        )


def added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Both together."""
    total = dict(counts)
    for namespace, count in more.items():
        total[namespace] = total.get(namespace, 0) + count
    return total
