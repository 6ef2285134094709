"""CSV (and TSV) to tables, read in pieces of a MiB: RFC 4180, with any delimiter, quote and header.

A row with more or fewer fields than the header is a reject, and so is one longer than a line may be; the rows around
it are read. pyarrow parses what `streams.producing.mapping.records` has cut into whole records; where the two see
different rows (stray carriage returns), Python's csv module has the last word, record by record.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from io import BufferedReader, StringIO
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from schemas.conformance import Problem
from streams.producing.errors import InputError
from streams.producing.lines import MAX_LINE
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.records import Records, find_records
from streams.producing.mapping.tables import Table, text_of
from streams.producing.readers import BOM
from streams.producing.rows import Heading, Reject, Remainder

PIECE = 1_048_576
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
DELIMITERS = ",;\t|"
_SKIP = "skip"


def csv_tables(source: str, stream: BinaryIO, declared: Declared) -> Iterator[Table | Heading | Reject | Remainder]:
    """The tables of a CSV file, and its rows that are none; InputError where it lacks columns."""
    yield from _File(source, stream, declared).items()


def check_columns(source: str, columns: Sequence[str], declared: Declared) -> None:
    """InputError with every column that ``declared`` needs and ``source`` lacks, and the nearest that it has."""
    missing = [name for name in declared.columns if name not in columns and not declared.shape.may_lack(name)]
    if missing:
        raise InputError("\n".join(f"{source}: no column {name!r}{_hint(name, columns)}" for name in missing))
    if not set(declared.columns) & set(columns):
        raise InputError(f"{source}: has none of the mapping's columns; it has {', '.join(columns[:20])}")


def check_once(source: str, columns: Sequence[str], needed: Iterable[str]) -> None:
    """InputError where a needed column stands twice in ``source``: which one is meant, nobody can know."""
    twice = [name for name in needed if columns.count(name) > 1]
    if twice:
        raise InputError("\n".join(f"{source}: column {name!r} stands twice, expected once" for name in twice))


def _hint(name: str, columns: Sequence[str]) -> str:
    near = get_close_matches(name, columns, n=1, cutoff=0.5)
    listed = ", ".join(columns[:20])
    return f", perhaps {near[0]!r}" if near else f"; it has {listed}{', ...' if len(columns) > 20 else ''}"


def read_piece(stream: BinaryIO) -> bytes:
    """Up to a piece of ``stream``; of a pipe what is there, so that nothing waits for what comes later."""
    if isinstance(stream, BufferedReader) and not stream.seekable():
        return stream.read1(PIECE)
    return stream.read(PIECE)


class _File:
    def __init__(self, source: str, stream: BinaryIO, declared: Declared) -> None:
        self._source, self._stream, self._declared = source, stream, declared
        shape = declared.shape
        self._quote = shape.quote
        self._delimiter = shape.delimiter or ("\t" if ".tsv" in source else "")
        self._header = list(shape.header or ())
        self._line = 1

    def items(self) -> Iterator[Table | Heading | Reject | Remainder]:
        rest = self._stream.read(len(BOM)).removeprefix(BOM)
        if rest[:2] in UTF_16:
            raise InputError(f"{self._source}: is UTF-16, expected UTF-8")
        while piece := read_piece(self._stream):
            rest = yield from self._whole(rest + piece)
            if len(rest) > MAX_LINE:
                rest = yield from self._give_up_line(rest)
        yield from self._last(rest)
        if not self._header:
            raise InputError(f"{self._source}: no header: the file is empty")

    def _last(self, data: bytes) -> Iterator[Table | Heading | Reject | Remainder]:
        """What is left at the end: a record without line end, or one whose quote is never closed."""
        while data:
            rest = yield from self._whole(data if data.endswith(b"\n") else data + b"\n")
            data = (yield from self._give_up_line(rest)) if rest else b""

    def _whole(self, data: bytes) -> Any:
        """Yields what the whole records of ``data`` hold, returns what is behind them."""
        if not self._delimiter:
            self._delimiter = _delimiter_of(data, self._declared)
        records = find_records(data, self._delimiter, self._quote)
        if not len(records.ends):
            return data
        end = int(records.ends[-1])
        whole, first_line = data[:end], self._line
        self._line += whole.count(b"\n")
        if not self._header:
            heading = whole[: records.ends[0]]
            self._header = self._names(_text(self._source, heading))
            check_columns(self._source, self._header, self._declared)
            check_once(self._source, self._header, self._declared.columns)
            yield Heading(self._source, heading)
            records = Records(*(part[1:] for part in records))
        if len(records.ends):
            yield from self._table(whole, records, first_line)
        return data[end:]

    def _names(self, heading: str) -> list[str]:
        try:
            return next(csv.reader(StringIO(heading), **self._dialect()), [])
        except csv.Error as error:
            raise InputError(f"{self._source}: the header is no row of CSV: {error}") from None

    def _give_up_line(self, rest: bytes) -> Any:
        """Yields the first line of ``rest`` as a reject, returns what follows it: a quote there is never closed."""
        end = rest.find(b"\n") + 1
        if not end:
            found = f"a row of more than {MAX_LINE} bytes"
            yield Reject(self._source, self._line, [Problem("", found, f"at most {MAX_LINE} bytes")], rest)
            while (more := self._stream.readline(PIECE)) and not more.endswith(b"\n"):
                yield Remainder(more)
            yield Remainder(more)
        else:
            problem = Problem("", "a quote that is never closed", f"rows of at most {MAX_LINE} bytes")
            yield Reject(self._source, self._line, [problem], rest[:end])
        self._line += 1
        return rest[end:] if end else b""

    def _table(self, data: bytes, records: Records, first_line: int) -> Iterator[Table | Reject]:
        lengths = records.ends - records.starts
        first = np.frombuffer(data, np.uint8)[records.starts]
        blank = (lengths == 1) | ((lengths == 2) & (first == 13))
        at = np.flatnonzero(~blank)
        body = data[int(records.starts[0]) : int(records.ends[-1])]
        parsed, short = self._parsed(body)
        if parsed is None or parsed.num_rows + len(short) != len(at):
            parsed, short = self._row_by_row(data, records, at)
        for number, problem in short.items():
            record = int(at[number])
            raw = data[int(records.starts[record]) : int(records.ends[record])]
            yield Reject(self._source, first_line + int(records.lines[record]), [problem], raw)
        kept = np.delete(at, list(short)) if short else at
        wrong: dict[int, list[Problem]] = {}
        columns = {name: text_of(_single(parsed[name]), name, wrong) for name in parsed.column_names}
        lines = (first_line + records.lines[kept]).tolist()
        # Slices by numpy's integers take ten times as long.
        starts, ends = records.starts[kept].tolist(), records.ends[kept].tolist()
        yield Table(self._source, columns, lines, lambda row: data[starts[row] : ends[row]], wrong)

    def _parsed(self, body: bytes) -> tuple[Any, dict[int, Problem]]:
        """The needed columns of the rows of ``body`` with as many fields as the header, and problems of the others."""
        short: dict[int, Problem] = {}

        def note(row: Any) -> str:
            # Its number counts from 1.
            short[row.number - 1] = self._wrong_width(row.actual_columns)
            return _SKIP

        names = [str(index) for index in range(len(self._header))]
        needed = self._needed()
        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(body),
                pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(body) + 1),
                pyarrow.csv.ParseOptions(
                    delimiter=self._delimiter,
                    quote_char=self._quote or False,
                    double_quote=bool(self._quote),
                    newlines_in_values=bool(self._quote),
                    # Given bytes that are no text, it would not ask, and show a trace instead.
                    invalid_row_handler=note if _is_text(body) else None,
                ),
                pyarrow.csv.ConvertOptions(
                    check_utf8=False,
                    include_columns=[str(index) for index in needed.values()],
                    column_types={name: pa.binary() for name in names},
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid:
            return None, {}
        return table.rename_columns(list(needed)), short

    def _row_by_row(self, data: bytes, records: Records, at: Any) -> tuple[Any, dict[int, Problem]]:
        needed, short = self._needed(), dict[int, Problem]()
        columns: dict[str, list[bytes]] = {name: [] for name in needed}
        for number, record in enumerate(at.tolist()):
            text = data[records.starts[record] : records.ends[record]].decode("utf-8", "surrogateescape")
            try:
                found = list(csv.reader(StringIO(text.rstrip("\r\n"), newline=""), **self._dialect()))
            except csv.Error as error:
                short[number] = Problem("", str(error), "a row of CSV")
                continue
            if len(found) > 1:
                short[number] = Problem("", "a carriage return in the midst of a row", "quotes around such a field")
                continue
            (fields,) = found
            if len(fields) != len(self._header):
                short[number] = self._wrong_width(len(fields))
                continue
            for name, index in needed.items():
                columns[name].append(fields[index].encode("utf-8", "surrogateescape"))
        return pa.table({name: pa.array(values, pa.binary()) for name, values in columns.items()}), short

    def _needed(self) -> dict[str, int]:
        return {name: self._header.index(name) for name in self._declared.columns if name in self._header}

    def _wrong_width(self, fields: int) -> Problem:
        return Problem("", f"{fields} columns", f"{len(self._header)}, as the header has")

    def _dialect(self) -> dict[str, Any]:
        if not self._quote:
            return {"delimiter": self._delimiter, "quoting": csv.QUOTE_NONE}
        return {"delimiter": self._delimiter, "quotechar": self._quote}


def _delimiter_of(data: bytes, declared: Declared) -> str:
    """The delimiter by which the first line holds most of the mapping's columns, then the most frequent one."""
    line = data.partition(b"\n")[0].decode("utf-8", "replace").strip("\r")

    def fitness(delimiter: str) -> tuple[int, int]:
        names = {name.strip('"') for name in line.split(delimiter)}
        return len(names & set(declared.columns)), len(names)

    return max(DELIMITERS, key=fitness)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(source: str, heading: bytes) -> str:
    try:
        return heading.decode()
    except UnicodeDecodeError as error:
        found = f"the byte {heading[error.start]:#04x}"
        raise InputError(f"{source}: found {found} in the header, expected UTF-8") from None


def _single(column: Any) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
