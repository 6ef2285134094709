"""Who may be one customer, whatever the rules: identifiers that any touchpoint or operator ever put together.

Wider than customers are: pairs that limits refuse, or that an operator retracted, count too. So what concerns somebody
outside an island can't change anything inside.
"""

from __future__ import annotations

from collections.abc import Iterable


class Islands:
    """Names and what joins them, in any order."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        """The two are on one island."""
        top, below = self._top(one), self._top(other)
        if top != below:
            self._above[below] = top

    def of(self, names: Iterable[str]) -> set[str]:
        """All names on the islands of ``names``, themselves included."""
        given = {*names}
        tops = {self._top(name) for name in given}
        return given | {name for name in [*self._above] if self._top(name) in tops} | tops

    def _top(self, name: str) -> str:
        path = []
        while (above := self._above.get(name)) is not None:
            path.append(name)
            name = above
        for passed in path:
            self._above[passed] = name
        return name
