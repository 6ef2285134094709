"""The table of sites: hosts, country domains, apps and bare names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.traffic_sources import Site, site_of_host, site_of_source


@pytest.mark.parametrize(
    ("host", "name", "kind"),
    [
        ("google.com", "google", "search"),
        ("google.co.uk", "google", "search"),
        ("google.com.br", "google", "search"),
        ("google.ro", "google", "search"),
        ("encrypted.google.com", "google", "search"),
        ("images.google.de", "google", "search"),
        ("news.google.com", "google", "search"),
        ("plus.google.com", "googleplus", "social"),
        ("groups.google.com", "googlegroups", "social"),
        ("mail.google.com", "gmail", "email"),
        ("gemini.google.com", "gemini", "assistant"),
        ("shopping.google.co.jp", "google shopping", "shopping"),
        ("r.duckduckgo.com", "duckduckgo", "search"),
        ("yahoo.co.jp", "yahoo", "search"),
        ("r.search.yahoo.com", "yahoo", "search"),
        ("us-mg5.mail.yahoo.com", "yahoo mail", "email"),
        ("yandex.com.tr", "yandex", "search"),
        ("search.brave.com", "brave", "search"),
        ("l.facebook.com", "facebook", "social"),
        ("t.co", "twitter", "social"),
        ("x.com", "twitter", "social"),
        ("lnkd.in", "linkedin", "social"),
        ("de.pinterest.com", "pinterest", "social"),
        ("pinterest.co.uk", "pinterest", "social"),
        ("news.ycombinator.com", "hackernews", "social"),
        ("unix.stackexchange.com", "stackexchange", "social"),
        ("tiktok.com", "tiktok", "social"),
        ("m.youtube.com", "youtube", "video"),
        ("youtu.be", "youtube", "video"),
        ("amazon.co.jp", "amazon", "shopping"),
        ("cgi.ebay.co.uk", "ebay", "shopping"),
        ("somebody.myshopify.com", "shopify", "shopping"),
        ("copilot.microsoft.com", "copilot", "assistant"),
        ("com.google.android.gm", "gmail", "email"),
        ("com.google.android.googlequicksearchbox", "google", "search"),
        ("org.telegram.messenger", "telegram", "social"),
    ],
)
def test_a_known_host_is_its_site(host: str, name: str, kind: str) -> None:
    site = site_of_host(host)
    assert site is not None
    assert (site.name, site.kind) == (name, kind)


@pytest.mark.parametrize(
    "host",
    [
        "docs.google.com",
        "translate.google.com",
        "translate.googleusercontent.com",
        "google.com.evil.ru",
        "google.evil.com",
        "notgoogle.com",
        "google.xyz",
        "aws.amazon.com",
        "s3.amazonaws.com",
        "maps.yahoo.com",
        "xx.com",
        "at.co",
        "brave.com",
        "ycombinator.com",
        "en.wikipedia.org",
        "github.com",
        "codebright.wordpress.com",
        "com.google.android.gm.evil.com",
        "com",
        "co.uk",
        "localhost",
        "",
        ".",
        "..",
    ],
)
def test_a_host_that_only_looks_alike_or_does_something_else_is_none(host: str) -> None:
    assert site_of_host(host) is None


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("google", "search"),
        ("bing", "search"),
        ("fb", "social"),
        ("ig", "social"),
        ("google+", "social"),
        ("youtube", "video"),
        ("amazon", "shopping"),
        ("google shopping", "shopping"),
        ("www.google.com", "search"),
        ("m.facebook.com", "social"),
    ],
)
def test_a_source_is_known_by_its_bare_name_and_by_its_host(source: str, kind: str) -> None:
    site = site_of_source(source)
    assert site is not None
    assert site.kind == kind


@pytest.mark.parametrize("source", ["newsletter", "claude", "outlook", "", "(direct)", "googles", "facebook ads"])
def test_an_unknown_name_is_no_site(source: str) -> None:
    assert site_of_source(source) is None


def test_a_host_longer_than_dns_allows_is_not_walked() -> None:
    longest = "a." * 121 + "youtube.com"
    assert len(longest) == 253
    assert site_of_host(longest) == Site("youtube", "video")
    assert site_of_host("a" + longest) is None


@given(st.text())
def test_any_text_is_a_site_or_none(text: str) -> None:
    for site in (site_of_host(text), site_of_source(text)):
        assert site is None or site.name
