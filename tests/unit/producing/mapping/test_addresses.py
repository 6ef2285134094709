"""Addresses: two spellings are one hash, and no address stays in a text."""

from hashlib import sha256

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.producing.mapping.addresses import (
    hash_email,
    hold_emails,
    phone_hasher,
    read_digest,
    shown_without_emails,
    without_emails,
)
from streams.producing.mapping.values import Unfit

WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_e_mail_addresses_are_trimmed_and_lower_cased() -> None:
    # The hash of jane.doe@example.com, by `printf jane.doe@example.com | sha256sum`.
    known = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"
    assert hash_email(" Jane.Doe@Example.COM\t") == hash_email("jane.doe@example.com") == known


@pytest.mark.parametrize("text", ["jane", "jane@", "@example.com", "a@b", "a b@c.de", "a@b@c.de", ""])
def test_what_is_no_e_mail_address_is_refused(text: str) -> None:
    with pytest.raises(Unfit, match="an e-mail address"):
        hash_email(text)


@given(WORD, WORD, st.sampled_from(["de", "com", "co.uk"]), st.data())
def test_spellings_of_an_address_are_one(name: str, host: str, top: str, data: st.DataObject) -> None:
    address = f"{name}@{host}.{top}"
    spelt = "".join(letter.upper() if data.draw(st.booleans()) else letter for letter in address)
    assert hash_email(f"  {spelt} ") == digest(address)


@pytest.mark.parametrize(
    "text", ["0170 1234567", "+49 170 1234567", "0049 (170) 123-45-67", "+491701234567", "tel:+49-170-1234567"]
)
def test_phone_numbers_are_one_in_e_164(text: str) -> None:
    assert phone_hasher("DE")(text) == digest("+491701234567")


def test_a_number_without_country_needs_a_region() -> None:
    assert phone_hasher(None)("+1 650-253-0000") == phone_hasher("US")("(650) 253-0000") == digest("+16502530000")
    with pytest.raises(Unfit, match="or a region in the mapping"):
        phone_hasher(None)("650-253-0000")


@pytest.mark.parametrize("text", ["call me", "12", "+49 1", "+999 123456789"])
def test_what_is_no_phone_number_is_refused(text: str) -> None:
    with pytest.raises(Unfit, match="a phone number of DE"):
        phone_hasher("DE")(text)


def test_hashes_are_taken_in_any_case_and_addresses_in_their_place_are_refused() -> None:
    assert read_digest("email")(digest("a").upper()) == digest("a")
    for text in ("jane@example.com", digest("a")[:-1], digest("a") + "0", "z" * 64):
        with pytest.raises(Unfit, match=r"\{ email = COLUMN \}"):
            read_digest("email")(text)


@given(WORD, WORD, st.sampled_from(["@", "%40"]), st.sampled_from(["", "see ", "https://x.de/?mail=", "<", "a="]))
def test_no_address_stays_in_a_text(name: str, host: str, at: str, before: str) -> None:
    (text,) = without_emails(pa.array([f"{before}{name}{at}{host}.com and more"])).to_pylist()
    assert text == f"{before}(address) and more"


def test_texts_without_an_address_stay_as_they_are() -> None:
    texts = ["@home", "50% @ 9", "https://medium.com/@someone/x", "maps/@48.1,11.5,15z", None, "a@b", "100%40"]
    assert without_emails(pa.array(texts)).to_pylist() == texts


SPELT = [
    ("to jane@пример.рф now", "to (address) now"),
    ("jane@उदाहरण.भारत", "(address)"),
    ("jane@xn--e1afmkfd.xn--p1ai", "(address)"),
    ("?email=jane.doe%2Bnews%40gmail.com&x=1", "?email=(address)&x=1"),
    (
        "?to=https%3A%2F%2Fx.de%2F%3Femail%3Djane%40x.com%26a%3D1",
        "?to=https%3A%2F%2Fx.de%2F%3Femail%3D(address)%26a%3D1",
    ),
    ("?to=%252F%253Femail%253Djane%252Bnews%2540x.com%2526", "?to=%252F%253Femail%253D(address)%2526"),
    ("o'brien@example.com", "(address)"),
    ("'jane@example.com'", "'(address)'"),
    ("j%C3%BCrgen%40b%C3%BCcher.de", "(address)"),
]


@pytest.mark.parametrize(("text", "clean"), SPELT)
def test_addresses_of_any_script_and_escaped_are_taken_out_whole(text: str, clean: str) -> None:
    assert without_emails(pa.array([text])).to_pylist() == [clean]
    assert hold_emails(pa.array([text, clean, None])).to_pylist() == [True, False, False]
    assert "jane" not in shown_without_emails(text)
