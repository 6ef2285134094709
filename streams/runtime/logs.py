"""Structured logs: one JSON line an event on standard error, for our own events and for those of libraries alike.

No personal data: events name topics, partitions, offsets and counts, never keys, values or identifiers. A trace shows
types and places; the message of an exception, which may quote what it failed on, only where its type says that it
quotes none. What libraries say of exceptions and what warnings say is cut down to the same.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping
from pathlib import PurePath
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from aiokafka.errors import KafkaError

#: Libraries that tell every step at info level.
QUIET = ("aiokafka", "faust", "mode", "kafka", "asyncio")
#: A type with this attribute set says that its messages quote no data.
QUOTES_NO_DATA = "quotes_no_data"
#: So many containers within each other are looked through for exceptions; of those within, the type is told.
DEEPEST = 4

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(level: str, stage: str) -> None:
    """Send structlog, the standard library's logging, warnings and uncaught exceptions to standard error.

    ``level`` is debug, info, warning or error; every line bears ``stage``.
    """

    def add_stage(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        # Not by context variables: threads of libraries have none of ours.
        event["stage"] = stage
        return event

    shared: list[structlog.typing.Processor] = [
        add_stage,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(trace_of),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_without_quotes)
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, getattr(logging, level.upper())))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    warnings.showwarning = _log_warning
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    # Otherwise a line that can't be written is followed by what was to be said.
    logging.raiseExceptions = False


def trace_of(exc_info: ExcInfo) -> str:
    """Types and places of an exception and of its causes, the last raised first; messages where they quote no data."""
    texts = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
        texts.append("\n  ".join([_headline(error), *frames]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused by ".join(texts)


def _headline(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    speaks = isinstance(error, OSError | KafkaError) or getattr(error, QUOTES_NO_DATA, False)
    return f"{name}: {error}" if speaks else name


def _without_quotes(record: logging.LogRecord) -> bool:
    """Cut down what is said of exceptions; every record is then logged."""
    if hasattr(record, "_logger"):  # structlog's, with an event in place of a text
        event = cast(dict[str, Any], record.msg)
        record.msg = {key: value if key == "exc_info" else _cut(value) for key, value in event.items()}
        return True
    try:
        record.msg = _cut(record.msg)
        # With one mapping for an argument the text is made by its keys.
        record.args = _cut(record.args) if isinstance(record.args, Mapping) else tuple(map(_cut, record.args or ()))
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - whatever the format or an argument raises; logging would show the arguments
        text = f"an event whose text cannot be made, at {record.filename}:{record.lineno}"
    # The lines behind asyncio's first show the task or future, and in it the exception.
    record.msg, record.args = text.partition("\n")[0] if record.name == "asyncio" else text, ()
    return True


def _cut(said: Any, deep: int = DEEPEST) -> Any:
    """``said`` with exceptions cut down, also those in containers."""
    match said:
        case BaseException():
            return _headline(said)
        case Mapping() | list() | tuple() | set() | frozenset() if not deep:
            return type(said).__name__
        case Mapping():
            return {_cut(key): _cut(value, deep - 1) for key, value in said.items()}
        case tuple():
            return tuple(_cut(one, deep - 1) for one in said)
        case list() | set() | frozenset():
            return [_cut(one, deep - 1) for one in said]
    return said


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    place = f"{PurePath(filename).name}:{lineno}"
    logging.getLogger("py.warnings").warning("%s at %s", category.__name__, place)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    logging.getLogger("streams.runtime").critical("uncaught", exc_info=(kind, error or kind(), trace))
