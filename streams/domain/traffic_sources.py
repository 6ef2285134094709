"""Which web sites, apps and source names are search engines, social networks, video or shopping sites.

Decides what kind of site sent a customer. It leaves to marketing_channel what follows from the kind.

The table is ours and small. Google publishes its own list of some 800 sources with their categories, linked from
support.google.com/analytics/answer/9756891; where that list names a site that stands here too, its category was
followed (TikTok and question-and-answer sites are social, Google News and the MSN portal are search). Ours, beyond
or against it:

- A site's subdomains belong to it (m., l., old., de.), where Google's list matches whole names. Hosted blogs
  (wordpress.com, blogspot.com) are left out for that reason: each is somebody's own site, thus a referral.
- Webmail, which Google's list puts under search where it names it, is `email`, as in Snowplow's referer-parser.
- x.com, Bluesky, Threads, Telegram, Discord and some search engines and shops that the list lacks.
- Payment pages, which the list counts as shopping, are left out.
- AI assistants: ChatGPT, Gemini and Claude are those that Google names for its own channel; Copilot, Grok and
  DeepSeek are reported by others. Google publishes no list of them.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

SiteKind = Literal["search", "social", "video", "shopping", "email", "assistant"]


class Site(NamedTuple):
    """A known site: its name as analytics tools write it into the source, and its kind."""

    name: str
    kind: SiteKind


# Host patterns: `site.com` is the host and its subdomains, `=site.com` the host alone (www aside), and an ending
# `.*` is .com or any country's domain (.de, .co.uk, .com.br). Dotted names that start with com. or org. are apps.
_SEARCH: Final[Mapping[str, str]] = {
    "google": "=google.* encrypted.google.* images.google.* search.google.* cse.google.* lens.google.* news.google.*"
    " =com.google.android.googlequicksearchbox",
    "google-play": "play.google.com =com.android.vending",
    "bing": "bing.com =com.microsoft.bing",
    "msn": "=msn.com ntp.msn.com",
    "yahoo": "=yahoo.* search.yahoo.*",
    "duckduckgo": "duckduckgo.com =com.duckduckgo.mobile.android",
    "baidu": "=baidu.com m.baidu.com image.baidu.com",
    "yandex": "=yandex.* images.yandex.* =ya.ru",
    "ecosia": "ecosia.org",
    "startpage": "startpage.com ixquick.com",
    "qwant": "qwant.com",
    "brave": "search.brave.com",
    "naver": "=naver.com =m.naver.com search.naver.com",
    "daum": "=daum.net search.daum.net",
    "seznam": "=seznam.cz search.seznam.cz",
    "ask": "ask.com",
    "aol": "=aol.com search.aol.*",
    "sogou": "sogou.com",
    "so.com": "so.com",
    "mail.ru": "go.mail.ru",
    "rambler": "=rambler.ru nova.rambler.ru",
    "webcrawler": "webcrawler.com",
    "dogpile": "dogpile.com",
    "lycos": "=lycos.com search.lycos.com",
    "kagi": "kagi.com",
    "mojeek": "mojeek.com",
    "swisscows": "swisscows.com",
}
_SOCIAL: Final[Mapping[str, str]] = {
    "facebook": "facebook.com fb.com fb.me =com.facebook.katana",
    "messenger": "messenger.com m.me =com.facebook.orca",
    "instagram": "instagram.com =com.instagram.android",
    "threads": "threads.net threads.com",
    "twitter": "twitter.com t.co x.com =com.twitter.android",
    "linkedin": "linkedin.com lnkd.in =com.linkedin.android",
    "pinterest": "pinterest.* pin.it =com.pinterest",
    "reddit": "reddit.com redd.it =com.reddit.frontpage",
    "tiktok": "tiktok.com",
    "snapchat": "snapchat.com",
    "tumblr": "tumblr.com",
    "whatsapp": "whatsapp.com wa.me =com.whatsapp",
    "telegram": "telegram.org telegram.me t.me =org.telegram.messenger",
    "discord": "discord.com discordapp.com",
    "bluesky": "bsky.app",
    "mastodon": "mastodon.social",
    "vk": "vk.com vkontakte.ru",
    "odnoklassniki": "ok.ru odnoklassniki.ru",
    "weibo": "weibo.com weibo.cn",
    "wechat": "wechat.com weixin.qq.com",
    "qzone": "qzone.qq.com",
    "line": "line.me",
    "kakao": "kakao.com",
    "xing": "xing.*",
    "quora": "quora.com",
    "stackoverflow": "stackoverflow.com",
    "stackexchange": "stackexchange.com",
    "superuser": "superuser.com",
    "serverfault": "serverfault.com",
    "askubuntu": "askubuntu.com",
    "hackernews": "news.ycombinator.com",
    "digg": "digg.com",
    "flipboard": "flipboard.com",
    "pocket": "getpocket.com",
    "goodreads": "goodreads.com",
    "meetup": "meetup.com",
    "yelp": "yelp.*",
    "tripadvisor": "tripadvisor.*",
    "flickr": "flickr.com",
    "disqus": "disqus.com",
    "googleplus": "plus.google.com plus.url.google.com",
    "googlegroups": "groups.google.* googlegroups.com",
}
_VIDEO: Final[Mapping[str, str]] = {
    "youtube": "youtube.* youtu.be youtube-nocookie.com =com.google.android.youtube",
    "vimeo": "vimeo.com",
    "twitch": "twitch.tv",
    "dailymotion": "dailymotion.com dai.ly",
    "netflix": "netflix.com",
    "hulu": "hulu.com",
    "disneyplus": "disneyplus.com",
    "youku": "youku.com",
    "iqiyi": "iqiyi.com iq.com",
    "ted": "ted.com",
    "wistia": "wistia.com wistia.net",
    "bilibili": "bilibili.com",
    "rumble": "rumble.com",
}
_SHOPPING: Final[Mapping[str, str]] = {
    "amazon": "=amazon.* smile.amazon.* m.amazon.*",
    "ebay": "ebay.*",
    "etsy": "etsy.com",
    "google shopping": "shopping.google.*",
    "yahoo shopping": "shopping.yahoo.*",
    "alibaba": "alibaba.com",
    "aliexpress": "aliexpress.*",
    "walmart": "walmart.*",
    "shopify": "shopify.com myshopify.com shop.app",
    "mercadolibre": "mercadolibre.* mercadolivre.*",
    "shopee": "shopee.*",
    "flipkart": "flipkart.com",
    "temu": "temu.com",
    "shein": "shein.*",
    "idealo": "idealo.*",
    "shopzilla": "shopzilla.com",
}
_EMAIL: Final[Mapping[str, str]] = {
    "gmail": "mail.google.com =com.google.android.gm",
    "yahoo mail": "mail.yahoo.* =com.yahoo.mobile.client.android.mail",
    "outlook": "outlook.live.com outlook.office.com outlook.office365.com =com.microsoft.office.outlook",
    "aol mail": "mail.aol.com",
    "yandex mail": "mail.yandex.*",
    "mail.ru mail": "e.mail.ru",
    "proton mail": "mail.proton.me",
    "zoho mail": "mail.zoho.*",
}
_ASSISTANT: Final[Mapping[str, str]] = {
    "chatgpt": "chatgpt.com chat.openai.com =com.openai.chatgpt",
    "gemini": "gemini.google.com bard.google.com",
    "claude": "claude.ai",
    "copilot": "copilot.microsoft.com",
    "grok": "grok.com",
    "deepseek": "chat.deepseek.com",
}
_TABLE: Final[Mapping[SiteKind, Mapping[str, str]]] = {
    "search": _SEARCH,
    "social": _SOCIAL,
    "video": _VIDEO,
    "shopping": _SHOPPING,
    "email": _EMAIL,
    "assistant": _ASSISTANT,
}
_ALIASES: Final[Mapping[str, str]] = {
    "fb": "facebook",
    "ig": "instagram",
    "igshopping": "google shopping",
    "x": "twitter",
    "yt": "youtube",
    "vkontakte": "vk",
    "google+": "googleplus",
    "googlemybusiness": "google",
}


def _read_patterns() -> Iterator[tuple[str, Site]]:
    for kind, sites in _TABLE.items():
        for name, patterns in sites.items():
            for pattern in patterns.split():
                yield pattern, Site(name, kind)


_BY_PATTERN: Final[Mapping[str, Site]] = dict(_read_patterns())
# Assistants and webmail are known by their hosts alone: "claude" may be anybody, "outlook" anything.
_BY_NAME: Final[Mapping[str, Site]] = {
    site.name: site for site in _BY_PATTERN.values() if site.kind not in ("email", "assistant")
}
_LONGEST_HOST: Final = 253  # what DNS allows; the walk over labels is quadratic


def _spell_as_patterns(host: str) -> Iterator[str]:
    """Yield what may stand for the host in the table, the most special first."""
    labels = host.split(".")
    country = len(labels[-1]) == 2
    ending = 2 if country and labels[-2:-1] in (["co"], ["com"]) else 1
    anywhere = country or labels[-1] == "com"
    for start in range(len(labels) - ending):
        for pattern in (".".join(labels[start:]), ".".join(labels[start:-ending]) + ".*" if anywhere else ""):
            if start == 0:
                yield "=" + pattern
            yield pattern


@lru_cache(maxsize=8192)
def site_of_host(host: str) -> Site | None:
    """Return the known site of a host or app, None for any other.

    `host` is lower case, without port and without a leading www.; for an app it is the package's name.
    """
    if len(host) > _LONGEST_HOST:
        return None
    return next((_BY_PATTERN[pattern] for pattern in _spell_as_patterns(host) if pattern in _BY_PATTERN), None)


@lru_cache(maxsize=8192)
def site_of_source(source: str) -> Site | None:
    """Return the known site of a utm_source in lower case: a bare name (google, fb) or a host (m.facebook.com)."""
    named = _BY_NAME.get(_ALIASES.get(source, source))
    return named if named is not None else site_of_host(source.removeprefix("www."))
