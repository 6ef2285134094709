"""A run's credits add up in conversions and value, and its counts say what it rests on."""

import numpy as np
import pytest

from streams.attribution.models import DATA_DRIVEN
from streams.attribution.run import Counts, Seen, count, run

EUR, USD = "EUR", "USD"
SEEN = [
    Seen(["Email"], True, EUR, 3, 10_000_001, 0),
    Seen(["Email"], False, "", 7, 0, 2),
    Seen(["Email", "Direct"], True, EUR, 1, 5_000_000, 0),
    Seen(["Direct", "Email", "Display"], True, USD, 1, 1_000_000, 0),
    Seen(["Direct", "Email", "Direct"], True, "", 2, 0, 0),
    Seen(["Direct"], False, "", 30, 0, 0),
    Seen([], False, "", 1, 0, 0),
]


@pytest.mark.parametrize("model", DATA_DRIVEN)
@pytest.mark.parametrize("order", [1, 2])
def test_credits_add_up_in_conversions_and_value_of_each_currency(model: str, order: int) -> None:
    found = run(SEEN, model, order, np.random.default_rng(1))
    for currency, conversions, micros in ((EUR, 4, 15_000_001), (USD, 1, 1_000_000), ("", 2, 0)):
        of_it = [credit for credit in found.credits if credit.currency == currency]
        assert sum(credit.conversions for credit in of_it) == pytest.approx(conversions)
        assert sum(credit.value_micros for credit in of_it) == micros
        assert sum(credit.share for credit in of_it) == pytest.approx(1)


def test_shapley_shares_each_conversion_in_its_own_currency() -> None:
    found = run(SEEN, "shapley", 1, np.random.default_rng(1))
    credits_ = {(credit.name, credit.currency): credit for credit in found.credits}
    assert credits_["Email", EUR].conversions == pytest.approx(3.5)
    assert credits_["Email", EUR].value_micros == 12_500_001
    assert credits_["Direct", EUR].conversions == pytest.approx(0.5)
    assert credits_["Display", EUR].conversions == 0
    assert credits_["Display", USD].conversions == pytest.approx(1 / 3)
    assert abs(credits_["Display", USD].value_micros - 333_333) <= 1
    assert credits_["Email", EUR].share == pytest.approx((3.5 + 1 / 3 + 1) / 7)


def test_markov_gives_removal_effects_and_the_same_share_of_each_currency() -> None:
    """By hand: from Email 17/55 convert, from Direct 6/55, from the start 11/44 x 17/55 + 33/44 x 6/55 = 7/44. Without
    Email 33/44 x 3/36 = 1/16 are left, without Direct 11/44 x 4/14 = 1/14."""
    found = run(SEEN, "markov", 1, np.random.default_rng(1))
    credits_ = {(credit.name, credit.currency): credit for credit in found.credits}
    email = credits_["Email", EUR]
    assert email.removal_effect == pytest.approx(1 - (1 / 16) / (7 / 44))
    assert credits_["Direct", EUR].removal_effect == pytest.approx(1 - (1 / 14) / (7 / 44))
    assert email.conversions == pytest.approx(4 * email.share)
    assert credits_["Email", USD].share == email.share
    assert found.sampled_orders == 0


def test_counts_say_how_many_may_go_on_and_how_many_conversions_name_a_channel() -> None:
    assert count(SEEN) == Counts(journeys=45, open_journeys=2, conversions=7, paths=5, covered=7)
    unnamed = [Seen([""], True, EUR, 3, 1, 0), Seen(["", "spring"], True, EUR, 1, 1, 0)]
    assert count(unnamed) == Counts(journeys=4, open_journeys=0, conversions=4, paths=2, covered=1)


def test_more_than_twelve_channels_are_sampled_and_say_so() -> None:
    seen = [Seen([f"c{n}", f"c{n + 1}"], n % 3 == 0, "", 5, 0, 0) for n in range(14)]
    found = run(seen, "shapley_rate", 1, np.random.default_rng(1))
    assert found.sampled_orders == 1000
    assert all(credit.share_error is not None and credit.share_error > 0 for credit in found.credits)
    assert run(seen, "shapley_rate", 1, np.random.default_rng(1)) == found
    assert run(seen[:11], "shapley_rate", 1, np.random.default_rng(1)).sampled_orders == 0
    assert run(seen, "shapley", 1, np.random.default_rng(1)).sampled_orders == 0


def test_without_conversions_there_are_counts_and_no_credits() -> None:
    found = run([Seen(["Email"], False, "", 3, 0, 1)], "markov", 1, np.random.default_rng(1))
    assert found == (Counts(3, 1, 0, 1, 0), [], 0)


def test_rows_are_read_once_as_they_come() -> None:
    once = run(iter(SEEN), "markov", 2, np.random.default_rng(1))
    assert once == run(SEEN, "markov", 2, np.random.default_rng(1))
