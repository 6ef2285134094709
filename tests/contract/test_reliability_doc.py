"""docs/reliability.md tells of every fault of the suite, and that the pipeline was whole after each."""

from __future__ import annotations

from deploy.local.fetch import project_root
from tests.reliability.faults import FAULTS
from tests.reliability.report import BEGIN, END, HEADER
from tests.reliability.running import OTHER_PARAMETERS

PAGE = project_root() / "docs" / "reliability.md"
RUN_AGAIN = "python -m tests.reliability --report docs/reliability.md --only NAME"


def rows() -> dict[str, str]:
    """The table's lines by fault."""
    table = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    assert tuple(table[:2]) == HEADER
    return {line.split("|")[1].strip(): line for line in table[2:]}


def test_each_fault_of_the_suite_has_a_row_and_no_other() -> None:
    assert list(rows()) == list(FAULTS), RUN_AGAIN


def test_every_fault_of_the_table_passed_with_the_parameters_that_it_has_now() -> None:
    bad = ("**failed**", "| not run |", "| not in time |", OTHER_PARAMETERS)
    assert {name: what for name, line in rows().items() for what in bad if what in line} == {}, RUN_AGAIN
