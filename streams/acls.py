"""Who may do what on Kafka: the least that each stage, and each kind of user beside them, can work with.

Derived from what stages read and write, so that a topic that is added brings its rights along. Read and Write imply
Describe. Decides rights, not who has them: a stage's user is called like the stage here, and may be called otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
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


def acls(namespace: str = "", live_namespace: str = "") -> Mapping[str, tuple[Acl, ...]]:
    """User -> what it may do in the pipeline ``namespace``, which serves where that is ``live_namespace``."""
    named = partial(topics.physical, namespace=namespace)
    serves = namespace == live_namespace
    users = {stage: tuple(_of_stage(stage, named, serves)) for stage in STAGES}
    users["producer"] = tuple(Acl("topic", topic, "literal", ("Write",)) for topic in topics.TOUCHPOINTS)
    users["monitor"] = (
        *(Acl("topic", named(topic), "literal", ("Describe",)) for topic in _all_topics()),
        *(Acl("group", named(stage), "literal", ("Describe",)) for stage in STAGES),
    )
    users["operator"] = tuple(
        Acl("topic", named(topic), "literal", (*APPLY, "Write") if topic == topics.LINKS else APPLY)
        for topic in _all_topics()
    )
    # Letters are replayed where it serves. A pipeline is made and taken away where it doesn't.
    users["repairer"] = users["producer"] if serves else tuple(_of_replays(named, live_namespace))
    return users


def _of_stage(stage: str, named: Callable[[str], str], serves: bool) -> Iterator[Acl]:
    state = {changelog_of(stage)} & set(_all_topics())
    reads, writes = {*GROUPS[stage], *state}, {*OUTPUTS[stage], *state}
    if not serves:
        writes -= {*topics.TOUCHPOINTS}
    for topic in sorted(reads | writes):
        # A worker looks at the settings that its state depends on before it starts.
        wanted = {"Read": topic in reads, "Write": topic in writes, "DescribeConfigs": topic in SAFETY}
        yield Acl("topic", named(topic), "literal", tuple(name for name, needed in wanted.items() if needed))
    for topic in state:
        # A producer for each partition, whose epoch keeps out who had the partition before.
        yield Acl("transactionalId", f"{named(topic)}-", "prefixed", ("Write",))
    yield Acl("group", named(stage), "literal", ("Read",))


def _of_replays(named: Callable[[str], str], live_namespace: str) -> Iterator[Acl]:
    """What `replay` does beside what serves: topics and groups of its own come and go; the others it looks at."""
    begun = {topics.LINKS, changelog_of("intake")}
    for topic in _all_topics():
        if topic in topics.TOUCHPOINTS:
            # Who commits offsets must be allowed to read.
            yield Acl("topic", topic, "literal", ("Read", "DescribeConfigs"))
        else:
            yield Acl("topic", named(topic), "literal", (*APPLY, "Delete", *(["Write"] if topic in begun else [])))
            yield Acl("topic", topics.physical(topic, live_namespace), "literal", ("Describe", "DescribeConfigs"))
    for stage in STAGES:
        yield Acl("group", named(stage), "literal", ("Read", "Delete") if stage == "intake" else ("Delete",))
        yield Acl("group", topics.physical(stage, live_namespace), "literal", ("Describe",))


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
