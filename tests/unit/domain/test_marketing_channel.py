"""GA4's default channel group: each condition, the order, referrers, own domains and what is no acquisition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.marketing_channel import MARKETING_CHANNELS, MarketingChannel, marketing_channel

OWN = frozenset({"shop.example", "www.brand.example:8080", "com.example.app"})


def on_web(**acquisition: str | None) -> MarketingChannel:
    return marketing_channel("web", "page_viewed", acquisition, OWN)


def name_of(source: str | None = None, medium: str | None = None, campaign: str | None = None) -> str:
    return on_web(source=source, medium=medium, campaign=campaign).name


def from_referrer(referrer: str) -> str:
    return on_web(referrer=referrer).name


NOTHING_ON_WEB = MarketingChannel("Direct", False, "", "")


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "name"),
    [
        ("(direct)", "(none)", None, "Direct"),
        ("(direct)", "(not set)", None, "Direct"),
        ("(direct)", "(none)", "cross-network", "Direct"),
        ("google", "cpc", "Cross-network spring", "Cross-network"),
        ("anything", "email", "x-cross-network-y", "Cross-network"),
        ("amazon", "cpc", None, "Paid Shopping"),
        ("google", "cpc", "spring-shop", "Paid Shopping"),
        ("google", "cpc", "eshop", "Paid Shopping"),
        ("google", "cpc", "windowshopping", "Paid Shopping"),
        ("google", "cpc", "workshop", "Paid Search"),
        ("google", "cpc", "bishops", "Paid Search"),
        ("google", "cpc", None, "Paid Search"),
        ("google", "ppc", None, "Paid Search"),
        ("bing", "retargeting", None, "Paid Search"),
        ("bing", "paid-search", None, "Paid Search"),
        ("google", "cpm", None, "Paid Search"),
        ("facebook", "paidsocial", None, "Paid Social"),
        ("ig", "cpc", None, "Paid Social"),
        ("youtube", "cpv", None, "Paid Video"),
        ("youtube", "cpm", None, "Paid Video"),
        ("news.example", "display", None, "Display"),
        ("news.example", "banner", None, "Display"),
        ("news.example", "expandable", None, "Display"),
        ("news.example", "interstitial", None, "Display"),
        ("news.example", "cpm", None, "Display"),
        ("facebook", "display", None, "Display"),
        ("news.example", "cpc", None, "Paid Other"),
        (None, "ppc", None, "Paid Other"),
        ("news.example", "unpaid", None, "Unassigned"),
        ("news.example", "pre-retargeting", None, "Unassigned"),
        ("chatgpt.com", "ai-assistant", None, "AI Assistant"),
        ("google", "ai-assistant", None, "AI Assistant"),
        ("etsy", "referral", None, "Organic Shopping"),
        ("news.example", "email", "shop-now", "Organic Shopping"),
        ("facebook", "referral", "shopping", "Organic Shopping"),
        ("facebook.com", "referral", None, "Organic Social"),
        ("facebook", None, None, "Organic Social"),
        ("news.example", "social-network", None, "Organic Social"),
        ("news.example", "social media", None, "Organic Social"),
        ("news.example", "sm", None, "Organic Social"),
        ("google", "social", None, "Organic Social"),
        ("youtube.com", "referral", None, "Organic Video"),
        ("news.example", "instream-video-ad", None, "Organic Video"),
        ("google", "organic", None, "Organic Search"),
        ("google", "referral", None, "Organic Search"),
        ("some-engine", "organic", None, "Organic Search"),
        ("news.example", "referral", None, "Referral"),
        ("news.example", "app", None, "Referral"),
        ("news.example", "link", None, "Referral"),
        ("newsletter", "email", None, "Email"),
        ("newsletter", "e mail", None, "Email"),
        ("e_mail", None, None, "Email"),
        ("e-mail", "newsletter", None, "Email"),
        ("newsletter", "emailing", None, "Unassigned"),
        ("email", "link", None, "Referral"),
        ("partner", "affiliate", None, "Affiliates"),
        ("partner", "affiliates", None, "Unassigned"),
        ("podcast", "audio", None, "Audio"),
        ("sms", "text", None, "SMS"),
        ("klaviyo", "sms", None, "SMS"),
        ("app", "web-push", None, "Mobile Push Notifications"),
        ("app", "mobile-banner", None, "Mobile Push Notifications"),
        ("app", "notifications", None, "Mobile Push Notifications"),
        ("firebase", "anything", None, "Mobile Push Notifications"),
        ("app", "pushy", None, "Unassigned"),
        ("newsletter", None, None, "Unassigned"),
        (None, None, "spring", "Unassigned"),
        # Where two conditions hold, the order decides.
        ("google", "cpc", "cross-network shopping", "Cross-network"),
        ("amazon", "ai-assistant", None, "AI Assistant"),
        ("youtube", "social", None, "Organic Social"),
        ("facebook", "video", None, "Organic Social"),
        ("youtube", "organic", None, "Organic Video"),
        ("google", "video", None, "Organic Video"),
        ("email", "affiliate", None, "Email"),
        ("sms", "audio", None, "Audio"),
        ("sms", "push", None, "SMS"),
    ],
)
def test_the_first_condition_that_holds_gives_the_channel(
    source: str | None, medium: str | None, campaign: str | None, name: str
) -> None:
    shouted = tuple(word.upper() if word else word for word in (source, medium, campaign))
    assert name_of(source, medium, campaign) == name
    assert name_of(*shouted) == name, "matching ignores case"


@pytest.mark.parametrize(
    ("channel", "action", "name"),
    [
        ("email", "opened", "Email"),
        ("mobile", "push_opened", "Mobile Push Notifications"),
        ("mobile", "push_sent", "Mobile Push Notifications"),
        ("mobile", "app_opened", "Direct"),
        ("social", "commented", "Organic Social"),
        ("web", "page_viewed", "Direct"),
        ("web", "push_opened", "Direct"),
        ("service", "called", "Direct"),
    ],
)
def test_without_acquisition_the_channel_decides(channel: str, action: str, name: str) -> None:
    expected = MarketingChannel(name, False, "", "")
    assert marketing_channel(channel, action, None, OWN) == expected
    assert marketing_channel(channel, action, {}, OWN) == expected
    assert marketing_channel(channel, action, {"source": "(direct)", "medium": "(none)"}, OWN) == expected
    nothing = {"source": "  ", "campaign": "(not set)", "url": "https://shop.example/?a=1", "content": "a", "term": "b"}
    assert marketing_channel(channel, action, nothing, OWN) == expected


@pytest.mark.parametrize("word", ["source", "medium", "campaign", "click_id"])
def test_each_of_source_medium_campaign_and_click_id_alone_is_an_acquisition(word: str) -> None:
    assert on_web(**{word: "x"}).has_acquisition


def test_campaign_and_content_are_kept_as_sent_but_trimmed() -> None:
    result = on_web(source="Newsletter", medium="Email", campaign=" Spring 1 ", content=" Top-Banner ")
    assert result == MarketingChannel("Email", True, "Spring 1", "Top-Banner")


def test_a_placeholder_for_no_campaign_is_no_campaign() -> None:
    assert on_web(source="google", medium="organic", campaign="(organic)", content="(not set)") == MarketingChannel(
        "Organic Search", True, "", ""
    )


def test_a_missing_medium_is_what_email_and_push_say_themselves() -> None:
    assert marketing_channel("email", "clicked", {"campaign": "spring"}, OWN).name == "Email"
    assert marketing_channel("email", "clicked", {"click_id": "c-1"}, OWN).name == "Email"
    assert marketing_channel("mobile", "push_opened", {"source": "crm"}, OWN).name == "Mobile Push Notifications"
    assert marketing_channel("social", "commented", {"source": "forum"}, OWN).name == "Organic Social"
    assert marketing_channel("email", "clicked", {"source": "google", "medium": "cpc"}, OWN).name == "Paid Search"


@pytest.mark.parametrize(
    ("referrer", "name"),
    [
        ("https://www.google.com/", "Organic Search"),
        ("HTTP://WWW.Google.Co.UK/url?sa=t", "Organic Search"),
        ("https://www.google.com:443/search?q=a://b", "Organic Search"),
        ("https://www.google.com./", "Organic Search"),
        ("www.google.com/search", "Organic Search"),
        ("//duckduckgo.com/", "Organic Search"),
        ("https://docs.google.com/document/1", "Referral"),
        ("https://lm.facebook.com/l.php?u=1", "Organic Social"),
        ("https://t.co/abc", "Organic Social"),
        ("https://www.youtube.com/watch?v=1", "Organic Video"),
        ("https://www.amazon.de/dp/1", "Organic Shopping"),
        ("https://mail.google.com/mail/u/0", "Email"),
        ("https://chatgpt.com/", "AI Assistant"),
        ("https://www.perplexity.ai/", "Referral"),
        ("android-app://com.google.android.gm/", "Email"),
        ("android-app://com.google.android.googlequicksearchbox/https/www.google.com", "Organic Search"),
        ("android-app://com.unheard.of", "Referral"),
        ("https://blog.example/post#google.com", "Referral"),
        ("https://user:secret@blog.example/", "Referral"),
        ("https://google.com@blog.example/", "Referral"),
        ("https://blog.example/@google.com", "Referral"),
        ("http://[2001:db8::1]:8080/", "Referral"),
        ("http://localhost:3000/", "Referral"),
        ("http://\\xe4\\xe5.\\xf0\\xf4/", "Referral"),
    ],
)
def test_a_referrer_alone_is_an_acquisition_by_its_host(referrer: str, name: str) -> None:
    assert on_web(referrer=referrer) == MarketingChannel(name, True, "", "")


@pytest.mark.parametrize(
    "referrer",
    [
        "",
        "-",
        "about:blank",
        "http://",
        "https:///path",
        "http://[2001:db8::1",
        "/relative/path",
        "relative",
        "mailto:somebody@blog.example",
        "file:///home/somebody/page.html",
        "chrome-extension://abcdef/popup.html",
        "android-app:///",
        "data:text/html,https://blog.example",
    ],
)
def test_a_referrer_that_names_no_site_is_none(referrer: str) -> None:
    assert on_web(referrer=referrer) == NOTHING_ON_WEB


@pytest.mark.parametrize(
    "referrer",
    [
        "https://shop.example/cart",
        "https://WWW.Shop.Example/",
        "https://shop.example:8443/",
        "http://help.eu.shop.example",
        "https://brand.example/",
        "https://www.brand.example:8080/",
        "https://blog.brand.example/",
        "android-app://com.example.app/",
    ],
)
def test_a_referrer_on_an_own_domain_is_none(referrer: str) -> None:
    assert on_web(referrer=referrer) == NOTHING_ON_WEB


@pytest.mark.parametrize("referrer", ["https://myshop.example/", "https://shop.example.evil.test/", "https://example/"])
def test_a_domain_that_only_ends_or_begins_like_an_own_one_is_foreign(referrer: str) -> None:
    assert on_web(referrer=referrer) == MarketingChannel("Referral", True, "", "")


def test_own_domains_may_be_written_in_any_of_the_usual_ways() -> None:
    for own in ("Shop.Example", ".shop.example", "www.shop.example", "https://shop.example/", "shop.example:80"):
        acquisition = {"referrer": "https://m.shop.example/"}
        assert not marketing_channel("web", "page_viewed", acquisition, frozenset({own})).has_acquisition
    local = {"referrer": "http://localhost:3000/"}
    assert not marketing_channel("web", "page_viewed", local, frozenset({"localhost:8080"})).has_acquisition
    assert marketing_channel("web", "page_viewed", local, frozenset({"", " "})).has_acquisition


def test_source_and_medium_win_over_the_referrer() -> None:
    google = "https://www.google.com/"
    assert on_web(source="crm", medium="email", referrer=google).name == "Email"
    assert on_web(medium="affiliate", referrer=google).name == "Affiliates"
    assert on_web(source="newsletter", referrer=google).name == "Unassigned"
    assert on_web(source="(direct)", medium="(none)", referrer=google) == NOTHING_ON_WEB


def test_a_campaign_alone_leaves_source_and_medium_to_the_referrer() -> None:
    assert on_web(campaign="spring", referrer="https://www.google.com/") == MarketingChannel(
        "Organic Search", True, "spring", ""
    )


@pytest.mark.parametrize(
    ("referrer", "name"),
    [
        ("https://www.google.com/", "Paid Search"),
        ("https://www.youtube.com/", "Paid Video"),
        ("https://www.amazon.com/", "Paid Shopping"),
        ("https://news.example/", "Paid Other"),
        ("https://shop.example/", "Paid Other"),
        ("", "Paid Other"),
        ("https://l.facebook.com/", "Organic Social"),
        ("https://mail.google.com/", "Email"),
        ("https://chatgpt.com/", "AI Assistant"),
    ],
)
def test_a_click_id_is_paid_except_where_unpaid_links_bear_one(referrer: str, name: str) -> None:
    assert on_web(click_id="Cj0K", referrer=referrer) == MarketingChannel(name, True, "", "")


def test_a_click_id_does_not_overrule_the_medium_sent() -> None:
    assert on_web(click_id="Cj0K", source="crm", medium="email").name == "Email"


def test_an_assistant_that_names_itself_as_source_needs_no_medium() -> None:
    assert name_of("chatgpt.com") == "AI Assistant"
    assert name_of("claude") == "Unassigned"
    assert name_of("chatgpt.com", "referral") == "Referral"


def test_a_host_longer_than_dns_allows_is_none_and_a_word_is_matched_up_to_512_characters() -> None:
    assert on_web(referrer="https://" + "a." * 121 + "youtube.com/").name == "Organic Video"
    assert on_web(referrer="https://a" + "a." * 121 + "youtube.com/") == NOTHING_ON_WEB
    assert name_of("crm", "x" * 507 + "video") == "Organic Video"
    assert name_of("crm", "x" * 508 + "video") == "Unassigned"
    assert on_web(campaign="x" * 513).campaign == "x" * 513


words = st.none() | st.text(max_size=20) | st.sampled_from(["google", "(direct)", "cpc", "email", "social", "shop"])
fields = ["source", "medium", "campaign", "content", "term", "click_id", "referrer", "url"]


@given(
    st.sampled_from(["email", "web", "mobile", "social", "service"]) | st.text(max_size=5),
    st.text(max_size=12),
    st.none() | st.fixed_dictionaries({}, optional=dict.fromkeys(fields, words)),
    st.frozensets(st.text(max_size=12), max_size=3),
)
def test_any_strings_have_one_of_the_published_channels(
    channel: str, action: str, acquisition: dict[str, str | None] | None, own_domains: frozenset[str]
) -> None:
    result = marketing_channel(channel, action, acquisition, own_domains)
    assert result.name in MARKETING_CHANNELS
    assert result.has_acquisition or (result.campaign, result.content) == ("", "")
    shouted = {key: value.upper() if value else value for key, value in (acquisition or {}).items()}
    if all(str(value).isascii() for value in shouted.values()):
        assert marketing_channel(channel, action, shouted, own_domains).name == result.name


@given(st.text())
def test_any_text_as_referrer_is_an_acquisition_or_none(text: str) -> None:
    for referrer in (text, "https://" + text, "//" + text):
        result = on_web(referrer=referrer)
        assert result.has_acquisition == (result.name != "Direct")
