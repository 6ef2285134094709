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


def caught(error: BaseException, cause: BaseException | None = None) -> ExcInfo:
    try:
        raise error from cause
    except BaseException as raised:  # noqa: BLE001  # any that the test gives
        return type(raised), raised, raised.__traceback__


def test_whatever_is_logged_warned_of_or_raised_is_one_json_line_without_what_it_quotes() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", EVERYTHING],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
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
