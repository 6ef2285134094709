"""A file of what was spent: lines of CSV to rows, or every wrong line with what was expected. All or nothing."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from streams.domain.marketing_channel import MARKETING_CHANNELS
from streams.domain.validation import MAX_TEXT

DIMENSIONS = ("marketing_channel", "campaign")
COLUMNS = "day, marketing_channel or campaign, amount and currency"
#: The days that ClickHouse's Date holds.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# Twelve digits before the point: more would not fit into an integer of millionths.
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,6})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


class Spend(NamedTuple):
    """What was spent on a day (UTC) on a marketing channel or campaign, in millionths of the currency unit."""

    day: date
    dimension: str
    name: str
    currency: str
    amount_micros: int


class Problem(NamedTuple):
    """What is wrong in a line, 1 being the header."""

    line: int
    field: str
    value: str
    expected: str

    @property
    def text(self) -> str:
        """One line for people."""
        return f"line {self.line}: {self.field}: found {self.value!r}, expected {self.expected}"


class WrongSpend(ValueError):
    """The file can't be taken as it is; ``problems`` are all of them, by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


def read_spend(lines: Iterable[str]) -> list[Spend]:
    """The rows of a CSV file with a header, columns in any order; WrongSpend where anything is wrong, also where a day,
    name and currency stand twice, since only one could hold."""
    rows = csv.reader(lines, strict=True)
    problems: list[Problem] = []
    found: dict[tuple[object, ...], tuple[int, Spend]] = {}
    try:
        header = [name.strip() for name in next(rows, [])]
        _check_header(header)
        for values in rows:
            if not any(value.strip() for value in values):
                continue
            spend = _spend(header, [value.strip() for value in values], rows.line_num, problems)
            if spend is None:
                continue
            before, _ = found.setdefault(spend[:4], (rows.line_num, spend))
            if before != rows.line_num:
                what = f"{spend.day}, {spend.name}, {spend.currency}"
                problems.append(Problem(rows.line_num, "line", what, f"it once; line {before} has it, too"))
    except csv.Error as error:
        problems.append(Problem(rows.line_num, "line", str(error), "CSV, quotes closed"))
    except UnicodeDecodeError as error:
        problems.append(
            Problem(rows.line_num + 1, "line", repr(error.object[error.start : error.end]), "text in UTF-8")
        )
    if problems:
        raise WrongSpend(problems)
    return [spend for _, spend in found.values()]


def _check_header(header: Sequence[str]) -> None:
    named = [dimension for dimension in DIMENSIONS if dimension in header]
    if len(named) != 1 or sorted(header) != sorted(["day", "amount", "currency", *named]):
        raise WrongSpend([Problem(1, "header", ",".join(header), f"the columns {COLUMNS}, comma-separated")])


def _spend(header: Sequence[str], values: Sequence[str], line: int, problems: list[Problem]) -> Spend | None:
    if len(values) != len(header):
        problems.append(Problem(line, "line", ",".join(values), f"{len(header)} values"))
        return None
    fields = dict(zip(header, values, strict=True))
    wrong = [Problem(line, *found) for found in _wrong(fields)]
    problems += wrong
    if wrong:
        return None
    dimension = next(name for name in DIMENSIONS if name in fields)
    micros = int(Decimal(fields["amount"]).scaleb(6))
    return Spend(date.fromisoformat(fields["day"]), dimension, fields[dimension], fields["currency"], micros)


def _wrong(fields: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """(field, value, expected) of each that is wrong."""
    if not _is_day(fields["day"]):
        yield "day", fields["day"], "a day as 2026-03-31"
    if _AMOUNT.fullmatch(fields["amount"]) is None:
        yield "amount", fields["amount"], "a number from 0 with a point and at most 6 decimals, as 1234.50"
    if _CURRENCY.fullmatch(fields["currency"]) is None:
        yield "currency", fields["currency"], "an ISO 4217 code like EUR"
    channel, campaign = fields.get("marketing_channel"), fields.get("campaign")
    if channel is not None and channel not in MARKETING_CHANNELS:
        yield "marketing_channel", channel, f"one of {', '.join(MARKETING_CHANNELS)}"
    if campaign is not None and not 0 < len(campaign) <= MAX_TEXT:
        yield "campaign", campaign[:40], f"a name of 1 to {MAX_TEXT} characters"


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None:
        return False
    try:
        return FIRST_DAY <= date.fromisoformat(text) <= LAST_DAY
    except ValueError:
        return False
