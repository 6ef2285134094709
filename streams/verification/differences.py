"""Rows as they should be beside rows as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isclose
from statistics import mode
from typing import Any, Literal, NamedTuple

Kind = Literal["missing", "extra", "different"]
#: Gives the lines of a row's trace, by its key.
Trace = Callable[[str], Iterable[str]]
COLUMNS_SHOWN = 3
LONGEST_SHOWN = 60


class Cell(NamedTuple):
    """The first place where two values of a column differ."""

    column: str
    expected: object
    found: object

    @property
    def text(self) -> str:
        """In a few words."""
        return f"{self.column}: expected {_short(self.expected)}, found {_short(self.found)}"


class Difference(NamedTuple):
    """A row that is missing, one that should not be, or the first columns in which it differs; ``trace``: lines on
    where to look, the events first."""

    kind: Kind
    key: str
    cells: tuple[Cell, ...] = ()
    trace: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """In one line, without the trace."""
        return f"{self.kind:<9} {self.key}" + "".join(f"; {cell.text}" for cell in self.cells)


@dataclass
class Comparison:
    """One table: how many rows are equal, and how many differ; of the differences ``limit`` are kept. ``seconds`` it
    took to compute and compare."""

    table: str
    limit: int
    equal: int = 0
    seconds: float = 0.0
    counts: dict[Kind, int] = field(default_factory=lambda: {"missing": 0, "extra": 0, "different": 0})
    kept: list[Difference] = field(default_factory=list)

    @property
    def differences(self) -> int:
        """How many rows differ."""
        return sum(self.counts.values())

    @property
    def differs(self) -> bool:
        """Whether any row does."""
        return self.differences > 0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the seconds of the block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began

    def add(self, difference: Difference, trace: Trace | None = None) -> None:
        """Count ``difference``, and keep it where there is room; only then its ``trace`` is asked for."""
        self.counts[difference.kind] += 1
        if len(self.kept) < self.limit:
            self.kept.append(difference if trace is None else difference._replace(trace=tuple(trace(difference.key))))

    def compare(
        self,
        columns: Sequence[str],
        expected: Mapping[str, Sequence[Any]],
        found: Mapping[str, Sequence[Any]],
        trace: Trace | None = None,
    ) -> None:
        """Rows by their key, each with a value for each of ``columns``."""
        for key in [*expected, *(key for key in found if key not in expected)]:
            if key not in found:
                self.add(Difference("missing", key), trace)
            elif key not in expected:
                self.add(Difference("extra", key), trace)
            elif cells := differing(columns, expected[key], found[key]):
                self.add(Difference("different", key, cells), trace)
            else:
                self.equal += 1


def kind_of(is_expected: bool, is_found: bool) -> Kind:
    """How a row differs that should be there, that is, or both."""
    return "different" if is_expected and is_found else "missing" if is_expected else "extra"


def differing(columns: Sequence[str], expected: Sequence[Any], found: Sequence[Any]) -> tuple[Cell, ...]:
    """The first columns in which two rows differ."""
    if expected == found:
        return ()
    cells = (
        cell
        for column, one, other in zip(columns, expected, found, strict=True)
        if (cell := _differing(column, one, other))
    )
    return tuple(cell for cell, _ in zip(cells, range(COLUMNS_SHOWN), strict=False))


def uneven(arrays: Mapping[str, Sequence[Any]]) -> Iterator[Cell]:
    """Those of parallel ``arrays``, by column, that aren't as long as most."""
    usual = mode(map(len, arrays.values()))
    for column, array in arrays.items():
        if len(array) != usual:
            yield Cell(f"length of {column}", usual, len(array))


def _differing(column: str, expected: Any, found: Any) -> Cell | None:
    if _are_equal(expected, found):
        return None
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return Cell(f"length of {column}", len(expected), len(found))
        return next(
            Cell(f"{column}[{at}]", one, other)
            for at, (one, other) in enumerate(zip(expected, found, strict=True))
            if not _are_equal(one, other)
        )
    return Cell(column, expected, found)


def _are_equal(expected: Any, found: Any) -> bool:
    """Equal, but for the last bits of a float: another machine's library may round powers otherwise."""
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=1e-12)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_are_equal, expected, found))
    return bool(expected == found)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
