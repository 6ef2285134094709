"""Decides what happens in chats, calls, letters, surveys and shops: the channel on which company and customer talk."""

from collections.abc import Sequence

from streams.sample.company import KIOSK_AGENT, draw_product
from streams.sample.customers import Pair
from streams.sample.draws import HOUR, MINUTE, SECOND, draw, name_token
from streams.sample.scene import Place, Scene
from streams.sample.shopping import buy, enter_account, view_page

TYPING = (4 * SECOND, 15 * SECOND, 40 * SECOND, 2 * MINUTE)
AGENT = (20 * SECOND, MINUTE, 2 * MINUTE, 6 * MINUTE)
OFFICE = (20 * MINUTE, 2 * HOUR, 6 * HOUR, 20 * HOUR, 50 * HOUR)
TOPICS = ("delivery", "return", "product", "invoice")
KIOSKS = ("berlin-1", "wien-1", "zuerich-1")


def chat(scene: Scene, identifiers: Sequence[Pair]) -> None:
    """A chat during a visit: a bot answers at once; two times in three a person takes over."""
    thread = scene.name_thing("chat")
    topic = {"topic": scene.rng.choice(TOPICS)}
    scene.tell("service", "chat_started", identifiers, thread_id=thread, properties=topic)
    scene.wait(TYPING)
    scene.tell("service", "chat_message", identifiers, thread_id=thread, sentiment=_mood(scene))
    scene.wait((SECOND, 3 * SECOND))
    scene.tell("service", "chat_answered", identifiers, thread_id=thread, provider_machine=True)
    human = scene.chance(0.66)
    for _ in range(draw(scene.rng, (1, 2, 3, 6)) if human else 1):
        scene.wait(TYPING)
        scene.tell("service", "chat_message", identifiers, thread_id=thread, sentiment=_mood(scene))
        if human:
            scene.wait(AGENT)
            scene.tell("service", "chat_answered", identifiers, thread_id=thread)
    if human and scene.customer.known_as() and scene.chance(0.5):
        scene.later(draw(scene.rng, (5 * MINUTE, HOUR)), "rate_service", presence=False)


def call(scene: Scene) -> None:
    """A call: most are answered after some minutes in the queue, the others are called back."""
    customer = scene.customer
    identifiers = [("phone_sha256", customer.phone_sha256)]
    if customer.registered and scene.chance(0.6):
        identifiers += customer.known_as()
    thread = scene.name_thing("call")
    scene.tell("service", "called", identifiers, thread_id=thread, properties={"topic": scene.rng.choice(TOPICS)})
    if scene.chance(0.85):
        scene.wait((5 * SECOND, 30 * SECOND, 3 * MINUTE, 10 * MINUTE))
        scene.tell("service", "call_answered", identifiers, thread_id=thread, sentiment=_mood(scene))
    else:
        scene.wait((10 * MINUTE, 30 * MINUTE))
        scene.tell("service", "call_placed", identifiers, thread_id=thread)
    scene.wait((MINUTE, 3 * MINUTE, 12 * MINUTE))
    if customer.known_as() and scene.chance(0.4):
        scene.later(HOUR, "rate_service", presence=False)


def write(scene: Scene) -> None:
    """A letter to the service address, answered by a person within days, if not forgotten."""
    _write_and_answer(scene, "message_received")


def complain(scene: Scene) -> None:
    """A complaint after a purchase."""
    _write_and_answer(scene, "complaint_made")


def return_goods(scene: Scene) -> None:
    """Goods of an earlier order come back."""
    properties = {"reason": scene.rng.choice(("size", "damaged", "not liked"))}
    scene.tell("service", "return_made", scene.customer.known_as(), properties=properties)


def visit_store(scene: Scene) -> None:
    """A visit to a shop with the loyalty card; some log in at the shop's tablet, which many people share."""
    customer = scene.customer
    where = scene.rng.choice(KIOSKS)
    store = Place(scene, "service", customer.known_as())
    store.tell("store_visited", properties={"store": where})
    scene.wait((3 * MINUTE, 10 * MINUTE, 25 * MINUTE))
    if scene.chance(0.12):
        cookie = name_token(16, scene.run.seed, "kiosk", where)
        kiosk = Place(scene, "web", [("cookie_id", cookie)], KIOSK_AGENT)
        view_page(kiosk, "/store")
        enter_account(kiosk)
        view_page(kiosk, "/account")
        kiosk.tell("logged_out")
    if scene.chance(0.4):
        buy(store, draw_product(scene.rng))


def rate_service(scene: Scene) -> None:
    """The survey after a chat or a call: satisfaction from 1 to 5."""
    _send_survey(scene, "csat", 0.3)


def rate_company(scene: Scene) -> None:
    """The survey after a purchase: would you recommend us, from 0 to 10."""
    _send_survey(scene, "nps", 0.22)


def _send_survey(scene: Scene, metric: str, answers: float) -> None:
    identifiers = scene.customer.known_as()
    if not identifiers:
        return
    survey = scene.name_thing("survey")
    scene.tell("service", "survey_sent", identifiers, message_id=survey, properties={"metric": metric})
    if not scene.chance(answers):
        return
    table = (0, 6, 8, 9, 10, 11) if metric == "nps" else (1, 3, 4, 5, 6)
    score = min(draw(scene.rng, table), 10 if metric == "nps" else 5)

    def answer(later: Scene) -> None:
        satisfaction: dict[str, str | int] = {"metric": metric, "score": score}
        later.tell("service", "survey_answered", identifiers, message_id=survey, satisfaction=satisfaction)
        later.wait((20 * SECOND, 90 * SECOND))

    scene.later(draw(scene.rng, (10 * MINUTE, 3 * HOUR, 30 * HOUR)), answer)


def _write_and_answer(scene: Scene, action: str) -> None:
    identifiers = scene.customer.known_as()
    if not identifiers:
        return
    thread = scene.name_thing("case")
    mood = draw(scene.rng, (-950, -600, -200)) if action == "complaint_made" else _mood(scene)
    scene.tell("service", action, identifiers, thread_id=thread, sentiment=mood)
    if scene.chance(0.92):

        def answer(later: Scene) -> None:
            later.tell("service", "message_sent", identifiers, thread_id=thread)

        scene.later(draw(scene.rng, OFFICE), answer, presence=False)


def _mood(scene: Scene) -> int | None:
    """Sentiment of what was said, where somebody judged it."""
    return draw(scene.rng, (-800, -150, 100, 400, 900)) if scene.chance(0.3) else None
