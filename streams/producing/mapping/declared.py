"""What a mapping says, as values: every field of a touchpoint and where it comes from.

`streams.producing.mapping.reading` makes one of a TOML file and refuses what is wrong with it. docs/mappings.md
explains all keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

#: What stands instead of fields in a table of values: rows with this value are no touchpoints.
SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's value comes from: the first of ``columns`` that is filled, all of them joined, or a constant.

    ``joiner`` is None where they aren't joined. ``prefix`` is put before what was found; ``otherwise`` is taken where
    nothing was. ``options`` say how the field reads it (format, time_zone, unit, decimal, region, ...).
    """

    columns: tuple[str, ...] = ()
    constant: str | None = None
    joiner: str | None = None
    prefix: str = ""
    otherwise: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_made(self) -> bool:
        """Whether what it gives may be something that no cell holds."""
        return bool(self.prefix) or self.joiner is not None or self.otherwise is not None or self.constant is not None

    @property
    def text(self) -> str:
        """For messages: the columns, or the constant."""
        return repr(self.constant) if self.constant is not None else ", ".join(self.columns)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is read: ``format`` '' is told by its name. ``header`` None is the first row's; ``quote`` '' is none.

    ``nothing`` are values that mean none. ``optional`` are patterns of columns that a file may lack.
    """

    format: str = ""
    delimiter: str = ""
    quote: str = '"'
    header: tuple[str, ...] | None = None
    nothing: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def may_lack(self, column: str) -> bool:
        """Whether a file without ``column`` is fine."""
        return any(fnmatchcase(column, pattern) for pattern in self.optional)


@dataclass(frozen=True, slots=True)
class Declared:
    """A mapping. ``fields`` are by path, as in "acquisition.source"; ``identifiers`` by namespace, strongest first.

    ``properties`` are columns by key. ``tables`` say, by column and by its value, what fields become; None skips the
    row. ``hashed`` are the columns of which an event_id is made where there is none.
    """

    name: str
    shape: Shape
    fields: Mapping[str, Source]
    identifiers: Mapping[str, Source]
    properties: Mapping[str, str]
    tables: Mapping[str, Mapping[str, Mapping[str, str] | None]]
    hashed: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Every column that is read, once, in the order of first use."""
        return list(dict.fromkeys(self._columns()))

    def _columns(self) -> Iterator[str]:
        for source in (*self.fields.values(), *self.identifiers.values()):
            yield from source.columns
        yield from self.tables
        yield from self.properties.values()
        yield from self.hashed

    @property
    def event_id_text(self) -> str:
        """How event_ids come about, in words."""
        given = self.fields.get("event_id")
        made = f"a hash of {', '.join(self.hashed)}" if self.hashed else ""
        if given is None:
            return made
        return f"{given.text}{', where empty ' + made if made else ''}"
