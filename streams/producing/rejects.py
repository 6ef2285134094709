"""The file that keeps wrong lines as they were, so that they can be mended and produced again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from streams.producing.errors import InputError
from streams.producing.rows import Failure, Heading, Remainder
from streams.producing.sources import STDIN


class RejectsFile:
    """Lines that were rejected or not delivered, byte for byte, in the order in which that was known."""

    def __init__(self, path: str, inputs: Iterable[str]) -> None:
        """Make ``path`` anew. Raises InputError where it cannot be written or is one of ``inputs``."""
        for read in inputs:
            if read != STDIN and Path(path).exists() and Path(path).samefile(read):
                raise InputError(f"{path}: is read in the same run, rejects need a file of their own")
        try:
            self._file = Path(path).open("wb")  # noqa: SIM115  # closed by __exit__
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error
        self._ended = True
        self._heading = self._written = b""

    def __enter__(self) -> RejectsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def head(self, heading: Heading) -> None:
        """What follows comes from a file with this first line, which is written before its first reject."""
        self._heading = heading.raw

    def add(self, failure: Failure) -> None:
        """Write the line of ``failure``; a last line of a file gets the end that it lacks once another follows."""
        if not failure.raw:
            return
        if not self._ended and not isinstance(failure, Remainder):
            self._file.write(b"\n")
        if self._heading != self._written:
            self._file.write(self._heading)
            self._written = self._heading
        self._file.write(failure.raw)
        self._ended = failure.raw.endswith(b"\n")
