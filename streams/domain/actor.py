"""The verdict on who did it: human, suspect or machine.

Decides it from one touchpoint alone: the provider's word, a known bot's user agent, a page view without one. It
leaves to `streams.domain.verdicts` what needs several touchpoints (bursts of clicks, an opening within two seconds of
delivery), which may raise the verdict later, and never drops anything: a machine's touchpoint is kept and counted
apart.

Known bots are those of the package crawler-user-agents, as written there, case included. Two of its entries are no
bots where they appear every day, and there alone they are passed over:

- GoogleImageProxy and YahooMailProxy at an e-mail's opening. They fetch the picture for a person who opens the
  message; taken for bots, no reader at Gmail would ever have opened anything. Whether they fetch ahead as well is
  disputed. What is fetched right at delivery becomes suspect by the time that has passed.
- okhttp on mobile: the library by which nearly every Android app talks to its server.
"""

from functools import lru_cache
from importlib.metadata import version
from typing import Final

import crawleruseragents

HUMAN: Final = "human"
SUSPECT: Final = "suspect"
MACHINE: Final = "machine"

# The first number is ours: raise it with any change of the rules in this module or in `streams.domain.verdicts`.
RULES_VERSION: Final = f"2+crawler-user-agents-{version('crawler-user-agents')}"

_NO_AGENTS: Final = frozenset({"", "-"})  # "-" is how access logs write an absent one
_IMAGE_PROXIES: Final = ("GoogleImageProxy", "YahooMailProxy")
_APP_LIBRARIES: Final = ("okhttp",)
_LONGEST_AGENT: Final = 2048  # real ones stay far below; some 1,500 patterns over a megabyte would stall the stage


def judge(channel: str, action: str, user_agent: str | None, provider_machine: bool) -> str:
    """Return "machine" or "human" for one touchpoint; "suspect" only comes from evidence of several.

    Machine is what the provider calls one, what a known bot's user agent did, and a page view on the web with an
    empty or absent user agent; elsewhere an absent one says nothing. Never raises on any strings.
    """
    if provider_machine:
        return MACHINE
    agent = user_agent.strip() if user_agent else ""
    if agent in _NO_AGENTS:
        return MACHINE if (channel, action) == ("web", "page_viewed") else HUMAN
    return MACHINE if _is_known_bot(_pass_over(channel, action, agent[:_LONGEST_AGENT])) else HUMAN


def _pass_over(channel: str, action: str, agent: str) -> str:
    """Return the user agent without the names that mean no bot here, so that the list still judges the rest."""
    names: tuple[str, ...] = ()
    if (channel, action) == ("email", "opened"):
        names = _IMAGE_PROXIES
    elif channel == "mobile":
        names = _APP_LIBRARIES
    for name in names:
        agent = agent.replace(name, "")
    return agent


@lru_cache(maxsize=32768)
def _is_known_bot(agent: str) -> bool:
    return bool(crawleruseragents.is_crawler(agent))
