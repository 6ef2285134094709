"""E-mail addresses and phone numbers: made alike, hashed, and kept out of everything else.

An address is trimmed and lower-cased, a number written as E.164 (+4917012345678) by phonenumbers, Google's library;
what is hashed is the UTF-8 of that, with SHA-256, in lower-case hexadecimal: the form in which advertising platforms
take addresses, too. Two spellings of an address must be one customer, so nothing else may decide the form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from schemas.conformance import shown
from streams.producing.mapping.values import Unfit

#: What stands where an address stood.
REPLACEMENT = "(address)"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_DIGEST = re.compile(r"[0-9a-f]{64}")
#: What URLs write for letters, digits and marks of an address, also where one URL stands in another (%252B); no
#: delimiter like %3D or %2F is among them.
_HIGH = r"%(?:25)?[89A-Fa-f][0-9A-Fa-f]"
_ESCAPED = rf"%(?:25)?(?:2[147ABDEabde]|3[0-9]|4[1-9A-Fa-f]|5[0-9AEFaef]|6[0-9A-Fa-f]|7[0-9A-Ea-e])|{_HIGH}"
_LETTER = rf"(?:[^\s/@?&=#:;,<>()\"'%]|{_ESCAPED})"
_AT = "(?:@|%(?:25)?40)"
#: In any script, for instance рф.
_TOP = rf"(?:xn--[A-Za-z0-9-]+|(?:[\p{{L}}\p{{M}}]|{_HIGH}){{2,}})"
#: Stays where it stands in front: without its % its two digits would look like letters.
_DELIMITER = r"(%(?:25)?(?:[01][0-9A-Fa-f]|2[0235689CFcf]|3[A-Fa-f]|40|5[B-Db-d]|7[Ff]))?"
#: In RE2's words.
_INSIDE = rf"{_DELIMITER}{_LETTER}(?:{_LETTER}|')*{_AT}{_LETTER}+\.{_TOP}"


@lru_cache(maxsize=65_536)
def hash_email(text: str) -> str:
    """The hash of an e-mail address; Unfit for anything else."""
    address = text.strip().lower()
    if _EMAIL.fullmatch(address) is None:
        raise Unfit("an e-mail address")
    return sha256(address.encode()).hexdigest()


def phone_hasher(region: str | None) -> Callable[[str], str]:
    """Hashes phone numbers; those without a country code are numbers of ``region``, or Unfit without one."""
    where = f"of {region}, or with its country code" if region else "with its country code, or a region in the mapping"

    # Parsing a number takes longer than all else of a row.
    @lru_cache(maxsize=65_536)
    def hash_phone(text: str) -> str:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            raise Unfit(f"a phone number {where}") from None
        if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
            raise Unfit(f"a phone number {where}")
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        return sha256(written.encode()).hexdigest()

    return hash_phone


def read_digest(kind: str) -> Callable[[str], str]:
    """Reads what was hashed before; Unfit for an address itself (``kind`` is email or phone)."""

    def read(text: str) -> str:
        digest = text.lower()
        if _DIGEST.fullmatch(digest) is None:
            raise Unfit(f"a SHA-256, 64 hexadecimal digits; for addresses themselves write {{ {kind} = COLUMN }}")
        return digest

    return read


def hold_emails(column: pa.Array) -> pa.Array:
    """Where ``column`` has an e-mail address in it, whatever stands around it; boolean, false for null."""
    if not _are_suspect(column):
        return pa.repeat(False, len(column))
    return pc.fill_null(pc.match_substring_regex(column, _INSIDE), False)


def shown_without_emails(text: str) -> str:
    """``text`` for a message, without e-mail addresses: a wrong column may hold them."""
    return shown(without_emails(pa.array([text]))[0].as_py())


def without_emails(column: pa.Array) -> pa.Array:
    """``column`` with `REPLACEMENT` for each e-mail address in it."""
    if not _are_suspect(column):
        return column
    return pc.replace_substring_regex(column, _INSIDE, rf"\1{REPLACEMENT}")


def _are_suspect(column: pa.Array) -> bool:
    """Whether there is anything to look for at all: that takes a sixth of the time."""
    return bool(pc.any(pc.match_substring_regex(column, _AT)).as_py())
