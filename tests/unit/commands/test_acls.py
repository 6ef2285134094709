"""`omnijourney acls`: the lines for kafka-acls.sh give exactly the rights, and the table names them all."""

from __future__ import annotations

from argparse import ArgumentParser

from click.testing import CliRunner

from streams.acls import Acl, acls
from streams.cli import main

OPTIONS = {"topic": "topic", "group": "group", "transactionalId": "transactional_id"}


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["acls", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def granted(line: str) -> set[tuple[str, Acl]]:
    """The rights that kafka-acls.sh would give for ``line``, an operation each."""
    parser = ArgumentParser()
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", required=True)
    parser.add_argument("--resource-pattern-type", choices=["literal", "prefixed"], required=True)
    for option in ("--topic", "--group", "--transactional-id"):
        parser.add_argument(option, action="append", default=[])
    given = parser.parse_args(line.split())
    user = given.allow_principal.removeprefix("User:")
    return {
        (user, Acl(resource, name, given.resource_pattern_type, (operation,)))  # type: ignore[arg-type]
        for resource, option in OPTIONS.items()
        for name in getattr(given, option)
        for operation in given.operation
    }


def test_the_lines_for_kafka_give_exactly_these_rights() -> None:
    lines = printed("--format", "kafka-acls").splitlines()
    wanted = {
        (user, acl._replace(operations=(operation,)))
        for user, rights in acls().items()
        for acl in rights
        for operation in acl.operations
    }
    assert set().union(*map(granted, lines)) == wanted


def test_the_table_names_every_user_and_every_resource_whole() -> None:
    table = printed()
    words = set(table.split())
    for user, rights in acls().items():
        assert user in words
        for acl in rights:
            assert acl.name + ("*" if acl.pattern == "prefixed" else "") in words
