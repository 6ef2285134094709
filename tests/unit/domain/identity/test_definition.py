"""Who is one customer, by example: each rule of the definition on a few people and their things.

A line is a customer: first its canonical identifier, which names it, then the others. Numbers behind a link are days.
"""

from __future__ import annotations

import pytest

from streams.domain.identifiers import Identifier
from streams.domain.identity.limits import MOST, Limits
from streams.domain.identity.links import Link, links_of, pair_of
from tests.unit.domain.identity.people import (
    ANNA,
    BEN,
    CHROME,
    CLEO,
    CLICK,
    FIREFOX,
    KIOSK,
    MAIL,
    PHONE,
    POST,
    SAFARI,
    TABLET,
    Said,
    asserted,
    batch,
    drawn,
    lifted,
    reasons,
    retracted,
    seen,
)

ONE_MAIL = Limits(namespaces={**MOST, "email_sha256": 1})


def customers(*said: Said, limits: Limits = Limits()) -> list[str]:  # noqa: B008
    return drawn(batch(said, limits).customers)


def refused(*said: Said, limits: Limits = Limits()) -> dict[str, str]:  # noqa: B008
    return reasons(batch(said, limits).violations)


# Links


def test_a_touchpoint_links_its_via_with_each_other_identifier() -> None:
    links = [*links_of(ANNA, [ANNA, MAIL, CHROME], 7, "e1")]
    assert links == [Link(ANNA, MAIL, 7, "e1"), Link(ANNA, CHROME, 7, "e1")]


def test_the_stronger_of_a_pair_comes_first() -> None:
    assert pair_of(CHROME, ANNA) == pair_of(ANNA, CHROME) == (ANNA, CHROME)
    assert pair_of(SAFARI, CHROME) == (CHROME, SAFARI)
    with pytest.raises(ValueError, match="twice"):
        pair_of(ANNA, ANNA)


# Joining


def test_one_login_joins_what_was_used_before_it() -> None:
    assert customers(seen(ANNA, CHROME), seen(ANNA, PHONE), seen(BEN, SAFARI)) == ["anna chrome phone", "ben safari"]


def test_a_click_that_reappears_on_the_landing_page_joins_mail_and_browser() -> None:
    assert customers(seen(MAIL, CLICK, 1), seen(CHROME, CLICK, 1)) == ["mail chrome click"]


def test_two_known_people_are_never_one() -> None:
    said = seen(ANNA, TABLET, 1), seen(BEN, TABLET, 2)
    assert customers(*said) == ["anna tablet", "ben"]
    assert refused(*said) == {"ben tablet": "user_id"}


def test_a_device_belongs_to_who_was_linked_to_it_first_whatever_arrives_first() -> None:
    assert customers(seen(BEN, TABLET, 2), seen(ANNA, TABLET, 1)) == ["anna tablet", "ben"]
    assert customers(seen(BEN, TABLET, 1), seen(ANNA, TABLET, 2)) == ["anna", "ben tablet"]


def test_of_one_pair_the_earliest_evidence_counts() -> None:
    assert customers(seen(ANNA, TABLET, 3), seen(BEN, TABLET, 2), seen(ANNA, TABLET, 1)) == ["anna tablet", "ben"]


def test_at_equal_times_the_smaller_event_id_is_earlier() -> None:
    assert customers(seen(ANNA, TABLET, 1, "f"), seen(BEN, TABLET, 1, "e")) == ["anna", "ben tablet"]


def test_stronger_links_are_taken_before_earlier_ones() -> None:
    # The mail and the tablet were seen together first. But that the mail is Ben's, and the tablet Anna's, is stronger.
    said = seen(MAIL, TABLET, 1), seen(ANNA, TABLET, 2), seen(BEN, MAIL, 3)
    assert customers(*said) == ["anna tablet", "ben mail"]
    assert refused(*said) == {"mail tablet": "user_id"}


def test_a_link_within_a_customer_is_no_violation() -> None:
    assert refused(seen(ANNA, MAIL), seen(ANNA, CHROME), seen(MAIL, CHROME)) == {}


# Limits


def test_a_customer_has_no_more_of_a_namespace_than_its_limit() -> None:
    said = seen(ANNA, MAIL, 1), seen(ANNA, POST, 2)
    assert customers(*said, limits=ONE_MAIL) == ["anna mail", "post"]
    assert refused(*said, limits=ONE_MAIL) == {"anna post": "email_sha256"}


def test_what_is_refused_keeps_what_it_brought() -> None:
    said = seen(ANNA, MAIL, 1), seen(ANNA, POST, 2), seen(POST, SAFARI, 3)
    assert customers(*said, limits=ONE_MAIL) == ["anna mail", "post safari"]


def test_a_customer_has_no_more_identifiers_than_the_limit_of_all() -> None:
    said = seen(ANNA, MAIL), seen(ANNA, TABLET), seen(ANNA, CHROME)
    assert customers(*said, limits=Limits(identifiers=3)) == ["anna mail tablet", "chrome"]
    assert refused(*said, limits=Limits(identifiers=3)) == {"anna chrome": "identifiers"}


def test_the_reason_is_the_strongest_namespace_of_which_there_are_too_many() -> None:
    said = seen(ANNA, MAIL), seen(BEN, POST), seen(MAIL, POST)
    assert refused(*said, limits=ONE_MAIL) == {"mail post": "user_id"}


def test_a_namespace_without_a_limit_is_limited_only_in_all() -> None:
    badges = [Identifier("badge", str(number)) for number in range(30)]
    assert len(customers(*[seen(ANNA, badge) for badge in badges])) == 1


# Shared


def test_a_kiosk_with_three_users_is_nobodys() -> None:
    said = seen(ANNA, KIOSK, 1), seen(BEN, KIOSK, 2), seen(CLEO, KIOSK, 3)
    assert customers(*said) == ["anna", "ben", "cleo", "kiosk"]
    assert refused(*said) == {"anna kiosk": "shared", "ben kiosk": "shared", "cleo kiosk": "shared"}


def test_no_link_of_a_shared_identifier_counts() -> None:
    said = seen(ANNA, KIOSK), seen(BEN, KIOSK), seen(CLEO, KIOSK), seen(KIOSK, CHROME), seen(MAIL, KIOSK)
    assert customers(*said) == ["anna", "ben", "chrome", "cleo", "kiosk", "mail"]


def test_refused_links_count_users_too_but_retracted_ones_don_t() -> None:
    said = seen(ANNA, KIOSK, 1), seen(BEN, KIOSK, 2), seen(CLEO, KIOSK, 3)
    assert customers(*said[:2]) == ["anna kiosk", "ben"]
    assert customers(*said, retracted(CLEO, KIOSK)) == ["anna kiosk", "ben", "cleo"]


def test_a_user_id_is_never_shared() -> None:
    said = seen(ANNA, CHROME), asserted(ANNA, BEN), asserted(ANNA, CLEO)
    assert customers(*said, limits=Limits(shared_after=1, namespaces={})) == ["anna ben cleo", "chrome"]


# The canonical identifier


def test_the_strongest_identifier_names_a_customer() -> None:
    assert customers(seen(CHROME, CLICK, 1), seen(MAIL, CLICK, 2)) == ["mail chrome click"]


def test_of_equally_strong_ones_the_first_linked_names_it() -> None:
    assert customers(seen(POST, CLICK, 1), seen(MAIL, CLICK, 2)) == ["post click mail"]
    assert customers(seen(POST, CLICK, 1), seen(MAIL, CLICK, 1)) == ["mail click post"]


def test_a_refused_link_is_a_first_link_too() -> None:
    said = asserted(MAIL, POST, 9), asserted(POST, CLICK, 8), seen(MAIL, Identifier("click_id", "second"), 1)
    one_click = Limits(namespaces={"click_id": 1})
    assert customers(*said[:2], limits=one_click) == ["post click mail"]
    assert refused(*said, limits=one_click) == {"mail second": "click_id"}
    assert customers(*said, limits=one_click) == ["mail click post", "second"]


def test_a_link_of_a_shared_identifier_is_no_first_link() -> None:
    kiosk = [seen(user, KIOSK, 5) for user in (ANNA, BEN, CLEO)]
    said = seen(POST, CLICK, 2), seen(MAIL, CLICK, 3), seen(MAIL, KIOSK, 1)
    assert customers(*said) == ["mail click kiosk post"]
    assert "post click mail" in customers(*said, *kiosk)


def test_who_is_only_named_is_a_customer_alone() -> None:
    assert customers(retracted(ANNA, CHROME)) == ["anna", "chrome"]


# Corrections


def test_a_retracted_link_counts_for_nothing_and_is_no_violation() -> None:
    said = seen(ANNA, CHROME), retracted(ANNA, CHROME)
    assert customers(*said) == ["anna", "chrome"]
    assert refused(*said) == {}


def test_no_evidence_revives_a_retracted_pair() -> None:
    assert customers(retracted(ANNA, CHROME, 5), seen(ANNA, CHROME, 9), seen(ANNA, CHROME, 1)) == ["anna", "chrome"]


def test_a_retraction_cuts_a_pair_and_not_a_path() -> None:
    said = seen(ANNA, MAIL), seen(MAIL, CHROME), seen(ANNA, CHROME), retracted(ANNA, CHROME)
    assert customers(*said) == ["anna chrome mail"]


def test_an_asserted_link_stands_before_all_evidence() -> None:
    assert customers(seen(ANNA, TABLET, 1), asserted(BEN, TABLET, 9)) == ["anna", "ben tablet"]


def test_an_asserted_link_needs_no_evidence() -> None:
    assert customers(asserted(MAIL, SAFARI)) == ["mail safari"]


def test_an_asserted_link_stands_under_the_same_limits() -> None:
    assert customers(asserted(ANNA, BEN)) == ["anna", "ben"]
    assert refused(asserted(ANNA, BEN)) == {"anna ben": "user_id"}


def test_of_asserted_links_the_order_is_the_usual_one_and_the_earlier_date_counts() -> None:
    assert customers(asserted(ANNA, TABLET, 5), asserted(BEN, TABLET, 4)) == ["anna", "ben tablet"]
    # There was evidence for Anna's before anything was asserted.
    assert customers(asserted(ANNA, TABLET, 5), asserted(BEN, TABLET, 4), seen(ANNA, TABLET, 3)) == [
        "anna tablet",
        "ben",
    ]


def test_of_corrections_the_later_holds() -> None:
    assert customers(retracted(ANNA, CHROME, 1), asserted(ANNA, CHROME, 2)) == ["anna chrome"]
    assert customers(retracted(ANNA, CHROME, 2), asserted(ANNA, CHROME, 1)) == ["anna", "chrome"]


def test_of_corrections_at_the_same_time_that_with_the_larger_id_holds() -> None:
    assert customers(retracted(ANNA, CHROME, 1, "a"), asserted(ANNA, CHROME, 1, "b")) == ["anna chrome"]
    assert customers(retracted(ANNA, CHROME, 1, "b"), asserted(ANNA, CHROME, 1, "a")) == ["anna", "chrome"]


def test_of_corrections_that_agree_in_both_the_retraction_holds() -> None:
    said = asserted(ANNA, CHROME), lifted(ANNA, CHROME), retracted(ANNA, CHROME)
    assert customers(*said) == customers(*reversed(said)) == ["anna", "chrome"]


def test_lifted_lets_the_evidence_decide_again() -> None:
    assert customers(seen(ANNA, CHROME), retracted(ANNA, CHROME, 1), lifted(ANNA, CHROME, 2)) == ["anna chrome"]
    assert customers(asserted(ANNA, CHROME, 1), lifted(ANNA, CHROME, 2)) == ["anna", "chrome"]


def test_a_retraction_can_end_that_an_identifier_is_shared() -> None:
    said = [seen(user, KIOSK, day) for day, user in enumerate((ANNA, BEN, CLEO))]
    assert customers(*said, seen(KIOSK, FIREFOX), retracted(BEN, KIOSK)) == ["anna firefox kiosk", "ben", "cleo"]


# Settings


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"namespaces": {"user_id": 0}}, r"namespaces\[user_id\]: found 0, expected at least 1"),
        ({"identifiers": 1}, "identifiers: found 1, expected at least 2"),
        ({"shared_after": 0}, "shared_after: found 0, expected at least 1"),
        ({"island_links": 0}, "island_links: found 0, expected at least 1"),
    ],
)
def test_limits_that_would_join_nothing_are_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Limits(**wrong)  # type: ignore[arg-type]


def test_limits_read_as_one_line() -> None:
    text = Limits(namespaces={"user_id": 1, "cookie_id": 2}, identifiers=9).text
    assert text == "limits=cookie_id=2,user_id=1 identifiers=9 shared_after=3 island_links=2000"


def test_an_assertion_that_is_said_again_stands_where_it_stood() -> None:
    said = asserted(ANNA, TABLET, 1), asserted(BEN, TABLET, 2)
    assert customers(*said) == ["anna tablet", "ben"]
    assert customers(*said, asserted(ANNA, TABLET, 3, "again")) == ["anna tablet", "ben"]
