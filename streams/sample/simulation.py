"""Decides when what is played: plans each day of each customer, plays the scenes in the order of time, yields records.

Theory of operation. Two heaps: scenes to be played, by true time, and touchpoints under way, by time of delivery. A
scene tells touchpoints of its own time or later, so everything due before the next scene can be handed out. A day is
planned when it begins, so memory holds the customers, one day's plans and what is under way, never the whole history.

    plans       |--visit 9:02--|--mail sent 9:05 ... read 11:40--|--app 18:20--|   next day not planned yet
    deliveries     ^ ^  ^          ^  ^                ^ ^ ^          ^ ^ ^        ^ late ones wait for their day

Nobody is in two places: a scene that needs a person who is busy is put off until the person is free.
"""

from collections.abc import Iterator
from functools import partial
from heapq import heappop, heappush
from random import Random

import orjson

from streams.sample import app, mail, service, social, visits
from streams.sample.company import (
    CRAWLER_AGENTS,
    MAILINGS,
    OPENING_HOURS,
    PUSHES,
    WEEKDAY_RHYTHM,
    WEEKEND,
    WORKDAY,
    Campaign,
    name_week,
)
from streams.sample.customers import Customer, make_customer
from streams.sample.draws import DAY, HOUR, MINUTE, SECOND, Weighted, draw, draw_count, make_rng, name_token
from streams.sample.faults import deliver
from streams.sample.scene import Plan, Play, Record, Run, Scene

MONDAY_2026_03_02 = 1_772_409_600_000
CRAWLS = 0.003  # per customer and day: busier shops are crawled more
GRACE = 3 * HOUR  # what began on the last day may end, nothing goes on beyond

# Errands: what a scene can plan by name, because the module that plays it builds on the one that plans it.
ERRANDS: dict[str, Play] = {
    "cart_reminder": mail.remind_of_cart,
    "welcome": mail.welcome,
    "rate_company": service.rate_company,
    "rate_service": service.rate_service,
    "return_goods": service.return_goods,
    "complain": service.complain,
    "review": social.review,
}


def generate(
    customers: int, days: int, seed: int, *, start_ms: int = MONDAY_2026_03_02, backfill: bool = True
) -> Iterator[Record]:
    """Yield the touchpoints of a company with so many customers over so many days, in the order of their delivery.

    Records have the field names of schemas/touchpoint.v1.avsc, times in milliseconds UTC, absent optional fields left
    out; occurred_at lies between `start_ms` and a few hours after the last day, a skewed clock's minute aside. Equal
    arguments give equal records on any machine; runs that differ in any argument but the seed share people, not event
    ids. Measured: 1.6 to 1.8 records per customer and day, duplicates included; slice where a number is wanted.
    Raises ValueError where `customers` or `days` is below 1.
    """
    if customers < 1 or days < 1:
        raise ValueError("customers and days must be at least 1")
    return Simulation(customers, days, seed, start_ms, backfill).play()


def to_ndjson(record: Record) -> bytes:
    """Return the record as one line of JSON with its line feed, keys in the order of the record."""
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


class Simulation:
    """One run. `play` may be called once."""

    def __init__(self, customers: int, days: int, seed: int, start_ms: int, backfill: bool) -> None:
        self._run = Run(seed, name_token(5, customers, days, seed, start_ms, backfill), backfill)
        self._start_ms = start_ms
        self._days = days
        self._end_ms = start_ms + days * DAY
        self._customers = [make_customer(seed, number) for number in range(customers)]
        # Crawlers are customers without habits: they have a name and make events.
        self._crawlers = [Customer(name=f"bot{number:03d}") for number in range(len(CRAWLER_AGENTS))]
        self._plans: list[tuple[int, int, Customer, Play, bool]] = []
        self._under_way: list[tuple[int, int, Record]] = []
        self._count = 0

    def play(self) -> Iterator[Record]:
        """Yield all records, day by day."""
        for day in range(self._days):
            midnight = self._start_ms + day * DAY
            self._plan_day(midnight)
            while self._plans and self._plans[0][0] < midnight + DAY:
                at_ms, _, customer, play, presence = heappop(self._plans)
                yield from self._due(at_ms)
                self._play_scene(at_ms, customer, play, presence)
        # What is still under way after the last day arrives at once.
        yield from self._due(None)

    def _due(self, now: int | None) -> Iterator[Record]:
        under_way = self._under_way
        while under_way and (now is None or under_way[0][0] < now):
            yield heappop(under_way)[2]

    def _play_scene(self, at_ms: int, customer: Customer, play: Play, presence: bool) -> None:
        rng = make_rng(self._run.tag, customer.name, customer.scenes)
        customer.scenes += 1
        if presence and at_ms < customer.busy_until:
            free = customer.busy_until + draw(rng, (MINUTE, 10 * MINUTE, HOUR))
            self._push(Plan(free, play, presence), customer)
            return
        scene = Scene(self._run, customer, rng, at_ms)
        play(scene)
        if presence:
            customer.busy_until = scene.now + 5 * SECOND
        for plan in scene.plans:
            self._push(plan, customer)
        for told_at, record in scene.told:
            if told_at < self._end_ms + GRACE:
                for arrival, delivered in deliver(rng, told_at, record):
                    self._count += 1
                    heappush(self._under_way, (arrival, self._count, delivered))

    def _push(self, plan: Plan, customer: Customer) -> None:
        if plan.at_ms < self._end_ms:
            self._count += 1
            play = ERRANDS[plan.play] if isinstance(plan.play, str) else plan.play
            heappush(self._plans, (plan.at_ms, self._count, customer, play, plan.presence))

    def _plan_day(self, midnight: int) -> None:
        weekday = _weekday(midnight + DAY // 2)
        campaigns = _campaigns_of(midnight, weekday)
        for number, customer in enumerate(self._customers):
            rng = make_rng(self._run.tag, "day", midnight, customer.name)
            for plan in _plan_habits(customer, midnight, weekday, rng):
                self._push(plan, customer)
            for at_ms, medium, campaign in campaigns:
                # A mailing leaves at fifty messages a second.
                play: Play = partial(mail.send_mail if medium == "email" else app.send_push, campaign=campaign)
                self._push(Plan(at_ms + number * 20, play, presence=False), customer)
        for number, crawler in enumerate(self._crawlers):
            rng = make_rng(self._run.tag, "day", midnight, crawler.name)
            for _ in range(draw_count(rng, len(self._customers) * CRAWLS / len(self._crawlers))):
                self._push(Plan(midnight + rng.randrange(DAY), visits.make_crawl(number), presence=True), crawler)


def _weekday(at_ms: int) -> int:
    """Monday is 0; the first of January 1970 was a Thursday."""
    return (at_ms // DAY + 3) % 7


def _campaigns_of(midnight: int, weekday: int) -> list[tuple[int, str, Campaign]]:
    """The messages to many that leave on this day: (when, medium, campaign)."""
    campaigns = []
    for medium, source, mailings in (("email", "newsletter", MAILINGS), ("push", "app", PUSHES)):
        for mailing in mailings:
            if mailing.weekday == weekday:
                at_ms = midnight + (int(mailing.hour * HOUR) - midnight) % DAY
                name = f"{mailing.title}-{name_week(at_ms)}"
                campaigns.append((at_ms, medium, Campaign(name, source, medium, mailing.pull)))
    return campaigns


def _plan_habits(customer: Customer, midnight: int, weekday: int, rng: Random) -> Iterator[Plan]:
    """Yield what a customer does of their own accord on one day, by interest and weekday."""
    rhythm = customer.interest * WEEKDAY_RHYTHM[weekday]
    curve = WORKDAY if weekday < 5 else WEEKEND
    habits: list[tuple[Play, float, Weighted[int]]] = [(visits.visit, 0.13, curve)]
    if customer.app:
        habits.append((app.use_app, 0.2 if customer.app.installed else 0.01, curve))
    if customer.social_handle:
        habits += [(social.scroll, 0.16, curve), (social.send_message, 0.004, curve)]
    if customer.phone_sha256 and weekday < 6:
        habits.append((service.call, 0.016, OPENING_HOURS))
    if customer.registered:
        habits.append((service.write, 0.006, curve))
        if customer.near_store and weekday < 6:
            habits.append((service.visit_store, 0.025, OPENING_HOURS))
    for play, rate, hours in habits:
        for _ in range(draw_count(rng, rate * rhythm)):
            local = hours.pick(rng) * HOUR + rng.randrange(HOUR)
            # The one instant of this day at which the customer's own clock shows that time.
            yield Plan(midnight + (local - customer.zone_ms - midnight) % DAY, play, presence=True)
