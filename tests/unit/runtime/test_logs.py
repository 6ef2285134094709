"""Log lines: one JSON object each, for whatever ends up in them, and nothing that an exception quotes."""

import json
import subprocess
import sys

from deploy.local.fetch import project_root
from sinks.clickhouse import Misconfigured, Rejected
from streams.runtime.failures import StateLost
from streams.runtime.logs import ExcInfo, trace_of

PERSONAL = "28dc833e@example.com"

EVERYTHING = f"""
import asyncio, logging, threading, warnings
import structlog
from streams.runtime import logs
logs.configure("info", "intake")
structlog.get_logger("streams.runtime").info("starting", inputs=["touchpoints.web"])
logging.getLogger("elsewhere").warning("two\\nlines of %s", "text")
logging.getLogger("aiokafka").info("a step of a library")
warnings.warn("{PERSONAL}", DeprecationWarning)
logging.getLogger("mode").error("crashed: %r after %d s", ValueError("{PERSONAL}"), 7)
async def fails():
    raise ValueError("{PERSONAL}")
async def forgets():
    task = asyncio.ensure_future(fails())
    await asyncio.sleep(0)
asyncio.run(forgets())
try:
    raise KeyError("{PERSONAL}")
except KeyError:
    structlog.get_logger("streams.runtime").exception("crashed")
threading.Thread(target=lambda: int("{PERSONAL}")).start()
raise ValueError("{PERSONAL}")
"""

HIDDEN = f"""
import logging
from streams.runtime import logs
logs.configure("info", "intake")
library, error = logging.getLogger("elsewhere"), ValueError("{PERSONAL}")
library.error(error)
library.error("%(what)s fails", {{"what": error}})
library.error("%r and %s", [error, ("x", {{error: 1}})], {{"what": {{error}}}})
around = [error]
around.append(around)
library.error("%s", around)
library.error("%d", "{PERSONAL}")
library.error({{"what": error}})
import structlog
structlog.get_logger("streams.runtime").error("failed", reason=error, all=[error], exc_info=error)
class Raising:
    def __str__(self):
        raise ValueError("{PERSONAL}")
    def __del__(self):
        raise ValueError("{PERSONAL}")
library.error("%s", Raising())
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """``code`` in a process of its own that shows all warnings."""
    command = [sys.executable, "-W", "always", "-c", code]
    return subprocess.run(command, cwd=project_root(), capture_output=True, text=True, check=False)


def caught(error: BaseException, cause: BaseException | None = None) -> ExcInfo:
    try:
        raise error from cause
    except BaseException as raised:  # noqa: BLE001  # any that the test gives
        return type(raised), raised, raised.__traceback__


def test_whatever_is_logged_warned_of_or_raised_is_one_json_line_without_what_it_quotes() -> None:
    ended = run(EVERYTHING)
    assert (ended.returncode, ended.stdout) == (1, "")
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(event["level"], event["logger"]) for event in events] == [
        ("info", "streams.runtime"),
        ("warning", "elsewhere"),
        ("warning", "py.warnings"),
        ("error", "mode"),
        ("error", "asyncio"),
        ("error", "streams.runtime"),
        ("critical", "streams.runtime"),
        ("critical", "streams.runtime"),
    ]
    assert {event["stage"] for event in events} == {"intake"}
    said = ["DeprecationWarning at <string>:9", "crashed: 'ValueError' after 7 s", "Task exception was never retrieved"]
    assert [event["event"] for event in events[2:5]] == said
    assert [event["exception"].splitlines()[0] for event in events[4:]] == [
        "ValueError",
        "KeyError",
        *["ValueError"] * 2,
    ]
    assert PERSONAL not in ended.stderr


def test_an_exception_is_cut_down_wherever_in_an_event_it_is() -> None:
    ended = run(HIDDEN)
    assert (ended.returncode, ended.stdout) == (0, "")
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [event["event"] for event in events] == [
        "ValueError",
        "ValueError fails",
        "['ValueError', ('x', {'ValueError': 1})] and {'what': ['ValueError']}",
        "['ValueError', ['ValueError', ['ValueError', ['ValueError', 'list']]]]",
        "an event whose text cannot be made, at <string>:12",
        "{'what': 'ValueError'}",
        "failed",
        "an event whose text cannot be made, at <string>:21",
        "uncaught",
    ]
    assert (events[6]["reason"], events[6]["all"], events[6]["exception"]) == (
        "ValueError",
        ["ValueError"],
        "ValueError",
    )
    assert PERSONAL not in ended.stderr


def test_a_trace_names_types_and_places_of_an_error_and_its_causes() -> None:
    trace = trace_of(caught(RuntimeError(PERSONAL), caught(ValueError(PERSONAL))[1]))
    headlines = [line for line in trace.splitlines() if not line.startswith("  ")]
    assert headlines == ["RuntimeError", "caused by ValueError"]
    assert f"  {__file__}:" in trace
    assert PERSONAL not in trace


def test_messages_stay_where_they_quote_no_data() -> None:
    for error in (
        StateLost("touchpoints.web-0: found offset 7, expected 5"),
        Misconfigured("no table"),
        OSError(28, "No space left on device"),
    ):
        assert trace_of(caught(error)).splitlines()[0].endswith(f": {error}")
    assert PERSONAL not in trace_of(caught(Rejected("touchpoints", PERSONAL)))
