"""A cause says what raised and where, and never with what."""

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime import failures
from streams.runtime.failures import Failure, StageRaised, cause_of

CAUSE = re.compile(r"[A-Za-z0-9_.]+ at [a-z_]+\.py:\d+")


class AnnasError(Exception):
    """One of our own, from below another."""


def raised(step: Callable[[], object]) -> Exception:
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("nothing was raised")


def fail_from_below(secret: str) -> None:
    try:
        {}[secret]
    except KeyError as error:
        raise AnnasError(secret) from error


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (lambda secret: {}[secret], "KeyError at test_failures.py"),
        (lambda secret: int(secret), "ValueError at test_failures.py"),
        (lambda secret: secret.encode("ascii"), "UnicodeEncodeError at test_failures.py"),
        (lambda secret: json.loads(secret), "JSONDecodeError at decoder.py"),
        (lambda secret: fail_from_below(secret), "AnnasError at test_failures.py"),
        (lambda secret: getattr("", secret), "AttributeError at test_failures.py"),
    ],
)
@given(hidden=st.text())
def test_a_cause_names_the_error_and_the_line_and_quotes_no_data(
    step: Callable[[str], object], name: str, hidden: str
) -> None:
    secret = f"anna@example.org{hidden}é"
    failure = StageRaised(raised(lambda: step(secret)))
    assert str(failure) == failure.cause
    assert failure.cause.startswith(f"{name}:")
    assert CAUSE.fullmatch(failure.cause)


def test_an_error_that_was_never_raised_has_no_line() -> None:
    assert cause_of(ValueError("anna@example.org")) == "ValueError"


def test_every_failure_is_in_the_drawing_and_quotes_no_data() -> None:
    assert failures.__doc__ is not None
    drawn = set(re.findall(r"\+- (\w+)", failures.__doc__))
    known = {name for name, kind in vars(failures).items() if isinstance(kind, type) and issubclass(kind, Failure)}
    assert drawn == known - {"Failure"}
    assert Failure.quotes_no_data
