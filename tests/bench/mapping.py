"""Rows per second of `omnijourney produce --mapping`, beside reading alone and beside plain NDJSON, into a real broker.

    python tests/bench/mapping.py [--rows N] [--runs R] [--json]

    csv       Python's csv module reads the rows, nothing else
    dry run   the mapping up to encoded records, nothing is sent
    mapping   the same into Kafka: 5 % of the addresses have utm fields, each row has a hashed event_id
    ndjson    the same touchpoints, written as NDJSON before, without a mapping

Each is a process of its own, in turn, so that what else the machine does hits all alike. Start-up is measured apart and
taken off. Rows a second by the clock are what the machine had to give; rows a CPU second of that process (both its
threads) are what it would have to give alone. Kafka runs beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from figures import Spread, Used, used_by

from deploy.local.stack import Stack
from schemas.codec import decode
from streams.local import LocalPipeline
from streams.producing.mapping.reading import read_mapping
from streams.producing.mapping.touchpoints import Touchpoints
from streams.producing.sources import Sources

ROWS_PER_USER = 20
MAPPING = """
[touchpoint]
event_id = { hash = ["user_id", "event_time", "event_name", "page_url"] }
occurred_at = "event_time"
channel = "channel"
action = "event_name"
user_agent = "user_agent"
properties = ["country"]
[identifiers]
user_id = "user_id"
[acquisition]
from_url = "page_url"
referrer = "referrer"
[conversion]
value = "revenue"
currency = "currency"
order_id = "order_id"
[by.event_name]
page_view = { action = "page_viewed" }
add_to_cart = { action = "cart_added" }
order = { action = "purchased", conversion = "purchase" }
"""
READ_CSV = "import csv,sys\nfor _ in csv.reader(open(sys.argv[1], newline='')): pass"


def write_rows(path: Path, rows: int) -> None:
    """A clickstream of about 230 bytes a row, the same for the same ``rows``."""
    draw = random.Random(1)
    at = 1_772_409_600.0
    agents = [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64, like Gecko) Chrome/{v}.0.0.0 Safari/537.36" for v in range(30)
    ]
    with path.open("w") as file:
        file.write(
            "user_id,event_time,event_name,channel,page_url,referrer,user_agent,order_id,revenue,currency,country\n"
        )
        for number in range(rows):
            at += draw.random() * 3
            clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
            event = draw.choice(["page_view"] * 8 + ["add_to_cart", "order"])
            user = draw.randrange(max(1, rows // ROWS_PER_USER))
            utm = f"?utm_source=newsletter&utm_medium=email&utm_campaign=c{draw.randrange(30)}"
            url = f"https://shop.example/p/{draw.randrange(5000)}{utm if draw.random() < 0.05 else ''}"
            order = f"o{number},{draw.randrange(1, 50_000) / 100},EUR" if event == "order" else ",,"
            agent = draw.choice(agents)
            file.write(
                f'u{user},{clock}.{int(at % 1 * 1000):03}Z,{event},web,{url},https://www.google.com/,"{agent}",{order},DE\n'
            )


def write_ndjson(source: Path, mapping: Path, target: Path) -> None:
    """What the mapping makes of ``source``, a touchpoint a line."""
    declared = read_mapping(str(mapping))
    with target.open("w") as file:
        for item in Touchpoints(declared).map(Sources([str(source)], sys.stdin.buffer, declared)):
            if isinstance(item, list):
                file.writelines(json.dumps(decode(message.value).record) + "\n" for message in item)


def measure(bootstrap: str, folder: Path, rows: int, runs: int) -> dict[str, tuple[list[Used], list[Used]]]:
    """For each contender its runs, and as many of it on an empty file."""
    big, none, mapping = folder / "rows.csv", folder / "none.csv", folder / "m.toml"
    mapping.write_text(MAPPING)
    write_rows(big, rows)
    write_rows(none, 0)
    write_ndjson(big, mapping, big.with_suffix(".ndjson"))
    write_ndjson(none, mapping, none.with_suffix(".ndjson"))
    produce = [sys.executable, "-m", "streams.cli", "produce"]
    commands: dict[str, Callable[[Path], list[str]]] = {
        "csv": lambda file: [sys.executable, "-c", READ_CSV, str(file)],
        "dry run": lambda file: [*produce, "--dry-run", "--mapping", str(mapping), str(file)],
        "mapping": lambda file: [*produce, "--mapping", str(mapping), str(file)],
        "ndjson": lambda file: [*produce, str(file.with_suffix(".ndjson"))],
    }
    environment = {"OMNIJOURNEY_KAFKA_BOOTSTRAP": bootstrap, "PYTHONPATH": os.getcwd()}
    found: dict[str, tuple[list[Used], list[Used]]] = {name: ([], []) for name in commands}
    for number in range(runs):
        for name, command in commands.items():
            found[name][0].append(used_by(command(big), environment))
            found[name][1].append(used_by(command(none), environment))
        print(f"run {number + 1} of {runs} done, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="each run's figures, as JSON")
    arguments = parser.parse_args()
    stack = Stack(f"bench-mapping-{os.getpid()}")
    addresses = stack.up(owner=os.getpid())
    try:
        LocalPipeline(stack, addresses, {}).prepare()
        with tempfile.TemporaryDirectory() as folder:
            found = measure(addresses.kafka_bootstrap, Path(folder), arguments.rows, arguments.runs)
            size = (Path(folder) / "rows.csv").stat().st_size / 1e6
    finally:
        stack.down(purge=True)
    if arguments.json:
        print(json.dumps({name: [one._asdict() for one in runs] for name, (runs, _) in found.items()}))
        return
    print(f"{arguments.rows:,} rows, {size:,.0f} MB; minimum, median, maximum of {arguments.runs} runs")
    print(f"{'':10}{'rows/s by the clock':>32}{'rows/CPU second':>32}{'peak MB':>10}")
    for name, (runs, starts) in found.items():
        wall, cpu = (Spread.of(getattr(one, field) for one in starts).median for field in ("wall_s", "cpu_s"))
        by_clock = Spread.of(arguments.rows / max(one.wall_s - wall, 1e-3) for one in runs)
        by_cpu = Spread.of(arguments.rows / max(one.cpu_s - cpu, 1e-3) for one in runs)
        peak = max(one.peak_mb for one in runs)
        print(f"{name:10}  {by_clock.text}  {by_cpu.text}{peak:10,.0f}")


if __name__ == "__main__":
    main()
