"""Who may do what on Kafka: the least that each stage, and each kind of user beside them, can work with.

Derived from what stages read and write, so that a topic that is added brings its rights along. Read and Write imply
Describe. Decides rights, not who has them: a stage's user is called like the stage here, and may be called otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Literal, NamedTuple, TypeAlias

from streams import topics
from streams.composition import GROUPS, OUTPUTS, SAFETY, STAGES
from streams.runtime.changelog import changelog_of

Resource: TypeAlias = Literal["topic", "group", "transactionalId"]
Pattern: TypeAlias = Literal["literal", "prefixed"]
#: As Kafka calls them.
APPLY = ("Create", "Alter", "AlterConfigs")


class Acl(NamedTuple):
    """``operations`` allowed, from any host, on the resource called ``name``, or on all whose name begins with it."""

    resource: Resource
    name: str
    pattern: Pattern
    operations: tuple[str, ...]


def acls(named: Callable[[str], str] = str) -> Mapping[str, tuple[Acl, ...]]:
    """User -> what it may do. ``named`` gives what a topic or group is called where it is not called as declared."""
    users = {stage: tuple(_of_stage(stage, named)) for stage in STAGES}
    users["producer"] = tuple(Acl("topic", named(topic), "literal", ("Write",)) for topic in topics.TOUCHPOINTS)
    users["monitor"] = (
        *(Acl("topic", named(topic), "literal", ("Describe",)) for topic in _all_topics()),
        *(Acl("group", named(stage), "literal", ("Describe",)) for stage in STAGES),
    )
    users["operator"] = tuple(
        Acl("topic", named(topic), "literal", (*APPLY, "Write") if topic == topics.LINKS else APPLY)
        for topic in _all_topics()
    )
    return users


def _of_stage(stage: str, named: Callable[[str], str]) -> Iterator[Acl]:
    state = {changelog_of(stage)} & set(_all_topics())
    reads, writes = {*GROUPS[stage], *state}, {*OUTPUTS[stage], *state}
    for topic in sorted(reads | writes):
        # A worker looks at the settings that its state depends on before it starts.
        wanted = {"Read": topic in reads, "Write": topic in writes, "DescribeConfigs": topic in SAFETY}
        yield Acl("topic", named(topic), "literal", tuple(name for name, needed in wanted.items() if needed))
    for topic in state:
        # A producer for each partition, whose epoch keeps out who had the partition before.
        yield Acl("transactionalId", f"{named(topic)}-", "prefixed", ("Write",))
    yield Acl("group", named(stage), "literal", ("Read",))


def _all_topics() -> tuple[str, ...]:
    return tuple(topic.name for topic in topics.declared(1, 1))


class Rule(NamedTuple):
    """Rights of one user that differ in the resource's name alone; ``principal`` without ``User:``."""

    principal: str
    resource: Resource
    pattern: Pattern
    operations: tuple[str, ...]
    names: tuple[str, ...]


def rules(users: Mapping[str, tuple[Acl, ...]]) -> Iterator[Rule]:
    """``users`` in as few lines as people would write."""
    for user, granted in users.items():
        kinds = sorted(granted, key=_kind)
        for (resource, pattern, operations), alike in groupby(kinds, key=_kind):
            yield Rule(user, resource, pattern, operations, tuple(acl.name for acl in alike))


def _kind(acl: Acl) -> tuple[Resource, Pattern, tuple[str, ...]]:
    return acl.resource, acl.pattern, acl.operations


def describe(users: Mapping[str, tuple[Acl, ...]]) -> str:
    """The rights as a Markdown table, as docs/security.md has it."""
    lines = ["| user | may | on | called |", "|---|---|---|---|"]
    for user, resource, pattern, operations, names in rules(users):
        called = ", ".join(f"`{name}`" + ("…" if pattern == "prefixed" else "") for name in names)
        lines.append(f"| {user} | {', '.join(operations)} | {resource} | {called} |")
    return "\n".join(lines)


def arguments(users: Mapping[str, tuple[Acl, ...]]) -> Iterator[str]:
    """The rights as arguments of Kafka's kafka-acls.sh, a line a call."""
    options = {"topic": "--topic", "group": "--group", "transactionalId": "--transactional-id"}
    for user, resource, pattern, operations, names in rules(users):
        allowed = " ".join(f"--operation {operation}" for operation in operations)
        called = " ".join(f"{options[resource]} {name}" for name in names)
        yield f"--add --allow-principal User:{user} {allowed} {called} --resource-pattern-type {pattern}"
