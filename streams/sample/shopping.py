"""Decides how people look, fill carts, log in and buy, alike in the browser and in the app; not how they came there."""

from collections.abc import Sequence
from enum import IntEnum

from streams.sample.company import Arrival, Product, draw_product, draw_value_cents
from streams.sample.draws import DAY, HOUR, MINUTE, SECOND, draw
from streams.sample.scene import Place, Scene

GLIMPSE = (SECOND, 3 * SECOND, 7 * SECOND, 12 * SECOND, 60 * SECOND)
DWELL = (2 * SECOND, 8 * SECOND, 20 * SECOND, 45 * SECOND, 110 * SECOND, 400 * SECOND)


ON_SITE = Arrival()


class Depth(IntEnum):
    """How far a stay goes."""

    GLANCE = 0
    LOOK = 1
    CART = 2
    CHECKOUT = 3
    BUY = 4


def draw_depth(scene: Scene, pull: float, glances: float) -> Depth:
    """Draw how far a stay goes; about 3 in 100 buy at `pull` 1, `glances` is the share that leaves at once."""
    place = scene.rng.random() / (pull * scene.customer.buying)
    for depth, limit in ((Depth.BUY, 0.030), (Depth.CHECKOUT, 0.043), (Depth.CART, 0.085)):
        if place < limit:
            return depth
    return Depth.GLANCE if scene.chance(glances) else Depth.LOOK


def view_page(
    place: Place, path: str, arrival: Arrival = ON_SITE, *, product: Product | None = None, dwell: Sequence[int] = DWELL
) -> None:
    """Tell a page (in the app: a screen) and stay on it; the first one of a visit tells how the visit came about."""
    began = place.scene.now
    stay = draw(place.scene.rng, dwell)
    engaged = stay * 4 // 5 if place.scene.chance(0.85) else 0
    action = "page_viewed" if place.channel == "web" else "screen_viewed"
    click = [("click_id", arrival.click_id)] if arrival.click_id else []
    place.tell(action, more=click, acquisition=arrival.acquisition, engaged_ms=engaged, properties={"path": path})
    if product:
        place.scene.now = began + SECOND // 4
        place.tell("product_viewed", properties=_describe(product))
    place.scene.now = began + stay + SECOND


def shop(place: Place, depth: Depth) -> bool:
    """Look at articles and go as far as `depth`; returns whether something was bought."""
    scene = place.scene
    product = draw_product(scene.rng)
    for _ in range(draw(scene.rng, (1, 1, 2, 3, 6))):
        product = draw_product(scene.rng)
        view_page(place, f"/p/{product.sku}", product=product)
    if depth < Depth.CART:
        return False
    place.tell("cart_added", properties=_describe(product))
    view_page(place, "/cart")
    if depth >= Depth.CHECKOUT:
        place.tell("checkout_started", properties={"path": "/checkout"})
        view_page(place, "/checkout")
    if depth < Depth.BUY:
        scene.customer.cart_left = True
        scene.later(draw(scene.rng, (3 * HOUR, 5 * HOUR, 20 * HOUR)), "cart_reminder", presence=False)
        return False
    if not any(namespace == "user_id" for namespace, _ in place.identifiers) and scene.chance(0.65):
        enter_account(place)
    buy(place, product)
    return True


def buy(place: Place, product: Product) -> None:
    """Tell the purchase, with the address that the order confirmation goes to, and what follows from it in days."""
    scene, customer = place.scene, place.scene.customer
    customer.orders += 1
    customer.cart_left = False
    order_id = f"o-{scene.run.tag}-{customer.name}-{customer.orders:02d}"
    value_micros = draw_value_cents(scene.rng, product) * 10_000
    conversion: dict[str, str | int] = {
        "type": "purchase",
        "value_micros": value_micros,
        "currency": customer.currency,
        "order_id": order_id,
    }
    scene.wait((SECOND, 5 * SECOND, 30 * SECOND))
    more = [] if place.channel == "service" else [("email_sha256", customer.email_sha256)]
    place.tell("purchased", more=more, conversion=conversion, properties=_describe(product))
    if place.channel == "web" and scene.chance(0.015):
        # The thank-you page reloaded: a second touchpoint of the same order, which must not convert twice.
        scene.wait((5 * SECOND, 60 * SECOND))
        place.tell("purchased", more=more, conversion=dict(conversion), properties={"path": "/thanks"})
    scene.wait((2 * SECOND, 20 * SECOND))
    for errand, share, soonest, latest in (
        ("rate_company", 0.4, 2 * DAY, 4 * DAY),
        ("return_goods", 0.09, 3 * DAY, 14 * DAY),
        ("complain", 0.025, DAY, 8 * DAY),
        ("review", 0.12, 3 * DAY, 10 * DAY),
    ):
        if scene.chance(share):
            presence = errand != "rate_company"
            scene.later(draw(scene.rng, (soonest, (soonest + latest) // 2, latest)), errand, presence=presence)


def enter_account(place: Place) -> None:
    """Log in, or sign up where there is no account yet: the touchpoint that ties user_id, address and device."""
    scene, customer = place.scene, place.scene.customer
    scene.wait((4 * SECOND, 15 * SECOND, MINUTE))
    place.identifiers.append(("user_id", customer.user_id))
    address = [("email_sha256", customer.email_sha256)]
    if customer.registered:
        place.tell("logged_in", more=address)
        return
    customer.registered = True
    place.tell("signed_up", more=address, conversion={"type": "sign_up"})
    if scene.chance(0.6) and not customer.subscribed:
        scene.wait((SECOND, 5 * SECOND))
        subscribe(place, "consent_given")


def subscribe(place: Place, action: str) -> None:
    """Tell that the newsletter is wanted from now on; the welcome mail follows within minutes."""
    scene, customer = place.scene, place.scene.customer
    customer.subscribed = True
    conversion: dict[str, str | int] | None = {"type": "newsletter"} if action == "form_submitted" else None
    more = [("email_sha256", customer.email_sha256)]
    place.tell(action, more=more, conversion=conversion, properties={"purpose": "newsletter"})
    scene.later(2 * MINUTE, "welcome", presence=False)


def _describe(product: Product) -> dict[str, str]:
    return {"product_id": product.sku, "category": product.category}
