"""Records gone wrong, by a seed: what a producer with a defect, or with bad intent, may put on a topic.

Half begin as a touchpoint whose fields hold what nobody expects and are encoded afterwards; half are changed in their
bytes (`tests.fuzz.damage`). Some are left as they are, so that what follows a bad record is seen too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import Any

from schemas.codec import MARKER, encode
from streams.domain.vocabulary import CHANNELS
from streams.runtime.stage import Headers, PlainRecord
from streams.sample import MONDAY_2026_03_02, generate, to_ndjson
from tests.fuzz.damage import Damage
from tests.unit.builders import DAY, touchpoint_record

#: Longer values come less often: a megabyte is what a topic takes.
LENGTHS = (0, 1, 2, 11, 12, 63, 64, 65, 1_023, 1_024, 1_025, 2_048, 60_000, 450_000)
WHOLE = (
    *(-(2**63), -(2**63) + 1, -(2**31) - 1, -(2**31), -1, 0, 1, 2**31 - 1, 2**31, 2**53, 2**63 - 1),
    *(-1001, 1000, 1001, 86_400_000, 86_400_001, 10**15, 10**15 + 1, 9_214_646_400_000, 9_214_646_400_001),
)
TEXTS = (
    *("", " ", "\0", "a\0b", "null", "0", "-", "{}", "__proto__", "%s%n", "../..", "\r\n", "\x85", "\u2028", "\ufeff"),
    *(
        "\ud7ff",
        "\uffff",
        "\U0010ffff",
        "e\u0301" * 9,
        "\u202e",
        "ﬃ",
        "İ",
        "ß" * 600,
        "👩‍👩‍👧",
        "٣",
        "a" * 65,
        "x:y",
        ":",
    ),
    *("http://", "https://[", "HTTPS://User@Host:99999/?q=%ff#", "//x", "a." * 400, "-" * 3_000 + "_", "(direct)"),
    *("UNKNOWN", "purchase", "EUR", "eur", "nps", "push_opened", "delivered", "opened", "clicked", "user_id"),
)
HEADERS: Sequence[tuple[str, bytes]] = (
    *(("received_at", value) for value in (b"", b"0", b"-1", b"9" * 15, b"9" * 400, b"\xd9\xa3", b"1_0", b"\xff")),
    *(("origin", value) for value in (b"", b"touchpoints.web-0-1", b"\0" * 9, b"\xff\xfe", b"x" * 70_000)),
    ("", b""),
)

Touchpoint = dict[str, Any]


def touchpoints(count: int, seed: int) -> list[Touchpoint]:
    """``count`` whole records of the sample company."""
    sample = islice(generate(max(50, count // 20), 7, seed), count)
    return [touchpoint_record(**_whole(record)) for record in sample]


def _whole(record: Touchpoint) -> Touchpoint:
    """``record`` with all fields of its acquisition and conversion."""
    empty = {
        "acquisition": ("source", "medium", "campaign", "content", "term", "click_id", "referrer", "url"),
        "conversion": ("order_id",),
    }
    for name, fields in empty.items():
        if record.get(name):
            record = record | {name: dict.fromkeys(fields) | record[name]}
    return record


class Mutations:
    """Records made from whole ``touchpoints``; the same ``seed``, the same records."""

    def __init__(self, touchpoints: Sequence[Touchpoint], seed: int) -> None:
        self._random = Random(seed)
        self._of_channel = {channel: [t for t in touchpoints if t["channel"] == channel] for channel in CHANNELS}
        self._damage = Damage([encode("touchpoint", one) for one in touchpoints], self._random)
        self._channel = CHANNELS[0]

    def batch(self, channel: str, first: int, size: int) -> list[PlainRecord]:
        """``size`` records of the log of ``channel`` from offset ``first`` on; few are another channel's."""
        self._channel = channel
        received = MONDAY_2026_03_02 + 8 * DAY
        return [PlainRecord(first + i, received + first + i, *self._record()) for i in range(size)]

    def _record(self) -> tuple[bytes | None, bytes | None, Headers]:
        draw = self._random
        headers = [draw.choice(HEADERS) for _ in range(draw.randrange(3))] if draw.random() < 0.1 else []
        key = draw.choice((None, b"", b"k", b"\xff" * 9)) if draw.random() < 0.2 else b"user_id:1"
        return key, self.value(), headers

    def value(self) -> bytes | None:
        """A record's value."""
        draw = self._random
        chance = draw.random()
        if chance < 0.15:
            return encode("touchpoint", self._one())
        if chance < 0.55:
            return self._strange()
        if chance < 0.97:
            return self._damage.do(encode("touchpoint", self._one()) if draw.random() < 0.9 else self._strange())
        return draw.choice((None, b"", MARKER, draw.randbytes(draw.randrange(300)), to_ndjson(self._one())))

    def _one(self) -> Touchpoint:
        return self._random.choice(self._of_channel[self._channel])

    def _strange(self) -> bytes:
        """A touchpoint whose schema is right, whatever its fields hold."""
        record = dict(self._one())
        for _ in range(self._random.choice((1, 1, 2, 4))):
            name = self._random.choice(tuple(record))
            record[name] = self._instead(name, record[name])
        return encode("touchpoint", record)

    def _instead(self, name: str, value: Any) -> Any:
        draw = self._random
        match value:
            case bool():
                return not value
            case int():
                return draw.choice(tuple(n for n in WHOLE if name != "sentiment" or -(2**31) <= n < 2**31))
            case str() if name not in ("channel", "direction", "mode"):
                return self.text()
            case str():
                return draw.choice([value, "UNKNOWN", {"channel": "email", "direction": "outbound"}.get(name, value)])
            case list():
                namespaces = ("user_id", "cookie_id", "email_sha256", "Ünknown", "", "a" * 64, " user_id")
                many = draw.choice((0, 1, 2, 2, 3, 40, 3_000))
                return [{"namespace": draw.choice(namespaces), "value": self.text(many < 40)} for _ in range(many)]
            case dict() if name == "properties":
                return {self.text(): self.text() for _ in range(draw.choice((0, 1, 30)))}
            case dict():
                field = draw.choice(tuple(value))
                inner = value[field]
                whole = isinstance(inner, int) and not isinstance(inner, bool)
                bits = 31 if name == "satisfaction" else 63
                fits = tuple(n for n in WHOLE if -(2**bits) <= n < 2**bits)
                return {**value, field: draw.choice(fits) if whole else self.text()}
        return {
            "acquisition": lambda: (
                dict.fromkeys(("source", "medium", "campaign", "content"), self.text())
                | dict.fromkeys(("term", "click_id", "referrer", "url"), self.text())
            ),
            "conversion": lambda: (
                {"type": self.text(), "value_micros": draw.choice(WHOLE)}
                | {"currency": draw.choice(("EUR", "", self.text())), "order_id": self.text()}
            ),
            "sentiment": lambda: draw.choice((-1001, 5, 2**31 - 1)),
            "satisfaction": lambda: {"metric": draw.choice(("nps", "ces", self.text())), "score": draw.choice((3, -1))},
            "engaged_ms": lambda: draw.choice(WHOLE),
        }.get(name, self.text)()

    def text(self, may_be_long: bool = True) -> str:
        """Text that nobody expects; long text seldom, and only where it ``may_be_long``."""
        draw = self._random
        if may_be_long and draw.random() < 0.2:
            length = draw.choice(LENGTHS[:-2] if draw.random() < 0.98 else LENGTHS)
            return draw.choice(("a", "é", "a.", "%", "-", "\n")) * length
        text = draw.choice(TEXTS)
        # Half of them differ, so that what is remembered of texts is forgotten again.
        return text if draw.random() < 0.5 else f"{text}{draw.getrandbits(48):x}"
