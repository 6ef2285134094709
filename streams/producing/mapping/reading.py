"""A mapping read from TOML, everything that is wrong with it told at once, with the nearest known name.

Decides what may stand in the file. Whether a data file has the columns is asked when it is opened.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import phonenumbers

from schemas.conformance import shown
from streams.domain.identifiers import is_namespace, rank
from streams.producing.errors import InputError
from streams.producing.mapping.declared import SKIP, Declared, Shape, Source
from streams.producing.mapping.keys import (
    A_SOURCE,
    ADDRESSES,
    CHOICES,
    FORMATS,
    KEYS,
    SECTIONS,
    SETTABLE,
    SHAPE,
    SOURCE,
    TIME_FORMATS,
    is_naive,
    is_pattern,
    is_zone,
    names_zone,
    perhaps,
)

SHIPPED = Path(__file__).parent.parent / "mappings"


class MappingError(InputError):
    """The mapping cannot be used; one line for each thing that is wrong. Nothing was sent; the caller must act."""


def shipped() -> Sequence[str]:
    """The names of the mappings that come with omnijourney, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_mapping(name: str) -> Declared:
    """The mapping in the file ``name``, or the shipped one of that name; MappingError where it can't be used."""
    path = SHIPPED / f"{name}.toml" if name in shipped() else Path(name)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        near = get_close_matches(name, shipped(), n=1)
        hint = f", perhaps {near[0]}" if near else ""
        raise MappingError(
            f"{name}: {error.strerror}; expected a file, or one of {', '.join(shipped())}{hint}"
        ) from None
    except UnicodeDecodeError:
        raise MappingError(f"{name}: is no UTF-8") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{name}: is no TOML: {error}") from None
    return parse_mapping(name, content)


def parse_mapping(name: str, content: Mapping[str, Any]) -> Declared:
    """The mapping that ``content`` says; MappingError with every wrong key and value."""
    reading = _Reading()
    declared = reading.read(name, content)
    if reading.wrong:
        raise MappingError("\n".join(f"{name}: {line}" for line in reading.wrong))
    return declared


class _Reading:
    """Collects what is wrong while a mapping is put together."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def read(self, name: str, content: Mapping[str, Any]) -> Declared:
        self._known("", content, (*SHAPE, *SECTIONS))
        fields: dict[str, Source] = {}
        for section, keys in KEYS.items():
            given = self._section(section, content)
            self._known(section, given, keys)
            for key in keys:
                if key in given and key != "properties":
                    path = key if section == "touchpoint" else f"{section}.{key}"
                    fields[path] = self._source(f"{section}.{key}", given[key], keys[key])
        touchpoint = self._section("touchpoint", content)
        hashed = self._hashed(touchpoint.get("event_id"))
        if hashed and not fields["event_id"].columns:
            del fields["event_id"]
        declared = Declared(
            name,
            self._shape(content),
            fields,
            self._identifiers(self._section("identifiers", content)),
            self._properties(touchpoint.get("properties", [])),
            self._tables(self._section("by", content)),
            hashed,
        )
        self._check(declared)
        return declared

    def _section(self, section: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        given = content.get(section, {})
        if isinstance(given, dict):
            return given
        self._tell(section, given, f"a table: [{section}]")
        return {}

    def _shape(self, content: Mapping[str, Any]) -> Shape:
        form = self._text("format", content.get("format", ""))
        delimiter = self._text("delimiter", content.get("delimiter", ""))
        quote = self._text("quote", content.get("quote", '"'))
        if form and form not in FORMATS:
            self._tell("format", form, f"one of {', '.join(FORMATS)}{perhaps(form, FORMATS)}")
        for key, value in (("delimiter", delimiter), ("quote", quote)):
            if len(value.encode()) > 1 or value in ("\n", "\r"):
                self._tell(key, value, "one ASCII character")
        header = self._texts("header", content["header"]) if "header" in content else None
        if header is not None and (not header or len(set(header)) < len(header)):
            self._tell("header", list(header), "names of columns, each once")
        return Shape(
            form,
            delimiter,
            quote,
            header,
            self._texts("nothing", content.get("nothing", [])),
            self._texts("optional", content.get("optional", [])),
        )

    def _source(self, where: str, given: Any, options: Sequence[str] = ()) -> Source:
        if not isinstance(given, dict):
            return Source(self._columns(where, given))
        self._known(where, given, (*SOURCE, *options))
        kinds = [kind for kind in ("column", "join", "constant") if kind in given]
        if len(kinds) > 1 or not (kinds or "hash" in given):
            self._tell(where, ", ".join(kinds) or "neither column, join nor constant", "one of the three", False)
        said = {key: self._text(f"{where}.{key}", given[key]) for key in options if key in given and key != "hash"}
        for key, value in said.items():
            self._option(f"{where}.{key}", key, value)
        if "constant" in given:
            constant = self._text(f"{where}.constant", given["constant"], empty=False)
            return Source(constant=constant, options=said)
        named = next((key for key in ("column", "join") if key in given), "")
        return Source(
            self._columns(f"{where}.{named}", given[named]) if named else (),
            joiner=self._text(f"{where}.separator", given.get("separator", " ")) if named == "join" else None,
            prefix=self._text(f"{where}.prefix", given.get("prefix", "")),
            otherwise=self._text(f"{where}.otherwise", given["otherwise"], empty=False)
            if "otherwise" in given
            else None,
            options=said,
        )

    def _option(self, where: str, key: str, value: str) -> None:
        if key in CHOICES and value not in CHOICES[key]:
            self._tell(where, value, " or ".join(CHOICES[key]))
        elif key == "time_zone" and not is_zone(value):
            self._tell(where, value, "a time zone like Europe/Berlin or UTC")
        elif key == "region" and value not in phonenumbers.SUPPORTED_REGIONS:
            self._tell(where, value, "a region like DE or US (ISO 3166), for numbers without a country code")
        elif key == "format" and names_zone(value):
            expected = "%z, which reads +01:00 and Z; names of zones are ambiguous: leave them out and say time_zone"
            self._tell(where, value, expected)
        elif key == "format" and value not in TIME_FORMATS and not is_pattern(value):
            near = perhaps(value, TIME_FORMATS)
            self._tell(where, value, f"{', '.join(TIME_FORMATS)} or a pattern like %d.%m.%Y %H:%M:%S{near}")

    def _identifiers(self, given: Mapping[str, Any]) -> Mapping[str, Source]:
        found: dict[str, Source] = {}
        for namespace in sorted(given, key=lambda name: (rank(name), name)):
            where = f"identifiers.{namespace}"
            if not is_namespace(namespace):
                self._tell(where, namespace, "a lower-case name like cookie_id")
            value, kind = given[namespace], ADDRESSES.get(namespace, "")
            if isinstance(value, dict) and kind in value:
                self._known(where, value, (kind, "region") if kind == "phone" else (kind,))
                options = {key: self._text(f"{where}.{key}", text) for key, text in value.items() if key == "region"}
                for key, text in options.items():
                    self._option(f"{where}.{key}", key, text)
                columns = self._columns(f"{where}.{kind}", value[kind])
                found[namespace] = Source(columns, options={"address": kind, **options})
            else:
                found[namespace] = self._source(where, value)
        return found

    def _properties(self, given: Any) -> Mapping[str, str]:
        if isinstance(given, dict):
            return {key: self._text(f"touchpoint.properties.{key}", name, empty=False) for key, name in given.items()}
        return {name: name for name in self._texts("touchpoint.properties", given)}

    def _hashed(self, given: Any) -> tuple[str, ...]:
        if not isinstance(given, dict) or "hash" not in given:
            return ()
        return self._columns("touchpoint.event_id.hash", given["hash"])

    def _tables(self, given: Mapping[str, Any]) -> Mapping[str, Mapping[str, Mapping[str, str] | None]]:
        return {column: self._table(f"by.{column}", values) for column, values in given.items()}

    def _table(self, where: str, values: Any) -> Mapping[str, Mapping[str, str] | None]:
        if not isinstance(values, dict):
            self._tell(where, values, f"a table of the column's values: [{where}]")
            return {}
        return {value: self._entry(f"{where}.{value}", entry) for value, entry in values.items()}

    def _entry(self, where: str, entry: Any) -> Mapping[str, str] | None:
        if entry == SKIP:
            return None
        if not isinstance(entry, dict):
            self._tell(where, entry, f'"{SKIP}" or a table of {", ".join(SETTABLE)}')
            return {}
        self._known(where, entry, SETTABLE)
        said = {key: self._text(f"{where}.{key}", text, empty=False) for key, text in entry.items() if key in SETTABLE}
        for key, text in said.items():
            self._choice(f"{where}.{key}", key, text)
        return {SETTABLE[key]: text for key, text in said.items()}

    def _choice(self, where: str, key: str, text: str) -> None:
        if key in CHOICES and text not in CHOICES[key]:
            self._tell(where, text, f"one of {', '.join(CHOICES[key])}{perhaps(text, CHOICES[key])}")

    def _check(self, declared: Declared) -> None:
        """What no key alone can tell."""
        settable = {path for table in declared.tables.values() for entry in table.values() for path in entry or ()}
        for path in ("channel", "action", "occurred_at"):
            if path not in declared.fields and path not in settable:
                self._tell(f"touchpoint.{path}", "nothing", A_SOURCE, False)
        if "event_id" not in declared.fields and not declared.hashed:
            expected = "a column, or { hash = [columns that tell events apart] }"
            self._tell("touchpoint.event_id", "nothing", expected, False)
        if not declared.identifiers:
            self._tell("identifiers", "nothing", "at least one, like user_id or cookie_id", False)
        for path in ("channel", "direction", "mode"):
            source = declared.fields.get(path)
            if source is not None and source.constant is not None:
                self._choice(f"touchpoint.{path}", path, source.constant)
        time = declared.fields.get("occurred_at")
        if time is not None and is_naive(time.options):
            expected = "a time_zone beside it, or %z in the pattern"
            self._tell("touchpoint.occurred_at.format", time.options["format"], expected)
        self._check_addresses(declared)

    def _check_addresses(self, declared: Declared) -> None:
        """Columns with addresses must not reach Kafka by another way."""
        held = {
            column: f"identifiers.{namespace}"
            for namespace, source in declared.identifiers.items()
            if "address" in source.options
            for column in source.columns
        }
        uses = [(f"touchpoint.properties.{key}", [column]) for key, column in declared.properties.items()]
        uses += [(path, list(source.columns)) for path, source in declared.fields.items()]
        uses += [
            (f"identifiers.{namespace}", list(source.columns))
            for namespace, source in declared.identifiers.items()
            if "address" not in source.options
        ]
        for where, columns in uses:
            for column in columns:
                holder = next((namespace for other, namespace in held.items() if _overlap(column, other)), None)
                if holder is not None:
                    expected = f"another column: {holder} says that it holds addresses, which never enter Kafka"
                    self._tell(where, column, expected)

    def _known(self, where: str, given: Mapping[str, Any], names: Sequence[str] | Mapping[str, Any]) -> None:
        for key in given:
            if key not in names:
                place = f"{where}.{key}" if where else key
                known = get_close_matches(key, list(names), n=1, cutoff=0.5)
                said = f"perhaps {known[0]}" if known else f"expected one of {', '.join(names)}"
                self.wrong.append(f"{place}: no such key, {said}")

    def _columns(self, where: str, given: Any) -> tuple[str, ...]:
        if isinstance(given, str) and given:
            return (given,)
        if isinstance(given, list) and given:
            return self._texts(where, given)
        self._tell(where, given, A_SOURCE)
        return ()

    def _texts(self, where: str, given: Any) -> tuple[str, ...]:
        if isinstance(given, list) and all(isinstance(text, str) for text in given):
            return tuple(given)
        self._tell(where, given, "a list of texts")
        return ()

    def _text(self, where: str, given: Any, empty: bool = True) -> str:
        if isinstance(given, str) and (given or empty):
            return given
        self._tell(where, given, "text")
        return ""

    def _tell(self, where: str, found: Any, expected: str, quoted: bool = True) -> None:
        self.wrong.append(f"{where}: found {shown(found) if quoted else found}, expected {expected}")


def _overlap(one: str, other: str) -> bool:
    """Whether the paths are the same, or one is inside the other: `traits` holds `traits.phone`."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
