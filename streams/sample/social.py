"""Decides what happens on the social networks: posts seen, answered, clicked, and messages to the company."""

from collections.abc import Sequence
from typing import Unpack

from streams.sample.company import SHOP, Campaign, find_post
from streams.sample.customers import Pair
from streams.sample.draws import HOUR, MINUTE, SECOND, draw, name_token
from streams.sample.scene import Details, Scene
from streams.sample.visits import arrive_from, browse, choose_browser

SCROLLING = (3 * SECOND, 10 * SECOND, 30 * SECOND, 2 * MINUTE)
REACTIONS = (
    ("reacted", 0.035),
    ("commented", 0.009),
    ("shared", 0.006),
    ("poll_voted", 0.004),
    ("followed", 0.003),
    ("unfollowed", 0.001),
    ("link_clicked", 0.012),
)


def scroll(scene: Scene) -> None:
    """Look through a network: some of the company's latest posts are seen, few are answered, at most one clicked."""
    handle = scene.customer.social_handle
    network = handle.partition(":")[0]
    for back in range(draw(scene.rng, (1, 2, 3, 5))):
        post_id, campaign = find_post(scene.now, network, back)
        _tell(scene, "impression_shown", post_id, campaign)
        scene.wait(SCROLLING)
        for action, share in REACTIONS:
            if not scene.chance(share):
                continue
            if action == "link_clicked":
                _click(scene, post_id, campaign)
                return
            _react(scene, action, post_id, campaign)
    if scene.chance(0.012):
        _tell(scene, "mentioned", None, None, sentiment=draw(scene.rng, (-800, 100, 500, 950)))


def send_message(scene: Scene) -> None:
    """A direct message to the company: an automatic receipt sometimes, a person's answer mostly."""
    thread = scene.name_thing("dm")
    _tell(scene, "message_received", None, None, thread_id=thread)
    scene.wait((5 * SECOND, 10 * SECOND))
    if scene.chance(0.4):
        _tell(scene, "message_sent", None, None, thread_id=thread, provider_machine=True)

    def answer(later: Scene) -> None:
        _tell(later, "message_sent", None, None, thread_id=thread)

    if scene.chance(0.88):
        scene.later(draw(scene.rng, (5 * MINUTE, 40 * MINUTE, 3 * HOUR, 20 * HOUR)), answer, presence=False)


def review(scene: Scene) -> None:
    """A public review some days after a purchase, by those who have a name on a network."""
    if scene.customer.social_handle:
        _tell(scene, "review_posted", None, None, sentiment=draw(scene.rng, (-900, 300, 700, 1000)))
        scene.wait((SECOND, MINUTE))


def _react(scene: Scene, action: str, post_id: str, campaign: Campaign) -> None:
    # The vocabulary doesn't know votes, so this one says who speaks.
    direction = "inbound" if action == "poll_voted" else None
    sentiment = draw(scene.rng, (-700, 0, 400, 900)) if action == "commented" else None
    thread = scene.name_thing("comment") if action == "commented" else None
    _tell(scene, action, post_id, campaign, direction=direction, sentiment=sentiment, thread_id=thread)
    scene.wait(SCROLLING)

    def answer(later: Scene) -> None:
        _tell(later, "comment_answered", post_id, campaign, thread_id=thread)

    if thread and scene.chance(0.45):
        scene.later(draw(scene.rng, (5 * MINUTE, 2 * HOUR, 20 * HOUR)), answer, presence=False)


def _click(scene: Scene, post_id: str, campaign: Campaign) -> None:
    path = "/stories"
    click_id = name_token(20, scene.run.tag, post_id, scene.customer.name, scene.now)
    _tell(scene, "link_clicked", post_id, campaign, more=[("click_id", click_id)], link=SHOP + path)
    scene.wait((SECOND, 4 * SECOND))
    browse(scene, choose_browser(scene), arrive_from(campaign.acquisition(), path, click_id))


def _tell(
    scene: Scene,
    action: str,
    post_id: str | None,
    campaign: Campaign | None,
    *,
    more: Sequence[Pair] = (),
    **fields: Unpack[Details],
) -> None:
    fields["message_id"] = post_id
    fields["acquisition"] = campaign.acquisition() if campaign else None
    scene.tell("social", action, [("social_handle", scene.customer.social_handle), *more], **fields)
