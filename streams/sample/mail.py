"""Decides what becomes of an e-mail: delivery, openings by machines and people, clicks, and the visit after a click."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Unpack

from streams.sample.company import (
    CART_REMINDER,
    DESKTOP_AGENTS,
    MAIL_LINKS,
    PREFETCH_AGENT,
    PROXY_AGENTS,
    SHOP,
    WELCOME,
    Campaign,
)
from streams.sample.customers import Pair
from streams.sample.draws import HOUR, MINUTE, SECOND, draw, name_token
from streams.sample.scene import Details, Scene
from streams.sample.visits import arrive_from, browse, choose_browser

TRANSPORT = (SECOND, 3 * SECOND, 8 * SECOND, 40 * SECOND)
DEFERRAL = (5 * MINUTE, 20 * MINUTE, HOUR, 2 * HOUR)
PREFETCH = (2_100, 15 * SECOND, 43 * SECOND, 3 * MINUTE, 12 * MINUTE)
READING = (3 * MINUTE, 20 * MINUTE, 90 * MINUTE, 5 * HOUR, 12 * HOUR, 60 * HOUR)


class Mail(NamedTuple):
    """One message to one person."""

    message_id: str
    campaign: Campaign
    identifiers: list[Pair]


def send_mail(scene: Scene, campaign: Campaign) -> None:
    """Send one mail, unless the person is no longer a subscriber or the address is known to be dead."""
    customer = scene.customer
    if not customer.subscribed or customer.mail_suppressed:
        return
    mail = Mail(scene.name_thing("mail"), campaign, [("email_sha256", customer.email_sha256)])
    _tell(scene, mail, "sent")
    if not _deliver(scene, mail):
        return
    delivered_at = scene.now
    if customer.scanned:
        _scan_links(scene, mail)
    if customer.prefetches and scene.chance(0.55):
        scene.now = delivered_at + draw(scene.rng, PREFETCH)
        by_word = scene.chance(0.85)
        agent = PREFETCH_AGENT if by_word else scene.rng.choice(PROXY_AGENTS)
        _tell(scene, mail, "opened", user_agent=agent, provider_machine=by_word or None)
    scene.now = delivered_at
    if scene.chance(min(0.95, customer.mail_interest * campaign.pull)):
        # Half a second after delivery is no human's pace, yet proves nothing: these are the suspect ones.
        delay = 500 if scene.chance(0.004) else draw(scene.rng, READING)
        scene.later(delay, partial(read_mail, mail=mail))


def read_mail(scene: Scene, mail: Mail) -> None:
    """A person opens the mail; some click and visit, few unsubscribe, fewer still complain or reply."""
    customer = scene.customer
    browser = choose_browser(scene)
    _tell(scene, mail, "opened", user_agent=browser.user_agent)
    scene.wait((3 * SECOND, 8 * SECOND, 20 * SECOND, 60 * SECOND))
    kind = scene.rng.random()
    if kind < 0.1 * mail.campaign.pull:
        link = scene.rng.choice(MAIL_LINKS)
        click_id = name_token(20, mail.message_id, link, scene.now)
        click: list[Pair] = [("click_id", click_id)]
        _tell(scene, mail, "clicked", more=click, user_agent=browser.user_agent, link=SHOP + link)
        scene.wait((SECOND, 2 * SECOND, 4 * SECOND))
        browse(scene, browser, arrive_from(mail.campaign.acquisition() | {"content": "mail"}, link, click_id))
    elif kind > 0.9915:
        customer.subscribed = False
        _tell(scene, mail, "unsubscribed")
    elif kind > 0.9905:
        customer.subscribed = False
        _tell(scene, mail, "complained")
    elif kind > 0.989:
        _tell(scene, mail, "replied", sentiment=draw(scene.rng, (-600, 100, 800)))
    elif kind > 0.87:
        scene.later(draw(scene.rng, (HOUR, 8 * HOUR, 40 * HOUR)), partial(reread_mail, mail=mail))


def reread_mail(scene: Scene, mail: Mail) -> None:
    """The same mail once more: a second opening, which is not a second opener."""
    _tell(scene, mail, "opened", user_agent=choose_browser(scene).user_agent)
    scene.wait((3 * SECOND, 30 * SECOND))


def remind_of_cart(scene: Scene) -> None:
    """Remind of what was left in the cart, unless it has been bought or reminded of since."""
    if scene.customer.cart_left:
        scene.customer.cart_left = False
        send_mail(scene, CART_REMINDER)


def welcome(scene: Scene) -> None:
    """Greet a new subscriber."""
    send_mail(scene, WELCOME)


def _deliver(scene: Scene, mail: Mail) -> bool:
    """Tell delivery or bounce; a dead address is found out once and never written to again."""
    scene.wait(TRANSPORT)
    if scene.customer.dead_address:
        scene.customer.mail_suppressed = True
        _tell(scene, mail, "bounced", properties={"kind": "hard"})
        return False
    if scene.chance(0.02):
        _tell(scene, mail, "deferred")
        scene.wait(DEFERRAL)
        if scene.chance(0.5):
            _tell(scene, mail, "bounced", properties={"kind": "soft"})
            return False
    _tell(scene, mail, "delivered")
    return True


def _scan_links(scene: Scene, mail: Mail) -> None:
    """A mail gateway follows every link within a second; half of the time the provider notices."""
    noticed = scene.chance(0.5) or None
    scene.wait((3 * SECOND, 10 * SECOND, 40 * SECOND))
    for link in MAIL_LINKS:
        click: list[Pair] = [("click_id", name_token(20, mail.message_id, link, scene.now))]
        agent = DESKTOP_AGENTS[0]
        _tell(scene, mail, "clicked", more=click, user_agent=agent, provider_machine=noticed, link=SHOP + link)
        scene.wait((20, 90, 160))


def _tell(scene: Scene, mail: Mail, action: str, *, more: Sequence[Pair] = (), **fields: Unpack[Details]) -> None:
    fields["acquisition"] = mail.campaign.acquisition()
    fields["message_id"] = mail.message_id
    scene.tell("email", action, [*mail.identifiers, *more], **fields)
