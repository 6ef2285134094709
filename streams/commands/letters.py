"""`omnijourney dead` and `omnijourney late`: what is asked, in words of the command line; `streams.repair` does it.

What was sent, identifiers included, goes to the terminal where it is asked for, and nowhere else.
"""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from schemas.codec import Undecodable, decode
from sinks.again import Again
from sinks.letters import Group, Kind, Letter, Selection, groups, letters, write
from sinks.migrate import require_migrated
from sinks.plain import printable
from sinks.plain_table import plain_table
from sinks.verify import Tables
from streams import composition, config
from streams.domain.vocabulary import CHANNELS
from streams.producing.kafka_outlet import KafkaOutlet
from streams.repair.effects import changed_rows
from streams.repair.judging import Judging
from streams.repair.mending import Setting
from streams.repair.replaying import FORESEEN, Replaying, Result
from streams.stages.intake.judge import JudgeRules
from streams.topics import touchpoint_topic

EXIT_FAILED = 1
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


def commands_of(kind: Kind, group: click.Group) -> None:
    """Give ``group`` the commands list, show and replay for letters of ``kind``."""
    of_dead = kind == "dead"

    @group.command("list")
    @_selecting(of_dead)
    @click.option("--each", type=click.IntRange(1), metavar="N", help="The newest N of them, with their ids, too.")
    @click.option("--ndjson", is_flag=True, help="All of them as lines that `omnijourney produce` takes, to be mended.")
    def list_command(each: int | None, ndjson: bool, **given: Any) -> None:
        """Count them by reason, field and topic. Nothing that they say is shown, unless --ndjson asks for it."""
        show_groups(select(kind, given), each, ndjson)

    @group.command("show")
    @click.option("--ndjson", is_flag=True, help="As one line that `omnijourney produce` takes, to be mended.")
    @click.option("--original", type=click.Path(dir_okay=False, path_type=Path), help="Write the bytes to this file.")
    @click.argument("id_", metavar="ID")
    def show_command(id_: str, ndjson: bool, original: Path | None) -> None:
        """Show all of one, ID as `list --each` names it. What was sent goes to the terminal, identifiers included."""
        show(Selection(kind, id=id_), ndjson, original)

    @group.command("replay")
    @_selecting(of_dead)
    @click.option("--id", "id_", default="", metavar="ID", help="This one alone.")
    @click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="FIELD=VALUE",
        callback=_setting,
        help="Set a field of each first, such as conversion.currency=EUR; several times for several fields.",
    )
    @click.option("--again", is_flag=True, help="Also those that were replayed before.")
    @click.option("--dry-run", is_flag=True, help="Say what would become of them, and which tables would change.")
    def replay_command(id_: str, settings: tuple[Setting, ...], again: bool, dry_run: bool, **given: Any) -> None:
        """Have them read again by the rules of now, marked as history; exit code 1 where any stays as it was.

        Settings are those of the workers. Who replayed what, when and how is kept in table replays.
        """
        selection = select(kind, given)._replace(id=id_, open=not again)
        replay(selection, settings, dry_run)


def _selecting(of_dead: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options that choose letters."""
    reason = click.option("--reason", default="", metavar="REASON", help="Refused for this reason.")
    options = (
        click.option("--until", type=click.DateTime(TIMES), metavar="TIME", help="Received before it, UTC."),
        click.option(
            "--since",
            type=click.DateTime(TIMES),
            metavar="TIME",
            help="Received then or later, UTC: 2026-03-01T09:00.",
        ),
        click.option("--topic", default="", metavar="TOPIC", help="Read from this topic."),
        click.option("--channel", type=click.Choice(CHANNELS), help="Read from this channel's topic."),
        *([reason] if of_dead else []),
    )

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in options:
            command = option(command)
        return command

    return add


def _setting(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Setting, ...]:
    try:
        return tuple(map(Setting.parse, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def select(kind: Kind, given: dict[str, Any]) -> Selection:
    """What options ask for; UsageError where they contradict each other."""
    if given.get("channel") and given["topic"]:
        raise click.UsageError("--channel and --topic both name a topic: expected one of the two")
    since, until = _ms(given["since"]), _ms(given["until"])
    if since is not None and since > time.time() * 1000:
        raise click.UsageError(f"--since: found {given['since']}, expected a time that has been, UTC")
    if since is not None and until is not None and since >= until:
        raise click.UsageError(f"--since {given['since']} is not before --until {given['until']}: nothing is between")
    topic = touchpoint_topic(given["channel"]) if given.get("channel") else given["topic"]
    return Selection(kind, given.get("reason", ""), topic, since, until)


def show_groups(selection: Selection, each: int | None, ndjson: bool) -> None:
    """Print the letters: counted, ``each`` of them at most, or all as lines that `produce` takes."""
    url = _database()
    if ndjson:
        _print_ndjson(url, selection)
        return
    found = groups(url, selection)
    click.echo(plain_table(Group._fields, [(*g[:5], _at(g.first), _at(g.last)) for g in found]))
    if each is not None and found:
        rows = [(x.id, x.reason, x.field, _at(x.received_at), x.replayed) for x in letters(url, selection, each, True)]
        click.echo("\n" + plain_table(("id", "reason", "field", "received", "replayed"), rows))


def _database() -> str:
    """Its address, where it has the tables; MigrationError where it hasn't."""
    url = config.read().clickhouse_url
    require_migrated(url)
    return url


def _print_ndjson(url: str, selection: Selection) -> None:
    left = 0
    for letter in letters(url, selection):
        record = _touchpoint(letter)
        if record is None:
            left += 1
        else:
            click.echo(json.dumps(record, ensure_ascii=False))
    if left:
        click.echo(f"{left:,} are no touchpoints; `show ID --original FILE` keeps the bytes of one", err=True)


def show(selection: Selection, ndjson: bool, original: Path | None) -> None:
    """Print all that is known of one letter; its ``original`` bytes to a file."""
    found = next(letters(_database(), selection, 1), None)
    if found is None:
        raise click.ClickException(
            f"found none with the id {selection.id!r}; `omnijourney {selection.kind} list --each 20` names some"
        )
    if original is not None:
        original.write_bytes(found.original)
        return
    record = _touchpoint(found)
    if ndjson:
        if record is None:
            raise click.ClickException("it is no touchpoint; --original FILE keeps its bytes")
        click.echo(json.dumps(record, ensure_ascii=False))
        return
    replayed = f"{found.replayed}, {_at(found.replayed_at)}" if found.replayed else "never"
    known = {**found._asdict(), "received_at": _at(found.received_at), "key": _text(found.key or b"")}
    known |= {"replayed": replayed, "original": _original(found)}
    shown = ("topic", "partition", "offset", "channel", "reason", "field", "value", "expected", "received_at", "key")
    for name in (*shown, "replayed", "original"):
        click.echo(printable(f"{name:<12} {known[name]}".rstrip()))


def replay(selection: Selection, settings: tuple[Setting, ...], dry_run: bool) -> None:
    """Replay what ``selection`` has, and print what became of it; exit code 1 where anything stays as it was."""
    known = config.read()
    if not (known.serves or dry_run):
        raise click.UsageError("a pipeline beside the one that serves sends nothing to sources: replay where it serves")
    url, now = _database(), round(time.time() * 1000)
    rules = JudgeRules(known.partitions, known.lateness_budget_ms, known.future_tolerance_ms)
    judging = Judging(url, rules, known.own_domains, now)
    rows = Again(url, composition.sink_records(known), known.log_epoch)
    if dry_run:
        result = Replaying(judging, rows, settings).run(letters(url, selection))
        click.echo("\n".join(_told(result, "would be ")))
        tables = Tables(url)
        limits = composition.identity_limits(known)
        foreseen = changed_rows(tables, result.foreseen, composition.stitching_rules(known), limits)
        if foreseen:
            click.echo("\n" + plain_table(("table", "rows that would change"), [*foreseen.items()]))
        if result.accepted > FORESEEN:
            click.echo(f"counted for the first {FORESEEN:,} touchpoints")
    else:
        by = getpass.getuser()
        with KafkaOutlet(known.kafka) as outlet:
            replaying = Replaying(judging, rows, settings, outlet, lambda done: write(url, done, selection, by, now))
            result = replaying.run(letters(url, selection))
        click.echo("\n".join(_told(result, "")))
    if not result.complete:
        raise SystemExit(EXIT_FAILED)


def _told(result: Result, conditional: str) -> list[str]:
    lines = [f"{result.read:,} read"]
    lines += [f"{result.accepted:>9,} {conditional}accepted{'' if conditional else ': sent again'}"]
    lines += [f"{result.duplicate:>9,} duplicate: what they say is there already"]
    if result.inserted:
        lines += [f"{result.inserted:>9,} rows {conditional}inserted again"]
    for (reason, field), count in result.still.most_common():
        lines += [f"{count:>9,} still dead: {reason}{field and f', {field}'}"]
    lines += [f"{count:>9,} refused: {why}" for why, count in result.refused.most_common()]
    if result.undelivered:
        lines += [f"{result.undelivered:>9,} not delivered"]
    if result.stopped:
        lines += [f"stopped: {result.stopped}"]
    return lines


def _touchpoint(letter: Letter) -> dict[str, Any] | None:
    try:
        name, record = decode(letter.original)
    except Undecodable:
        return None
    return record if name == "touchpoint" else None


def _original(letter: Letter) -> str:
    """As far as it can be read."""
    try:
        name, record = decode(letter.original)
    except Undecodable as error:
        return f"{len(letter.original)} bytes, {error}\n{_text(letter.original)}"
    return f"{name}\n{json.dumps(record, indent=2, ensure_ascii=False, default=repr)}"


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex(" ")


def _ms(time_: datetime | None) -> int | None:
    return None if time_ is None else round(time_.replace(tzinfo=UTC).timestamp() * 1000)


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
