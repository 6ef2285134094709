"""deploy/compose.yaml says what omnijourney understands, and asks of containers no more than they need."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.composition import STAGES
from tests.contract.deployments import CLICKHOUSE_USERS, DEPLOY, IMAGE, OWN, ours, read, require_command

COMPOSE = Path(sys.executable).with_name("docker-compose")
FILE = DEPLOY / "compose.yaml"
OURS = (*STAGES, "monitor", "prepare")


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    """The file as Compose itself reads it: anchors merged, types checked, what it names found."""
    done = subprocess.run(
        [COMPOSE, "-f", FILE, "config", "--format", "json"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def services(composed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = composed["services"]
    return found


def seconds(duration: str) -> int:
    """What Compose makes of durations: 1m0s."""
    parts = {unit: int(number) for number, unit in re.findall(r"(\d+)([hms])", duration)}
    return parts.get("h", 0) * 3600 + parts.get("m", 0) * 60 + parts.get("s", 0)


def test_compose_finds_nothing_wrong() -> None:
    done = subprocess.run([COMPOSE, "-f", FILE, "config", "--quiet"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", OURS)
def test_every_process_understands_its_settings(services: dict[str, dict[str, Any]], name: str, tmp_path: Path) -> None:
    settings = read(services[name]["environment"], tmp_path)
    assert settings.http_host == "0.0.0.0"  # noqa: S104 - a value, nothing listens
    assert settings.kafka_bootstrap == "kafka:9092"


def test_processes_differ_only_in_what_is_their_own(services: dict[str, dict[str, Any]]) -> None:
    shared = [
        {name: value for name, value in services[service]["environment"].items() if name not in OWN} for service in OURS
    ]
    assert all(environment == shared[0] for environment in shared)
    assert all(ours(environment) == environment for environment in shared)


def test_each_worker_has_a_name_and_a_volume_of_its_own(services: dict[str, dict[str, Any]]) -> None:
    names = [services[stage]["environment"]["OMNIJOURNEY_INSTANCE_ID"] for stage in STAGES]
    volumes = [mount["source"] for stage in (*STAGES, "monitor") for mount in services[stage]["volumes"]]
    assert len(set(names)) == len(STAGES)
    assert len(set(volumes)) == len(STAGES) + 1


@pytest.mark.parametrize("name", [*STAGES, "monitor"])
def test_commands_are_omnijourneys(services: dict[str, dict[str, Any]], name: str) -> None:
    require_command(services[name]["command"])


def test_what_prepares_runs_omnijourneys_commands(services: dict[str, dict[str, Any]]) -> None:
    shell = services["prepare"]["entrypoint"]
    assert shell[:2] == ["/bin/sh", "-ec"]
    for call in shell[2].split(" && "):
        program, *arguments = call.split()
        assert program == "omnijourney"
        require_command(arguments)


def test_only_who_works_with_clickhouse_has_a_password_each_its_own(services: dict[str, dict[str, Any]]) -> None:
    assert {name for name in OURS if "OMNIJOURNEY_CLICKHOUSE_URL" in services[name]["environment"]} == {
        *CLICKHOUSE_USERS
    }
    for name in OURS:
        user = CLICKHOUSE_USERS.get(name)
        assert [given["source"] for given in services[name].get("secrets", ())] == (
            [f"{user}_password"] if user else []
        )
        if user:
            environment = services[name]["environment"]
            assert environment["OMNIJOURNEY_CLICKHOUSE_URL"] == f"clickhouse://{user}@clickhouse:9000/journeys"
            assert environment["OMNIJOURNEY_CLICKHOUSE_PASSWORD_FILE"] == f"/run/secrets/{user}_password"


def test_a_worker_ends_itself_before_it_is_ended(services: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    for stage in STAGES:
        deadline = read(services[stage]["environment"], tmp_path).stop_deadline_s
        assert seconds(services[stage]["stop_grace_period"]) >= deadline + 5


def test_workers_wait_for_topics_and_tables_and_those_for_healthy_servers(services: dict[str, dict[str, Any]]) -> None:
    for name in (*STAGES, "monitor"):
        assert services[name]["depends_on"]["prepare"]["condition"] == "service_completed_successfully"
    waits = services["prepare"]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == {
        "kafka": "service_healthy",
        "clickhouse": "service_healthy",
    }
    assert all("healthcheck" in services[name] for name in waits)


def test_every_container_is_pinned_limited_and_without_privileges(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        tag = service["image"].partition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), f"{name}: {service['image']} is no exact version"
        assert (service["image"] == IMAGE) == (name in OURS)
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        limits = service["deploy"]["resources"]["limits"]
        assert limits["cpus"] > 0, name
        assert int(limits["memory"]) > 0, name
        assert service["restart"] == ("no" if name == "prepare" else "unless-stopped"), name
        # Ours has its check in the image.
        assert "healthcheck" in service or name in OURS, name


def test_no_port_is_reached_from_outside_the_machine(services: dict[str, dict[str, Any]]) -> None:
    ports = [(name, port) for name, service in services.items() for port in service.get("ports", ())]
    assert ports
    assert [(name, port) for name, port in ports if port["host_ip"] != "127.0.0.1"] == []
    assert {name for name, _ in ports}.isdisjoint(OURS)


def test_no_secret_stands_in_the_file(composed: dict[str, Any]) -> None:
    environments = {name: service.get("environment") or {} for name, service in composed["services"].items()}
    secret = re.compile(r"PASSWORD|SECRET|TOKEN")
    found = [
        (service, name)
        for service, environment in environments.items()
        for name, value in environment.items()
        if secret.search(name) and not value.startswith("/run/secrets/")
    ]
    assert found == []
    assert all("/deploy/secrets/" in secret["file"] for secret in composed["secrets"].values())


def mounted(services: dict[str, dict[str, Any]]) -> Iterator[Path]:
    for service in services.values():
        yield from (Path(mount["source"]) for mount in service.get("volumes", ()) if mount["type"] == "bind")


def test_every_file_that_is_mounted_is_in_the_project(services: dict[str, dict[str, Any]]) -> None:
    sources = list(mounted(services))
    assert sources
    assert [str(path) for path in sources if not path.exists()] == []


def test_prometheus_scrapes_each_process_of_ours_where_it_listens(services: dict[str, dict[str, Any]]) -> None:
    folder = DEPLOY / "prometheus"
    config = yaml.safe_load((folder / "prometheus.yml").read_text("utf-8"))
    named = [name for job in config["scrape_configs"] for sd in job["file_sd_configs"] for name in sd["files"]]
    groups = [group for name in named for group in yaml.safe_load((folder / name).read_text("utf-8"))]
    port = services["monitor"]["environment"]["OMNIJOURNEY_HTTP_PORT"]
    assert {target for group in groups for target in group["targets"]} == {f"{n}:{port}" for n in (*STAGES, "monitor")}


def test_grafana_finds_its_sources_and_dashboards_where_they_are(services: dict[str, dict[str, Any]]) -> None:
    folder = DEPLOY / "grafana" / "provisioning"
    [source] = (folder / "datasources").iterdir()
    for datasource in yaml.safe_load(source.read_text("utf-8"))["datasources"]:
        host = datasource.get("url", "").removeprefix("http://").partition(":")[0] or datasource["jsonData"]["host"]
        assert set(services[host]["networks"]) & set(services["grafana"]["networks"])
        for secret in re.findall(r"/run/secrets/(\w+)", str(datasource)):
            assert secret in {given["source"] for given in services["grafana"]["secrets"]}
    [provider] = (folder / "dashboards").iterdir()
    paths = {read["options"]["path"] for read in yaml.safe_load(provider.read_text("utf-8"))["providers"]}
    assert paths <= {mount["target"] for mount in services["grafana"]["volumes"]}
