"""The names of one scenario, all of them few, and how often what happens: so that all of it collides.

Users at one tablet, a kiosk, chains of cookies and click ids, one cookie that is pulled from customer to customer,
orders that two customers share until they are one, touchpoints at one moment, ids used by several channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from random import Random

from streams.domain.identifiers import Identifier, strength
from tests.convergence.events import Corrected, Fields, Touched
from tests.unit.builders import HOUR, MIDNIGHT, MINUTE, acquisition, touchpoint_record

#: When operators speak, minutes from midnight; so few that many are equal.
SPOKEN = (-120, 0, 60)


class Universe:
    """Draws from ``random`` what is sent."""

    def __init__(self, random: Random) -> None:
        self._random = random
        #: Whether one cookie is pulled from customer to customer, and most touchpoints come by it.
        self.tug = random.random() < 0.5
        self.users = _names("user_id", random.randint(1 + self.tug, 4))
        self.emails = _names("email_sha256", random.randint(1, 3))
        self.devices = _names("device_id", random.randint(1, 2))
        self.cookies = _names("cookie_id", random.randint(1 + self.tug, 5))
        self.clicks = _names("click_id", random.randint(1, 3))
        self.backfill = random.random() < 0.85
        self.mailings = random.choice((0, 1, 1, 2))
        self.corrections: Sequence[int] = (8, 16, 24) if self.tug else random.choice(((0,), (0, 1, 2), (3, 6, 9)))
        self._rerouted = random.choice((0.0, 0.0, 0.15))
        self._broken = random.choice((0.0, 0.0, 0.0, 0.06))
        self._channels = random.choice((("web",), ("web", "email"), ("web", "email", "mobile")))
        self._equal_ids = 0.3 if self.tug else 0.7
        self._ids = random.choice((3, 6, 12))
        self._orders = random.choice((("o1",), ("o1", "o2", "")))
        self._conversions = random.choice((0.0, 0.15, 0.4))
        self._gap_ms = random.choice((3 * HOUR, 4 * HOUR, 9 * HOUR))
        self._steps = random.choice((2, 8, 18))
        ways: list[Callable[[], list[Identifier]]] = [
            self._login, self._login, self._landing, self._newsletter, self._registration, self._anonymous, self._kiosk,
            self._chain, self._anything,
        ]  # fmt: skip
        # Not all in each universe: where few ways come often, more of each is seen.
        self._ways = random.sample(ways, random.randint(2, len(ways)))

    def all_identifiers(self) -> Iterator[Identifier]:
        for names in (self.users, self.emails, self.devices, self.cookies, self.clicks):
            yield from names

    def shift(self) -> int:
        return 1 if self._random.random() < self._rerouted else 0

    def touchpoint(self, number: int) -> Touched:
        random = self._random
        broken = random.random()
        if broken < self._broken / 3:
            return Touched(None)
        channel = random.choice(self._channels)
        fields = touchpoint_record(
            event_id=f"e{random.randrange(self._ids)}" if random.random() < self._equal_ids else f"f{number}",
            channel=channel,
            occurred_at=self._time(),
            identifiers=[identifier._asdict() for identifier in self._way()()],
            acquisition=self._acquisition(),
            engaged_ms=random.choice((None, None, 6_000)),
            backfill=self.backfill,
            **self._deed(channel),
        )
        return Touched(fields, self.shift(), broken < self._broken)

    def mailing(self, number: int) -> Iterator[Touched]:
        """A message that is delivered, opened and clicked within seconds, by somebody or by a machine."""
        random = self._random
        reader = random.choice(self.emails)
        at = MIDNIGHT + random.choice((-1_500, 0, 20 * MINUTE, 3 * HOUR))
        message = random.choice(("m1", f"m{number}"))
        deeds: list[tuple[str, int, str | None]] = [
            ("delivered", 0, None), ("opened", random.choice((0, 2_000, 2_001)), None), ("opened", 10 * MINUTE, None),
        ]  # fmt: skip
        pause_ms = random.choice((0, 250, 250, 251))
        deeds += [("clicked", 5_000 + pause_ms * step, link) for step, link in enumerate("abcde")]
        deeds += [("clicked", random.choice((5_000, 6_000, 20 * MINUTE)), random.choice("abcf"))]
        for place, (action, after_ms, link) in enumerate(deeds):
            if random.random() < 0.1:
                continue
            others = [self._one(self.clicks)] if random.random() < 0.2 else []
            fields = touchpoint_record(
                event_id=f"{message}-{number}-{place}",
                channel="email",
                action=action,
                occurred_at=at + after_ms,
                identifiers=[identifier._asdict() for identifier in (reader, *others)],
                acquisition=self._acquisition(),
                message_id=message,
                link=link,
                provider_machine=random.random() < 0.05,
                backfill=self.backfill,
            )
            yield Touched(fields, self.shift())

    def _time(self) -> int:
        """Around midnight, in steps of ten minutes: gaps of exactly 30 minutes, and of a millisecond more."""
        random = self._random
        block = random.choice((0, 0, 1, 2)) * self._gap_ms
        return MIDNIGHT - HOUR + block + random.randrange(self._steps) * 10 * MINUTE + random.choice((0, 0, 1))

    def _acquisition(self) -> Fields | None:
        source = self._random.choice((None, None, ("newsletter", "email", "spring"), ("google", "cpc", "brand")))
        return None if source is None else acquisition(source=source[0], medium=source[1], campaign=source[2])

    def _deed(self, channel: str) -> Fields:
        random = self._random
        if random.random() < self._conversions:
            return self._conversion()
        message = random.choice(("m1", "m2", None))
        deeds: dict[str, list[Fields]] = {
            "web": [{"action": "page_viewed"}, {"action": "page_viewed"}, {"action": "banner_shown"}],
            "email": [{"action": action, "message_id": message} for action in ("opened", "clicked", "clicked", "sent")],
            "mobile": [{"action": "screen_viewed"}, {"action": "push_opened", "message_id": message}],
        }
        return {"provider_machine": random.random() < 0.08, **random.choice(deeds[channel])}

    def _conversion(self) -> Fields:
        random = self._random
        kind, action = random.choice((("purchase", "purchased"), ("purchase", "purchased"), ("sign_up", "signed_up")))
        value = 5_000_000 if kind == "purchase" else 0
        order = random.choice(self._orders) or None
        conversion = {"type": kind, "value_micros": value, "currency": "EUR" if value else "", "order_id": order}
        return {"action": action, "conversion": conversion}

    def correction(self, number: int) -> Corrected:
        random = self._random
        every = [*self.all_identifiers()]
        pair = random.sample(every[:4] if random.random() < 0.7 else every, 2)
        if random.random() < 0.03:
            pair = [pair[0], pair[0]]
        name = f"k{random.randrange(6)}" if random.random() < 0.5 else f"l{number}"
        kind = random.choice(("asserted", "retracted", "retracted", "lifted"))
        stronger, weaker = sorted(pair, key=strength)
        return _correction(name, kind, stronger, weaker, random.choice(SPOKEN))

    def pulls(self, count: int) -> Iterator[Corrected]:
        """An operator gives a cookie, or another that often goes with it, to one customer after the other, one word
        later than the other."""
        random, (first, other) = self._random, self.cookies[:2]
        words = self._words(first, other)
        if random.random() < 0.5:
            # Both leave together, and one of them comes back.
            user = random.choice(self.users)
            there = [("asserted", user, first), ("asserted", user, other)]
            words = chain(there, [("retracted", user, first), ("retracted", first, other)], words)
        for number, (kind, stronger, weaker) in enumerate(islice(words, count)):
            yield _correction(f"p{number}", kind, stronger, weaker, number)

    def _words(self, first: Identifier, other: Identifier) -> Iterator[tuple[str, Identifier, Identifier]]:
        random = self._random
        owners: dict[Identifier, Identifier] = {}
        while True:
            cookie = first if random.random() < 0.75 else other
            if random.random() < 0.2:
                yield random.choice(("asserted", "retracted")), first, other
            elif cookie in owners and random.random() < 0.85:
                yield random.choice(("retracted", "retracted", "lifted")), owners.pop(cookie), cookie
            else:
                owners[cookie] = random.choice([*self.users, *self.emails])
                yield "asserted", owners[cookie], cookie

    # Ways to be known

    def _way(self) -> Callable[[], list[Identifier]]:
        if self.tug and self._random.random() < 0.7:
            return lambda: self._random.choice(
                ([self.cookies[0]], [self.cookies[0]], [self.cookies[1]], self.cookies[:2])
            )
        return self._random.choice(self._ways)

    def _one(self, names: Sequence[Identifier]) -> Identifier:
        return self._random.choice(names)

    def _login(self) -> list[Identifier]:
        return [self._one(self.users), self._one(self.devices + self.cookies)]

    def _landing(self) -> list[Identifier]:
        return [self._one(self.cookies), self._one(self.clicks)]

    def _newsletter(self) -> list[Identifier]:
        return [self._one(self.emails), self._one(self.clicks)]

    def _registration(self) -> list[Identifier]:
        return [self._one(self.users), self._one(self.emails), self._one(self.cookies)]

    def _anonymous(self) -> list[Identifier]:
        return [self._one(self.cookies + self.devices)]

    def _kiosk(self) -> list[Identifier]:
        return [self._one(self.users), self.devices[0]]

    def _chain(self) -> list[Identifier]:
        """A cookie and the next one, as where a browser forgets: what is tied to one end is tied to the other."""
        at = self._random.randrange(len(self.cookies))
        return [*dict.fromkeys((self.cookies[at], self.cookies[(at + 1) % len(self.cookies)]))]

    def _anything(self) -> list[Identifier]:
        every = [*self.emails, *self.devices, *self.cookies, *self.clicks, self._one(self.users)]
        return self._random.sample(every, self._random.randint(1, 3))


def _names(namespace: str, count: int) -> list[Identifier]:
    return [Identifier(namespace, f"{namespace[0]}{number}") for number in range(1, count + 1)]


def _correction(name: str, kind: str, stronger: Identifier, weaker: Identifier, at: int) -> Corrected:
    """``at``: so many minutes after midnight."""
    fields = {"correction_id": name, "kind": kind, "corrected_at": MIDNIGHT + at * MINUTE, "reason": ""}
    return Corrected({**fields, "stronger": stronger._asdict(), "weaker": weaker._asdict()})
