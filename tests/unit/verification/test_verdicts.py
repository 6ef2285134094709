"""Which actors the rule over a whole message would raise."""

from streams.domain.verdicts import BURST_LINKS, Deed
from streams.verification.verdicts import judged


def deed(at: int, actor: str, link: str = "") -> Deed:
    return Deed(at, f"e{at}", "", "", actor, link.encode())


def test_an_opening_right_behind_its_delivery_is_suspect_and_stays_so() -> None:
    for actor in ("human", "suspect"):
        deeds = [("delivered", deed(0, "human")), ("opened", deed(1_999, actor)), ("opened", deed(2_001, "human"))]
        assert [*judged("email", deeds).values()] == ["human", "suspect", "human"]


def test_clicks_on_many_links_at_once_are_a_machine_s_even_if_some_are_known_to_be() -> None:
    actors = ["machine", *["human"] * (BURST_LINKS - 1)]
    deeds = [("clicked", deed(at, actor, f"/{at}")) for at, actor in enumerate(actors)]
    assert {*judged("email", deeds).values()} == {"machine"}
    assert [*judged("email", deeds[1:]).values()] == actors[1:]
