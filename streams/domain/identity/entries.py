"""What the graph keeps: entries whose keys begin with 16 bytes of an identifier, and a byte for the kind.

    n                  the identifier: whose it is, as last told, and by how many user_ids it is linked
    c  other's text    a link that counts, at both of its ends; one that a limit refused counts too
    x  other's text    what else is known of a pair, at both ends: retracted, of a shared identifier, beyond the breaker
    k                  the customer whose canonical identifier this is, where it has links that count
    i                  the island that this identifier founded, where it is more than one customer

The 16 bytes are those of the customer_id that the identifier has for its own. So what an identifier's entry names as
its customer is also where that customer's entry is: at its canonical identifier, mostly one end of a link that comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from streams.domain.identifiers import OTHER_RANK, Identifier, rank
from streams.domain.identity.links import Date, Ruling, Standing, standing
from streams.domain.ids import customer_id

NODE, COUNTED, OTHER, CUSTOMER, ISLAND = b"n", b"c", b"x", b"k", b"i"
KEY_BYTES = 16
_KEPT = 65_536


class Node(NamedTuple):
    """``customer``: the key of its canonical identifier, told with ``version``; ``users``: how many user_ids are linked
    to it in force."""

    customer: bytes
    version: int = 0
    users: int = 0
    shared: bool = False


class Edge(NamedTuple):
    """What is known of a pair: its earliest evidence, the ruling that holds, when it was first asserted; ``reason``:
    why it counts for nothing though it is in force."""

    evidence: Date | None = None
    ruling: Ruling | None = None
    reason: str = ""
    asserted: Date | None = None

    @property
    def standing(self) -> Standing | None:
        """How the pair stands; None where it isn't in force."""
        return standing(self.evidence, self.ruling, self.asserted)


#: Joining order without the pair: of equal ones nothing is known.
Position = tuple[bool, int, int, Date]
FIRST_OF_ALL: Position = (False, -1, -1, Date(0, ""))


class Customer(NamedTuple):
    """Identifiers that are joined: ``counts`` by namespace, the ``canonical`` one with its ``first`` link, and where in
    the joining order the link stands that joined them last, or one behind it.

    ``island``: the key of its founder; b'' where the customer is all of it, with so many ``links``.
    """

    counts: Mapping[str, int]
    canonical: Identifier
    first: Date | None
    last: Position
    island: bytes
    links: int


class Island(NamedTuple):
    """``links`` that count, refused ones included; the ``weakest`` reason of a refusal, as `weakness` has it."""

    links: int
    weakest: int


#: `Island.weakest` where nothing was refused: the island is one customer.
NO_REFUSAL = -1

TYPES: Mapping[bytes, Any] = {NODE: Node, COUNTED: Edge, OTHER: Edge, CUSTOMER: Customer, ISLAND: Island}


class State(Protocol):
    """Where the entries are: ordered by key. Values are not changed once they are put, nor while a scan goes on."""

    def get(self, key: bytes) -> Any: ...
    def put(self, key: bytes, value: Any) -> None: ...
    def delete(self, key: bytes) -> None: ...
    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, Any]]: ...


@lru_cache(_KEPT)
def key_of(identifier: Identifier) -> bytes:
    """The 16 bytes of the customer_id that ``identifier`` has for its own."""
    return bytes.fromhex(customer_id(identifier).replace("-", ""))


def customer_text(key: bytes) -> str:
    """The customer_id whose bytes are ``key``."""
    text = key.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def weakness(reason: str) -> int:
    """What rank namespaces must have at least so that more of them give a refusal no other reason than this one, the
    strongest namespace of which there are too many."""
    found = rank(reason)
    return found if found < OTHER_RANK else OTHER_RANK + 1
