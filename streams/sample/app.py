"""Decides what happens on the phone: the app's sessions, and push messages with what becomes of them."""

from functools import partial

from streams.sample.company import Campaign
from streams.sample.customers import App, Pair
from streams.sample.draws import HOUR, MINUTE, SECOND, draw
from streams.sample.scene import Place, Scene
from streams.sample.shopping import Depth, draw_depth, enter_account, shop, view_page

REACTION = (8 * SECOND, 2 * MINUTE, 20 * MINUTE, 2 * HOUR, 8 * HOUR)


def use_app(scene: Scene, acquisition: dict[str, str] | None = None) -> None:
    """A session in the app, from app_opened to app_closed with the foreground time; installs the app if need be."""
    app = scene.customer.app
    if app is None:
        return
    place = Place(scene, "mobile", _names(scene, app), app.user_agent, app.skew_ms)
    if not app.installed:
        app.installed = True
        app.push_allowed = scene.chance(0.7)
        place.tell("app_installed")
        scene.wait((10 * SECOND, MINUTE))
    began = scene.now
    place.tell("app_opened", acquisition=acquisition)
    scene.wait((500, 2 * SECOND))
    if not app.logged_in and scene.chance(0.4 if scene.customer.registered else 0.04):
        enter_account(place)
    depth = draw_depth(scene, 1.0 if acquisition else 0.7, glances=0.35)
    view_page(place, "home")
    if depth is not Depth.GLANCE:
        shop(place, depth)
    app.logged_in = any(namespace == "user_id" for namespace, _ in place.identifiers)
    place.tell("app_closed", engaged_ms=scene.now - began)
    if scene.chance(0.004):
        scene.wait((MINUTE, 5 * MINUTE))
        app.installed = False
        place.tell("app_removed")


def send_push(scene: Scene, campaign: Campaign) -> None:
    """Send one push message; it fails where the app is gone, and now and then elsewhere."""
    app = scene.customer.app
    if app is None or not app.push_allowed:
        return
    identifiers = _names(scene, app)
    message_id = scene.name_thing("push")
    tell = partial(
        scene.tell, "mobile", identifiers=identifiers, message_id=message_id, acquisition=campaign.acquisition()
    )
    tell(action="push_sent")
    scene.wait((300, SECOND, 3 * SECOND))
    if not app.installed or scene.chance(0.015):
        # The platform tells that the device is gone; the company then stops writing to it.
        app.push_allowed = app.installed
        tell(action="push_failed")
        return
    tell(action="push_delivered")
    kind = scene.rng.random()
    if kind < 0.05 * campaign.pull:
        scene.later(draw(scene.rng, REACTION), partial(_open_push, campaign=campaign, message_id=message_id))
    elif kind < 0.35:
        scene.later(draw(scene.rng, REACTION), partial(_dismiss_push, campaign=campaign, message_id=message_id))


def _open_push(scene: Scene, campaign: Campaign, message_id: str) -> None:
    _answer_push(scene, "push_opened", campaign, message_id)
    scene.wait((300, 1_500))
    use_app(scene, campaign.acquisition())


def _dismiss_push(scene: Scene, campaign: Campaign, message_id: str) -> None:
    _answer_push(scene, "push_dismissed", campaign, message_id)


def _answer_push(scene: Scene, action: str, campaign: Campaign, message_id: str) -> None:
    app = scene.customer.app
    if app is None or not app.installed:
        return
    acquisition = campaign.acquisition()
    scene.tell("mobile", action, _names(scene, app), message_id=message_id, acquisition=acquisition)


def _names(scene: Scene, app: App) -> list[Pair]:
    names: list[Pair] = [("device_id", app.device_id)]
    return [*names, ("user_id", scene.customer.user_id)] if app.logged_in else names
