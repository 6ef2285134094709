"""What an address says about how somebody came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.producing.mapping.urls import Campaign, campaign_of


def test_utm_fields_are_decoded() -> None:
    url = "https://x.de/p?a=1&utm_source=News+letter&utm_medium=e%2Dmail&utm_campaign=f%C3%BCr&utm_term=t&utm_content=c#top"
    assert campaign_of(url) == Campaign("News letter", "e-mail", "für", "c", "t", None)


@pytest.mark.parametrize("name", ["gclid", "GCLID", "msclkid", "fbclid", "ttclid", "wbraid", "li_fat_id", "epik"])
def test_click_ids_of_the_platforms(name: str) -> None:
    assert campaign_of(f"https://x.de/?{name}=abc").click_id == "abc"


def test_a_paid_click_wins_over_what_marks_every_link() -> None:
    assert campaign_of("https://x.de/?fbclid=f&gclid=g").click_id == "g"


def test_the_first_of_each_counts_and_empty_ones_say_nothing() -> None:
    assert campaign_of("https://x.de/?utm_source=&UTM_Source=b&utm_medium=m&utm_medium=n").medium == "m"
    assert campaign_of("https://x.de/?utm_source=").source is None


def test_fields_behind_the_fragment_count() -> None:
    assert campaign_of("https://x.de/app#/home?utm_source=s").source == "s"
    assert campaign_of("https://x.de/app#utm_source=s").source == "s"


@pytest.mark.parametrize(
    "url", ["", "https://x.de/", "https://x.de/?q=utm", "nonsense", "https://x.de/?" + "a=1&" * 500]
)
def test_addresses_without_a_campaign_say_nothing(url: str) -> None:
    assert campaign_of(url) == Campaign()


@given(st.text(max_size=80))
def test_no_text_is_an_error(text: str) -> None:
    campaign_of(text)
    campaign_of(f"https://x.de/?utm_source={text}")
