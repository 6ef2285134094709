"""The verdict from one touchpoint: provider, user agent, and their absence."""

from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.actor import RULES_VERSION, judge

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO_MAIL = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"


@pytest.mark.parametrize(("channel", "action"), [("web", "page_viewed"), ("email", "opened"), ("mobile", "app_opened")])
def test_the_providers_word_makes_a_machine_whatever_the_user_agent(channel: str, action: str) -> None:
    assert judge(channel, action, CHROME, True) == "machine"
    assert judge(channel, action, None, True) == "machine"


@pytest.mark.parametrize("channel", ["web", "email", "mobile", "social", "service"])
@pytest.mark.parametrize("agent", [GOOGLEBOT, "curl/8.0", "Tiny Tiny RSS/1.11 (http://tt-rss.org/)", f" {GOOGLEBOT} "])
def test_a_known_bot_is_a_machine_on_every_channel(channel: str, agent: str) -> None:
    assert judge(channel, "link_clicked", agent, False) == "machine"


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.3.1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
        " [FBAN/FBIOS;FBAV/468.0.0.31.109;FBDV/iPhone14,5;FBSN/iOS;FBSV/17.5;FBLC/en_US]",
        "Mozilla/5.0 (Linux; Android 13; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0 Mobile",
        "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
        "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
    ],
)
def test_a_browser_is_human(agent: str) -> None:
    assert judge("web", "page_viewed", agent, False) == "human"


@pytest.mark.parametrize("agent", [None, "", "  ", "-"])
def test_a_missing_user_agent_is_a_machine_only_on_a_page_view_of_the_web(agent: str | None) -> None:
    assert judge("web", "page_viewed", agent, False) == "machine"
    assert judge("web", "form_submitted", agent, False) == "human"
    assert judge("mobile", "page_viewed", agent, False) == "human"
    assert judge("email", "opened", agent, False) == "human"


@pytest.mark.parametrize("proxy", [GMAIL, YAHOO_MAIL])
def test_a_mail_image_proxy_is_human_when_it_opens_and_a_machine_elsewhere(proxy: str) -> None:
    assert judge("email", "opened", proxy, False) == "human"
    assert judge("email", "clicked", proxy, False) == "machine"
    assert judge("web", "page_viewed", proxy, False) == "machine"
    assert judge("email", "opened", f"{proxy} {GOOGLEBOT}", False) == "machine"


def test_okhttp_is_an_apps_library_on_mobile_and_a_machine_elsewhere() -> None:
    assert judge("mobile", "screen_viewed", "okhttp/4.9.3", False) == "human"
    assert judge("web", "page_viewed", "okhttp/4.9.3", False) == "machine"
    assert judge("mobile", "screen_viewed", f"okhttp/4.9.3 {GOOGLEBOT}", False) == "machine"


def test_what_stands_behind_2048_characters_is_not_read() -> None:
    assert judge("web", "page_viewed", "x" * (2048 - len(GOOGLEBOT)) + GOOGLEBOT, False) == "machine"
    assert judge("web", "page_viewed", "x" * 2048 + GOOGLEBOT, False) == "human"


def test_the_rules_version_names_our_number_and_the_lists_version() -> None:
    own, _, listed = RULES_VERSION.partition("+")
    assert int(own) >= 1
    assert listed == "crawler-user-agents-" + version("crawler-user-agents")


@given(st.text(max_size=10), st.text(max_size=10), st.none() | st.text(max_size=80), st.booleans())
def test_any_strings_have_a_verdict_and_the_providers_flag_only_raises_it(
    channel: str, action: str, agent: str | None, flag: bool
) -> None:
    verdict = judge(channel, action, agent, flag)
    assert verdict in ("human", "machine")
    assert judge(channel, action, agent, True) == "machine"
