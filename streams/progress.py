"""What a command shows while it works: bars on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

#: Told how much is done, and of how much (None where that is not known), and what else to say.
Update = Callable[[int, int | None, str], None]

LINE_EVERY_S = 5.0


class Display:
    """Writes to standard error, so that results on standard output stay clean."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(stderr=True)
        self._clock = clock

    def step(self, text: str) -> None:
        """One line on what happens now."""
        if self._console.is_terminal:
            self._console.print(f"[dim]›[/dim] {text}", highlight=False)
        else:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    @contextmanager
    def bar(self, text: str, unit: str) -> Iterator[Update]:
        """A bar to update while the block runs; off a terminal a line every few seconds and one at the end."""
        if not self._console.is_terminal:
            yield from self._lines(text, unit)
            return
        columns = (
            TextColumn("[dim]›[/dim] {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit + " {task.fields[note]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(text, total=None, note="")
            yield lambda done, total, note: progress.update(task, completed=done, total=total, note=note)

    def _lines(self, text: str, unit: str) -> Iterator[Update]:
        last = self._clock()
        said = ""
        current = ""

        def update(done: int, total: int | None, note: str) -> None:
            nonlocal last, said, current
            current = f"{text}: {done:,}{f' of {total:,}' if total is not None else ''} {unit} {note}".rstrip()
            if self._clock() - last >= LINE_EVERY_S:
                last, said = self._clock(), current
                self.step(current)

        yield update
        if current and current != said:
            self.step(current)
