"""What the protocol must not be: each entry leaves one of its rules out, and some seeds must notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from structlog.testing import capture_logs

from streams.domain import journeys, sessions, verdicts
from streams.domain.identity import entries
from streams.stages.customers import rows
from streams.stages.customers import stage as customers
from streams.stages.customers.history import CustomerHistory
from streams.stages.identity import stage as identity
from streams.stages.intake import judge, memory, via
from streams.stages.intake import stage as intake
from tests.convergence.left_out import custody, evidence, outputs, state
from tests.convergence.scenario import make_scenario
from tests.convergence.shrinking import failure_of
from tests.convergence.world import REAL, Parts

#: Where, the name there, what stands there instead.
Patch = tuple[Any, str, Any]


@dataclass(frozen=True)
class LeftOut:
    """``rule``: its number in the protocol; ``seeds`` that are known to notice."""

    rule: str
    what: str
    seeds: tuple[int, ...]
    patches: tuple[Patch, ...]
    parts: Parts

    def is_noticed(self, seed: int) -> bool:
        """Whether the scenario of ``seed`` ends wrongly where the rule is left out; to raise isn't to notice."""
        with ExitStack() as stack:
            # Alerts are judged, not read.
            stack.enter_context(capture_logs())
            for where, name, instead in self.patches:
                stack.enter_context(patch.object(where, name, instead))
            return isinstance(failure_of(make_scenario(seed), self.parts), AssertionError)


def _out(rule: str, what: str, *patches: Patch, seeds: tuple[int, ...] = (), **parts: Any) -> LeftOut:
    return LeftOut(rule, what, seeds, patches, Parts(**parts) if parts else REAL)


def _custody(rule: str, what: str, instead: type, **more: Any) -> LeftOut:
    return _out(rule, what, (customers, "Custody", instead), **more)


def _graph(what: str, instead: type, **more: Any) -> LeftOut:
    return _out("corrections", what, (identity, "Graph", instead), **more)


def _told(what: str, change: outputs.Change, **more: Any) -> LeftOut:
    return _out("3", what, identity=outputs.identity_that(change), **more)


RULES = [
    _out("1", "a touchpoint is (channel, event_id)", (judge, "identity_of", state.identity_without_via)),
    _out("2", "the first version is the default", (identity, "version_of", evidence.version_from_the_first_offset)),
    _told("no assignments", outputs.without("assignment")),
    _told("no moves", outputs.without("identifiers_moved")),
    _told("no move from the default", outputs.without_first_moves),
    _told("no move home", outputs.without_moves_home),
    _out("3", "moves netted across records", identity=outputs.netting_identity),
    _custody("4", "touchpoints don't set the register", custody.NothingLearnedFromTouchpoints, seeds=(1, 7, 8)),
    _custody("4", "the last fact wins", custody.LastWins),
    _custody("4", "old moves count", custody.OldMovesCount, seeds=(8, 76, 102)),
    _custody("4", "a move is judged as a whole", custody.MovesJudgedTogether, seeds=(1343,)),
    _custody("4", "a register only where touchpoints are", custody.RegisterOfCustomersOnly),
    _custody("4", "forwarded with the old version", custody.ForwardedWithOldVersion),
    _custody("4", "not forwarded", custody.KeptWhereItCame),
    _out(
        "5",
        "row ids without the customer",
        *((where, "row_id", state.row_id_without_customer) for where in (journeys, sessions, rows)),
    ),
    _out("5", "no tombstones", customers=outputs.customers_that(outputs.without_tombstones)),
    _out(
        "6",
        "no tombstone of what lived within a batch",
        (customers.Customers, "emit", outputs.emit_what_was_live(customers.Customers.emit)),
        seeds=(2, 9, 19),
    ),
    _out(
        "6", "no row that only loses a unique", (memory, "Measuring", state.RowsWithTouchpointsOnly), seeds=(8, 13, 24)
    ),
    _out("7", "one watermark of all topics", (memory, "pack", state.pack_one_watermark), seeds=(18, 19, 21)),
    _out("8", "no marker of a machine", (CustomerHistory, "mark_machine", custody.nothing_marked), seeds=(2, 21, 23)),
    _out("8", "a message keeps its first event only", (verdicts, "_inserted", state.insert_the_first_only)),
    _out("8", "what has risen isn't sent again", (memory, "Messages", state.SaysNothingAgain)),
    _out("8", "what has risen counts as it did", (memory, "Messages", state.MeasuredOnce)),
    _out("9", "values durable before their fence", process=state.FenceLast),
    _out("9", "fence durable before its values", process=state.FenceFirst),
    _out("9", "the fence falls", process=state.FenceFalls),
    _out("9", "acknowledged before it is durable", process=state.AcknowledgedFirst),
    _out("10", "INTAKE forgets what is old", (intake, "Memory", state.ForgetsWhatIsOld)),
    _custody("10", "histories end", custody.HistoryEnds),
    _out("11", "wrong partitions are right", (via, "partition_of", state.everywhere)),
    _custody("12", "a newer fact leaves the cursor", custody.NewMoveGoesOn, seeds=(1, 7, 9)),
    _custody("12", "leftovers decide", custody.LeftoversDecide, seeds=(1, 7, 9)),
    _custody(
        "12",
        "the piece is a setting",
        custody.PieceOfASetting,
        customers=custody.customers_with_a_setting,
        seeds=(28, 45, 49),
    ),
    _out("12", "a continuation is a dead letter", (customers, "is_between_customers", lambda record: False)),
    _out("12", "markers stay behind", (CustomerHistory, "come_by", custody.come_by_without_markers), seeds=(5, 21, 29)),
    _out("links", "earlier evidence isn't told", (memory.Memory, "news", evidence.only_new_pairs), seeds=(11, 26)),
    _out(
        "corrections",
        "a retraction deletes the evidence",
        (entries, "standing", evidence.standing_forgotten),
        seeds=(2, 40, 78),
    ),
    _graph("a retraction can't un-share", evidence.NeverUnshared, seeds=(3, 8, 12)),
    _graph("of equal times the last holds", evidence.LastWordWins, seeds=(126, 277, 300)),
    _out("corrections", "later evidence revives", (entries, "standing", evidence.standing_revived), seeds=(3, 8, 9)),
]


def table(seeds: int) -> Iterator[str]:
    """Markdown: how many of ``seeds`` scenarios notice that a rule is left out, and the first that do."""
    yield f"| rule | left out | of {seeds} seeds fail | first |"
    yield "|---|---|---|---|"
    for rule in RULES:
        failing = [seed for seed in range(seeds) if rule.is_noticed(seed)]
        yield f"| {rule.rule} | {rule.what} | {len(failing)} | {', '.join(map(str, failing[:3])) or '-'} |"
