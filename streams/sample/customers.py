"""Decides who the sample company's customers are: devices, names they go by, habits; what they do is decided elsewhere.

Everyone is drawn from (seed, number) alone, so the same people come back when the start or the length of a run changes.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from math import sqrt  # exact to the last digit everywhere, as powers are not
from random import Random

from streams.sample.company import APP_AGENTS, DESKTOP_AGENTS, NETWORKS, PHONE_AGENTS, TABLET_AGENTS
from streams.sample.draws import HOUR, SECOND, Weighted, draw, make_rng, name_token

Pair = tuple[str, str]

# (currency, hours ahead of UTC in winter); summer time is left out.
HOMES = Weighted((("EUR", 1), 85), (("CHF", 1), 8), (("EUR", 2), 4), (("USD", -5), 3))
FIRST_NAMES = ("anna", "jonas", "lena", "paul", "mia", "felix", "emma", "luca", "nora", "elias", "clara", "tom")


@dataclass(slots=True)
class Browser:
    """A browser: its cookie changes now and then, unless two people share it. `skew_ms` is its clock's error."""

    user_agent: str
    owner: str
    skew_ms: int = 0
    shared: bool = False
    cookie: str = ""
    cookies: int = 0
    logged_in: bool = False

    def renew_cookie(self, seed: int) -> None:
        """Forget who this was: the next page view has another cookie and no login."""
        self.cookies += 1
        self.cookie = name_token(16, seed, "cookie", self.owner, self.cookies)
        self.logged_in = False


@dataclass(slots=True)
class App:
    """The company's app on a phone."""

    device_id: str
    user_agent: str
    skew_ms: int = 0
    installed: bool = True
    logged_in: bool = False
    push_allowed: bool = True


@dataclass(slots=True)
class Customer:
    """A person, with what the person is like and what has happened so far (the lower half changes)."""

    name: str
    currency: str = "EUR"
    zone_ms: int = 0
    interest: float = 1.0
    buying: float = 1.0
    mail_interest: float = 0.0
    user_id: str = ""
    email_sha256: str = ""
    phone_sha256: str = ""
    social_handle: str = ""
    prefetches: bool = False
    scanned: bool = False
    dead_address: bool = False
    near_store: bool = False
    browsers: list[Browser] = field(default_factory=list)
    app: App | None = None

    registered: bool = False
    subscribed: bool = False
    mail_suppressed: bool = False
    cart_left: bool = False
    events: int = 0
    scenes: int = 0
    threads: int = 0
    orders: int = 0
    busy_until: int = 0

    def known_as(self) -> list[Pair]:
        """What the company's own books call the person: an account, else an address, else nothing."""
        if self.registered:
            return [("user_id", self.user_id)]
        return [("email_sha256", self.email_sha256)] if self.subscribed or self.orders else []


def make_customer(seed: int, number: int) -> Customer:
    """Draw customer `number`. Interest is heavy-tailed (density ~ x^-3 above a half, cut at 8; mean about 1)."""
    name = f"{number:06d}"
    rng = make_rng(seed, "customer", number)
    currency, hours = HOMES.pick(rng)
    address = f"{rng.choice(FIRST_NAMES)}.{number}.{seed}@example.com"
    customer = Customer(
        name=name,
        currency=currency,
        zone_ms=hours * HOUR,
        interest=min(8.0, 0.5 / sqrt(1.0 - rng.random())),
        buying=draw(rng, (30, 60, 90, 130, 220)) / 100,
        mail_interest=draw(rng, (3, 12, 28, 45, 88)) / 100,
        user_id=f"u{seed}-{name}",
        email_sha256=sha256(address.encode()).hexdigest(),
        browsers=_make_browsers(seed, number, rng),
        registered=rng.random() < 0.4,
        subscribed=rng.random() < 0.42,
        prefetches=rng.random() < 0.32,
        scanned=rng.random() < 0.006,
        dead_address=rng.random() < 0.02,
        near_store=rng.random() < 0.3,
    )
    if rng.random() < 0.3:
        customer.phone_sha256 = sha256(f"+4900{seed % 1000:03d}{number:07d}".encode()).hexdigest()
    if rng.random() < 0.35:
        customer.social_handle = f"{NETWORKS.pick(rng)}:{address.split('@')[0].replace('.', '_')}"
    if rng.random() < 0.36:
        installed = rng.random() < 0.8
        customer.app = App(
            device_id=name_token(32, seed, "device", number),
            user_agent=rng.choice(APP_AGENTS),
            skew_ms=_draw_skew(rng),
            installed=installed,
            push_allowed=installed and rng.random() < 0.75,
        )
    return customer


def _make_browsers(seed: int, number: int, rng: Random) -> list[Browser]:
    """Draw one to three browsers; in one household of thirty the last one is the neighbour number's tablet."""
    agents = [rng.choice(PHONE_AGENTS if rng.random() < 0.65 else DESKTOP_AGENTS)]
    if rng.random() < 0.4:
        agents.append(rng.choice(DESKTOP_AGENTS))
    if rng.random() < 0.12:
        agents.append(rng.choice(TABLET_AGENTS))
    browsers = [Browser(agent, f"{number}.{place}", _draw_skew(rng)) for place, agent in enumerate(agents)]
    household = make_rng(seed, "household", number // 2)
    if household.random() < 0.03:
        tablet = household.choice(TABLET_AGENTS)
        browsers[2:] = [Browser(tablet, f"household.{number // 2}", shared=True)]
    for browser in browsers:
        browser.renew_cookie(seed)
    return browsers


def _draw_skew(rng: Random) -> int:
    """Draw a clock's error: one in thirty is wrong, by two seconds to a minute, either way."""
    if rng.random() >= 1 / 30:
        return 0
    return draw(rng, (2 * SECOND, 5 * SECOND, 15 * SECOND, 60 * SECOND)) * (1 if rng.random() < 0.5 else -1)
