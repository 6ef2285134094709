"""Alerts: what promtool and amtool say of them, what each must have, and that the runbook knows it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.debian import AMTOOL, PROMTOOL, Program, fetch

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yaml"))
CASES = sorted((PROMETHEUS / "tests").glob("*.yaml"))
RUNBOOK = (ROOT / "docs" / "operations.md").read_text("utf-8")
#: What somebody new on call asks, in this order.
PARTS = ("**Means.**", "**Look.**", "**Do.**", "**Over when**")


def rules() -> list[dict[str, Any]]:
    files = (yaml.safe_load(path.read_text("utf-8")) for path in RULES)
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def run(program: Program, *arguments: str) -> str:
    done = subprocess.run([fetch(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


#: What `make test` fetches, and `make check` does without.
with_promtool = pytest.mark.stack


@with_promtool
def test_prometheus_takes_its_configuration_and_all_rules() -> None:
    assert run(PROMTOOL, "check", "config", str(PROMETHEUS / "prometheus.yml")).count("SUCCESS") == len(RULES) + 2


@with_promtool
def test_alertmanager_takes_its_configuration() -> None:
    assert "SUCCESS" in run(AMTOOL, "check-config", str(PROMETHEUS / "alertmanager.yml"))


@with_promtool
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_where_they_must_and_nowhere_else(path: Path) -> None:
    assert "SUCCESS" in run(PROMTOOL, "test", "rules", str(path))


def expectations() -> list[tuple[str, bool]]:
    """Of each case: the alert, and whether it is expected to fire."""
    files = (yaml.safe_load(path.read_text("utf-8")) for path in CASES)
    tests = [one for file in files for test in file["tests"] for one in test.get("alert_rule_test", ())]
    return [(one["alertname"], bool(one["exp_alerts"])) for one in tests]


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert: str) -> None:
    expected = {fires for of, fires in expectations() if of == alert}
    assert expected == ({True} if alert == "JourneyWatchdog" else {True, False})


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_each_alert_says_what_is_wrong_how_urgent_it_is_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"page", "ticket", "heartbeat"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert len(rule["annotations"]["summary"]) <= 100
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{alert.lower()}"


def sections() -> dict[str, str]:
    found = re.split(r"^### (Journey\w+)\n", RUNBOOK, flags=re.M)
    return {
        name: re.split(r"^##", text, maxsplit=1, flags=re.M)[0]
        for name, text in zip(found[1::2], found[2::2], strict=True)
    }


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    assert sorted(sections()) == sorted(ALERTS)


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_each_section_says_what_it_means_where_to_look_what_to_do_and_when_it_is_over(alert: str) -> None:
    text = sections()[alert]
    places = [text.find(part) for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)


def test_the_runbook_says_which_alerts_wake_somebody() -> None:
    for alert, rule in ALERTS.items():
        assert sections()[alert].lstrip().startswith(f"*{rule['labels']['severity']}*"), alert


def test_names_of_recorded_series_say_level_metric_and_operation() -> None:
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    assert recorded
    for name in recorded:
        assert re.fullmatch(r"[a-z_]+:journey_[a-z_]+:[a-z0-9_]+", name), name


def test_alertmanager_inhibits_only_alerts_that_there_are() -> None:
    configured = yaml.safe_load((PROMETHEUS / "alertmanager.yml").read_text("utf-8"))
    matchers = [m for rule in configured["inhibit_rules"] for m in rule["source_matchers"] + rule["target_matchers"]]
    patterns = [re.sub(r'^alertname =~? |"', "", matcher) for matcher in matchers if matcher.startswith("alertname")]
    assert len(patterns) >= 2 * len(configured["inhibit_rules"])
    for pattern in patterns:
        for one in expanded(pattern):
            assert one in ALERTS


def expanded(pattern: str) -> list[str]:
    """The names that a pattern of alternatives stands for; at most one pair of brackets in each."""
    names = []
    for part in re.findall(r"[^|(]+(?:\([^)]*\))?", pattern):
        head, _, choices = part.partition("(")
        names += [head + choice for choice in choices.rstrip(")").split("|")] if choices else [head]
    return names


def test_a_page_is_never_inhibited_by_a_ticket() -> None:
    """Who sleeps must not go on sleeping because somebody will look tomorrow."""
    configured = yaml.safe_load((PROMETHEUS / "alertmanager.yml").read_text("utf-8"))
    severity = {name: rule["labels"]["severity"] for name, rule in ALERTS.items()}
    for rule in configured["inhibit_rules"]:
        source, target = (
            [
                severity[n]
                for m in rule[side]
                if m.startswith("alertname")
                for n in expanded(re.sub(r'^alertname =~? |"', "", m))
            ]
            for side in ("source_matchers", "target_matchers")
        )
        assert "ticket" not in source or "page" not in target, rule


@with_promtool
@pytest.mark.parametrize("severity", ["page", "ticket", "heartbeat"])
def test_each_severity_goes_to_the_receiver_of_its_name(severity: str) -> None:
    configuration = str(PROMETHEUS / "alertmanager.yml")
    told = run(AMTOOL, "config", "routes", "test", f"--config.file={configuration}", f"severity={severity}")
    assert told.strip() == severity


def test_every_link_of_the_runbook_leads_somewhere() -> None:
    links = re.findall(r"\]\(([\w./-]*)#([^)]+)\)", RUNBOOK)
    assert len(links) > 30
    for page, anchor in links:
        text = (ROOT / "docs" / page).read_text("utf-8") if page else RUNBOOK
        headings = re.findall(r"^#+ (.+)$", text, flags=re.M)
        assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, (
            page,
            anchor,
        )
