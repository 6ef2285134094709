"""Decides what the sample company is: a garden and home shop with its goods, campaigns, posts, visitors' agents.

Tables and their plain readings only; what customers do with them is decided by the other modules of this package.
Hosts of the company are under example.com, which belongs to nobody; search engines and networks have their real names,
because the marketing channel is told from them.
"""

from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from streams.sample.draws import HOUR, SECOND, Weighted, draw, name_token

SHOP = "https://shop.example.com"

# One weight per local hour, from midnight: when people are on a screen, and when a shop is open.
WORKDAY = Weighted(
    *enumerate((4, 2, 1, 1, 1, 3, 12, 22, 26, 28, 30, 32, 40, 36, 30, 30, 34, 44, 54, 66, 76, 70, 42, 16))
)
WEEKEND = Weighted(
    *enumerate((8, 4, 2, 1, 1, 2, 5, 12, 26, 42, 52, 54, 48, 44, 46, 48, 50, 52, 54, 62, 66, 58, 38, 18))
)
OPENING_HOURS = Weighted(
    *((hour, weight) for hour, weight in zip(range(9, 19), (2, 5, 6, 6, 4, 4, 5, 7, 7, 4), strict=True))
)
WEEKDAY_RHYTHM = (0.98, 1.0, 1.0, 1.03, 0.92, 0.9, 1.18)  # Monday first

CATEGORIES = ("garden", "kitchen", "living", "balcony", "tools", "lighting")
PRICES_CENTS = (990, 1490, 1990, 2490, 2990, 3490, 3990, 4990, 5990, 7990, 9990, 14990)
PRODUCTS = 240
SEARCHES = (
    "watering can",
    "raised bed",
    "lantern",
    "secateurs",
    "cast iron pan",
    "deck chair",
    "seed tray",
    "desk lamp",
)


class Product(NamedTuple):
    """One article: its number in the catalogue, its category, its price in hundredths of the currency unit."""

    sku: str
    category: str
    price_cents: int


def draw_product(rng: Random) -> Product:
    """Draw an article; the first ones of the catalogue sell best (the smaller of two numbers)."""
    number = min(rng.randrange(PRODUCTS), rng.randrange(PRODUCTS))
    price = PRICES_CENTS[number * 7 % len(PRICES_CENTS)]
    return Product(f"p-{number:04d}", CATEGORIES[number % len(CATEGORIES)], price)


class Campaign(NamedTuple):
    """A message to many: `pull` is how well it is opened and clicked, relative to the usual newsletter."""

    name: str
    source: str
    medium: str
    pull: float = 1.0

    def acquisition(self) -> dict[str, str]:
        """The utm fields, on what is sent as on the landing page, so that figures per campaign count both."""
        return {"source": self.source, "medium": self.medium, "campaign": self.name}


class Mailing(NamedTuple):
    """A campaign that goes out every week: weekday (Monday 0), hour of the day in UTC, and what it is called."""

    weekday: int
    hour: float
    title: str
    pull: float


MAILINGS = (
    Mailing(1, 8.0, "newsletter", 1.0),
    Mailing(4, 13.5, "weekend-offers", 1.15),
    Mailing(6, 9.25, "guide", 0.8),
)
PUSHES = (Mailing(2, 16.5, "app-midweek", 1.0), Mailing(5, 9.5, "app-weekend", 1.3))
WELCOME = Campaign("welcome", "crm", "email", 1.5)
CART_REMINDER = Campaign("cart-reminder", "crm", "email", 1.35)
MAIL_LINKS = ("/", "/c/garden", "/c/kitchen", "/c/balcony", "/sale", "/stories")

NETWORKS = Weighted(("instagram", 50), ("facebook", 35), ("tiktok", 15))
POST_SERIES = ("spring-ideas", "behind-the-scenes", "customer-stories", "how-to")


def name_week(at_ms: int) -> str:
    """Return the ISO week of an instant as campaigns are named after it: 2026-w10."""
    year, week, _ = datetime.fromtimestamp(at_ms // SECOND, UTC).isocalendar()
    return f"{year}-w{week:02d}"


def name_day(at_ms: int) -> str:
    """Return the UTC day of an instant: 20260302."""
    return datetime.fromtimestamp(at_ms // SECOND, UTC).strftime("%Y%m%d")


def find_post(at_ms: int, network: str, back: int) -> tuple[str, Campaign]:
    """Return the id and the campaign of the company's `back`-th last post on a network; one appears every 12 hours."""
    slot = at_ms // (12 * HOUR) - back
    campaign = Campaign(POST_SERIES[slot % len(POST_SERIES)], network, "social")
    return f"post-{network}-{name_day(slot * 12 * HOUR)}-{'am' if slot % 2 == 0 else 'pm'}", campaign


class Arrival(NamedTuple):
    """How a visit came about. `click_id` ties it to the click before; `pull` is how well such visits sell."""

    acquisition: dict[str, str] | None = None
    path: str = "/"
    pull: float = 1.0
    click_id: str | None = None


WAYS = Weighted(
    ("direct", 29), ("organic", 30), ("cpc", 14), ("referral", 7), ("social", 6), ("paid_social", 5), ("affiliate", 4),
    ("display", 5),
)  # fmt: skip
SEARCH_ENGINES = Weighted(
    ("https://www.google.com/", 82),
    ("https://www.bing.com/", 9),
    ("https://duckduckgo.com/", 6),
    ("https://www.ecosia.org/", 3),
)
SOCIAL_SITES = (
    "https://www.facebook.com/",
    "https://l.instagram.com/",
    "https://www.pinterest.com/",
    "https://www.reddit.com/",
)
BLOGS = (
    "https://balcony-diary.example.net/spring",
    "https://testers.example.org/pans",
    "https://city-garden.example.net/",
)
PULLS = {"direct": 1.1, "organic": 1.0, "cpc": 1.15, "referral": 0.9, "affiliate": 1.2}


def draw_arrival(rng: Random, at_ms: int) -> Arrival:
    """Draw how someone comes to the shop of their own accord, with the first page view's utm fields or referrer."""
    way = WAYS.pick(rng)
    path = "/" if way == "direct" else draw_path(rng)
    pull = PULLS.get(way, 0.45)
    if way == "direct":
        return Arrival(None, path, pull)
    if way == "organic":
        found = {"referrer": SEARCH_ENGINES.pick(rng)}
    elif way == "social":
        found = {"referrer": rng.choice(SOCIAL_SITES)}
    elif way == "referral":
        found = {"referrer": rng.choice(BLOGS)}
    elif way == "cpc":
        term = rng.choice(SEARCHES)
        click = "EAIaIQobChMI" + name_token(20, at_ms, rng.random())
        found = {
            "source": "google",
            "medium": "cpc",
            "campaign": rng.choice(("brand", "garden-search", "kitchen-search")),
        }
        found |= {"term": term, "click_id": click, "referrer": "https://www.google.com/"}
    elif way == "paid_social":
        found = {"source": rng.choice(("facebook", "instagram")), "medium": "paid_social", "campaign": "spring-launch"}
    elif way == "affiliate":
        found = {"source": rng.choice(("bonus-club", "price-radar")), "medium": "affiliate", "campaign": "partners"}
    else:
        found = {"source": "adnetwork", "medium": "display", "campaign": rng.choice(("spring-launch", "retargeting"))}
    return Arrival(found | {"url": SHOP + path}, path, pull)


def draw_path(rng: Random) -> str:
    """Draw a page of the shop: a category, an article, or something to read."""
    kind = rng.random()
    if kind < 0.45:
        return "/c/" + rng.choice(CATEGORIES)
    return "/p/" + draw_product(rng).sku if kind < 0.85 else "/stories"


def draw_value_cents(rng: Random, first: Product) -> int:
    """Draw what an order around `first` comes to: one to four articles, and the postage for small ones."""
    cents = first.price_cents + sum(draw_product(rng).price_cents for _ in range(draw(rng, (0, 0, 0, 1, 2, 4))))
    return cents if cents >= 4_900 else cents + 490


_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3"
DESKTOP_AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36 Edg/134.0.0.0",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:136.0) Gecko/20100101 Firefox/136.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
)
PHONE_AGENTS = (
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Mobile Safari/537.36",
    "Mozilla/5.0 (Android 14; Mobile; rv:136.0) Gecko/136.0 Firefox/136.0",
)
TABLET_AGENTS = (
    f"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 13; SM-X200) {_CHROME} Safari/537.36",
)
APP_AGENTS = (
    "ShopApp/5.2.1 (iOS 18.3; iPhone15,4)",
    "ShopApp/5.2.0 (Android 14; Pixel 8)",
    "ShopApp/5.1.4 (Android 13; SM-A546B)",
)
KIOSK_AGENT = f"Mozilla/5.0 (X11; Linux x86_64) {_CHROME} Safari/537.36"

# Whoever fetches a mail's pictures before a human does: by the provider's word, or told by the agent alone.
PREFETCH_AGENT = "Mozilla/5.0"
PROXY_AGENTS = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
)
CRAWLER_AGENTS: tuple[str | None, ...] = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "python-requests/2.32.3",
    "",  # an empty one, and none at all
    None,
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
)
