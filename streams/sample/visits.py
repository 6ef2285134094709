"""Decides what visits to the shop's site look like, those of crawlers included; buying itself is in `shopping`."""

from functools import partial

from streams.sample.company import CRAWLER_AGENTS, PULLS, SEARCHES, SHOP, Arrival, draw_arrival, draw_path
from streams.sample.customers import Browser
from streams.sample.draws import MINUTE, SECOND, draw, name_token
from streams.sample.scene import Place, Scene
from streams.sample.service import chat
from streams.sample.shopping import DWELL, GLIMPSE, Depth, draw_depth, enter_account, shop, subscribe, view_page


def visit(scene: Scene) -> None:
    """A visit of the customer's own accord, mostly with the first of the browsers."""
    browse(scene, choose_browser(scene), draw_arrival(scene.rng, scene.now))


def choose_browser(scene: Scene) -> Browser:
    """Draw the browser that is at hand, mostly the first one."""
    browsers = scene.customer.browsers
    return browsers[0] if scene.chance(0.6) else scene.rng.choice(browsers)


def browse(scene: Scene, browser: Browser, arrival: Arrival) -> None:
    """Walk through the site: the first page view alone bears the acquisition and the click that led here."""
    place = _open_site(scene, browser)
    depth = draw_depth(scene, arrival.pull, glances=0.5)
    view_page(place, arrival.path, arrival, dwell=GLIMPSE if depth is Depth.GLANCE else DWELL)
    if depth is Depth.GLANCE:
        return
    known_here = len(place.identifiers) > 1
    if not known_here and scene.chance(0.22 if scene.customer.registered else 0.015):
        enter_account(place)
    if scene.chance(0.2):
        place.tell("searched", properties={"query": scene.rng.choice(SEARCHES)})
        view_page(place, "/search")
    if scene.chance(0.25):
        view_page(place, draw_path(scene.rng))
    bought = shop(place, depth)
    _wander(place)
    if not bought and scene.chance(0.035):
        chat(scene, place.identifiers)
    _leave(place, browser)


def crawl(scene: Scene, agent: int) -> None:
    """A machine fetches pages at a steady pace; one in three keeps no cookie, so that every page has a new one."""
    forgetful = scene.chance(0.3)
    cookie = name_token(16, scene.run.seed, scene.customer.name, scene.now)
    for _ in range(draw(scene.rng, (2, 5, 8, 12, 30))):
        if forgetful:
            cookie = name_token(16, cookie)
        user_agent = CRAWLER_AGENTS[agent % len(CRAWLER_AGENTS)]
        scene.tell(
            "web",
            "page_viewed",
            [("cookie_id", cookie)],
            user_agent=user_agent,
            properties={"path": draw_path(scene.rng)},
        )
        scene.wait((SECOND, 2 * SECOND, 6 * SECOND, 20 * SECOND))


def make_crawl(number: int) -> partial[None]:
    """Return the play of crawler `number`."""
    return partial(crawl, agent=number)


def _open_site(scene: Scene, browser: Browser) -> Place:
    """Name the visitor as the site can: the cookie, and the account where the browser is still logged in."""
    if not browser.shared and scene.chance(0.05):
        browser.renew_cookie(scene.run.seed)
    identifiers = [("cookie_id", browser.cookie)]
    if browser.logged_in:
        identifiers.append(("user_id", scene.customer.user_id))
    return Place(scene, "web", identifiers, browser.user_agent, browser.skew_ms)


def _wander(place: Place) -> None:
    """The small things people do on a site besides shopping."""
    scene, customer = place.scene, place.scene.customer
    if scene.chance(0.05):
        place.tell("banner_shown", message_id="banner-spring", properties={"path": "/"})
    if scene.chance(0.06):
        place.tell("video_played", engaged_ms=draw(scene.rng, (5 * SECOND, 30 * SECOND, 3 * MINUTE)))
        scene.wait((30 * SECOND, 3 * MINUTE))
    if scene.chance(0.02):
        place.tell("downloaded", properties={"file": "planting-calendar.pdf"})
    if scene.chance(0.008):
        sentiment = draw(scene.rng, (-700, 200, 500, 900))
        place.tell("feedback_given", sentiment=sentiment)
    if not customer.subscribed and scene.chance(0.03):
        scene.wait((5 * SECOND, 20 * SECOND))
        subscribe(place, "form_submitted")


def _leave(place: Place, browser: Browser) -> None:
    """Some log out; on a browser of their own the others stay logged in, on a shared one nobody does."""
    logged_in = any(namespace == "user_id" for namespace, _ in place.identifiers)
    if logged_in and (browser.shared or place.scene.chance(0.06)):
        place.tell("logged_out")
        logged_in = False
    browser.logged_in = logged_in


def arrive_from(acquisition: dict[str, str], path: str, click_id: str) -> Arrival:
    """The arrival after a click in a message or a post: its utm fields, its click id."""
    pull = 1.5 if acquisition["medium"] == "email" else PULLS.get(acquisition["medium"], 0.5)
    return Arrival(acquisition | {"url": SHOP + path}, path, pull, click_id)
