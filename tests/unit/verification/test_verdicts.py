"""Which actors the rule over a whole message would make otherwise."""

from typing import cast

from sinks.verify import Tables
from streams.domain.verdicts import BURST_LINKS, Deed
from streams.verification.differences import Comparison
from streams.verification.verdicts import compare_verdicts, judged


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


def test_a_suspect_without_a_delivery_right_before_it_has_risen_too_far() -> None:
    late = [("delivered", deed(0, "human")), ("opened", deed(2_001, "suspect"))]
    assert [*judged("email", late).values()] == ["human", "human"]
    assert [*judged("email", [("opened", deed(1, "suspect"))]).values()] == ["human"]
    assert [*judged("mobile", [("push_opened", deed(1, "suspect"))]).values()] == ["human"]


def test_a_suspect_that_opened_nothing_is_a_human_and_still_a_machine_in_a_burst() -> None:
    assert [*judged("email", [("delivered", deed(0, "suspect")), ("replied", deed(1, "suspect"))]).values()] == [
        "human",
        "human",
    ]
    clicks = [("clicked", deed(at, "suspect", f"/{at}")) for at in range(BURST_LINKS)]
    assert {*judged("email", clicks).values()} == {"machine"}
    assert {*judged("email", clicks[1:]).values()} == {"human"}


def test_a_machine_stays_one_whatever_its_message_shows() -> None:
    assert [*judged("email", [("opened", deed(1, "machine")), ("replied", deed(2, "machine"))]).values()] == [
        "machine",
        "machine",
    ]


class Told:
    """Two touchpoints of no message, a delivery and an opening, both suspect."""

    def deeds(self, *_: object) -> list[tuple[object, ...]]:
        return [
            ("email", "user_id:a", "", "delivered", "", 0, "d", "", "", "suspect"),
            ("email", "user_id:a", "", "opened", "", 1, "o", "", "", "suspect"),
        ]


def test_what_names_no_message_shows_nothing_of_others() -> None:
    comparison = Comparison("verdicts", 10)
    compare_verdicts(cast(Tables, Told()), None, comparison)
    assert [difference.text for difference in comparison.kept] == [
        f"different email {event} at 1970-01-01 00:00:00.00{at} UTC by user_id:a;"
        " actor: expected 'human', found 'suspect'"
        for at, event in enumerate("do")
    ]
    assert comparison.kept[0].trace[0] == "touchpoints of message (none): 1"
