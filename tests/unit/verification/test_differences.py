"""Rows as they should be beside rows as they are: what is counted, and what is said of it."""

import pytest

from streams.verification.differences import Comparison, Difference, differing, uneven

COLUMNS = ("touchpoints", "campaign", "steps_via")
ROW = [3, "spring", ["a", "b", "c"]]


def compared(expected: dict[str, list[object]], found: dict[str, list[object]], limit: int = 10) -> Comparison:
    comparison = Comparison("journeys", limit)
    comparison.compare(COLUMNS, expected, found)
    return comparison


def said(found: list[object]) -> list[str]:
    return [cell.text for cell in differing(COLUMNS, ROW, found)]


def test_equal_rows_are_counted_and_nothing_is_said() -> None:
    comparison = compared({"j1": ROW, "j2": ROW}, {"j2": [*ROW], "j1": [*ROW]})
    assert (comparison.equal, comparison.differs, comparison.kept) == (2, False, [])


def test_a_row_is_missing_one_is_extra_and_one_is_different() -> None:
    comparison = compared({"gone": ROW, "other": ROW}, {"other": [4, *ROW[1:]], "new": ROW})
    assert comparison.counts == {"missing": 1, "extra": 1, "different": 1}
    assert [difference.text for difference in comparison.kept] == [
        "missing   gone",
        "different other; touchpoints: expected 3, found 4",
        "extra     new",
    ]


def test_the_first_place_in_an_array_is_named() -> None:
    assert said([3, "spring", ["a", "x", "y"]]) == ["steps_via[1]: expected 'b', found 'x'"]
    assert said([3, "spring", ["a"]]) == ["length of steps_via: expected 3, found 1"]


def test_only_the_first_three_columns_are_named() -> None:
    columns = ("a", "b", "c", "d", "e")
    cells = differing(columns, [1, 1, 1, 1, 1], [2, 1, 2, 2, 2])
    assert [cell.column for cell in cells] == ["a", "c", "d"]


def test_long_values_are_cut() -> None:
    (text,) = said([3, "x" * 1000, ROW[2]])
    assert len(text) < 120
    assert text.endswith("...")


@pytest.mark.parametrize(("found", "equal"), [(0.1 + 0.2, True), (0.3000001, False), (0.0, False)])
def test_credits_may_differ_in_their_last_bits_only(found: float, equal: bool) -> None:
    assert (differing(("credit",), [[0.3, 1.0]], [[found, 1.0]]) == ()) == equal


def test_what_is_kept_is_bounded_and_what_is_counted_is_not() -> None:
    comparison = compared({f"j{i}": ROW for i in range(50)}, {}, limit=2)
    assert (comparison.counts["missing"], len(comparison.kept)) == (50, 2)


def test_only_what_is_kept_is_traced() -> None:
    asked: list[str] = []

    def trace(key: str) -> list[str]:
        asked.append(key)
        return [f"see {key}"]

    comparison = Comparison("journeys", 1)
    comparison.compare(COLUMNS, {"j1": ROW, "j2": ROW}, {}, trace)
    assert comparison.kept == [Difference("missing", "j1", trace=("see j1",))]
    assert asked == ["j1"]


def test_a_difference_without_columns_is_its_kind_and_key() -> None:
    assert Difference("missing", "k").text == "missing   k"


def test_of_parallel_arrays_those_are_told_that_are_not_as_long_as_most() -> None:
    arrays = {"steps_at": [1, 2], "steps_via": ["a", "b", "c"], "steps_channel": ["x", "y", "z"], "steps_action": []}
    assert [cell.text for cell in uneven(arrays)] == [
        "length of steps_at: expected 3, found 2",
        "length of steps_action: expected 3, found 0",
    ]
    assert [*uneven({"steps_at": [1], "steps_via": ["a"]})] == []
