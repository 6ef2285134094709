"""deploy/k8s/ renders to what Kubernetes and the operators take, agrees with itself, and with what omnijourney is."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from deploy.local.kubernetes import fetch_kustomize, fetch_schemas
from streams import composition, config
from streams.acls import acls
from streams.composition import STAGES
from streams.manifests import OVERLAYS, settings_of
from tests.bench.scaling import load, plan
from tests.contract.deployments import CLICKHOUSE_USERS, DEPLOY, IMAGE, OWN, read, require_command

pytestmark = pytest.mark.kubernetes

Resource: TypeAlias = dict[str, Any]
K8S = DEPLOY / "k8s"
VALIDATE = Path(sys.executable).with_name("kubernetes-validate")
WORKLOADS = ("StatefulSet", "Deployment", "Job")
#: Made by operators, or by hand before the first start (docs/deploying.md).
GIVEN_SECRETS = {"omnijourney-cluster-ca-cert": {"ca.crt"}, "clickhouse-passwords": {"owner", "sink", "monitor"}}
#: Kinds of operators whose schemas no package carries: docs/deploying.md says what they were tried with.
UNCHECKED = {
    "Kafka",
    "KafkaNodePool",
    "KafkaTopic",
    "KafkaUser",
    "ClickHouseInstallation",
    "ClickHouseKeeperInstallation",
}
#: The label that Kubernetes gives each namespace, and the one that the overlays are in.
NAMESPACE = "kubernetes.io/metadata.name"
OURS = "omnijourney"
#: Who else is there -> (its namespace, its pods' labels), as Kubernetes, the operators and Prometheus' chart set them.
OTHERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "dns": ("kube-system", {"k8s-app": "kube-dns"}),
    "kafka": (
        OURS,
        {
            "app.kubernetes.io/instance": "omnijourney",
            "app.kubernetes.io/managed-by": "strimzi-cluster-operator",
            "app.kubernetes.io/name": "kafka",
            "app.kubernetes.io/part-of": "strimzi-omnijourney",
            "strimzi.io/cluster": "omnijourney",
            "strimzi.io/kind": "Kafka",
            "strimzi.io/name": "omnijourney-kafka",
        },
    ),
    "clickhouse": (
        OURS,
        {
            "clickhouse.altinity.com/app": "chop",
            "clickhouse.altinity.com/chi": "omnijourney",
            "clickhouse.altinity.com/cluster": "omnijourney",
        },
    ),
    "operator": ("kube-system", {"app": "clickhouse-operator"}),
    "prometheus": ("monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "stranger": (OURS, {"app.kubernetes.io/name": "another"}),
}
ZONE = "topology.kubernetes.io/zone"
#: Touchpoints a second, over the days of the model.
SIZED_FOR = {"small": 5, "production": 100}
NOBODY = {"matchLabels": {"nobody": "has"}}


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def rendered(overlay: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The overlay as kubectl would send it."""
    command = [*fetch_kustomize(), str(K8S / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path_factory.mktemp(overlay) / "rendered.yaml"
    path.write_text(done.stdout, "utf-8")
    return path


@pytest.fixture(scope="module")
def resources(rendered: Path) -> list[Resource]:
    return [resource for resource in yaml.load_all(rendered.read_text("utf-8"), yaml.CSafeLoader) if resource]


def of_kind(resources: list[Resource], *kinds: str) -> list[Resource]:
    return [resource for resource in resources if resource["kind"] in kinds]


def named(resources: list[Resource], kind: str) -> dict[str, Resource]:
    return {resource["metadata"]["name"]: resource for resource in of_kind(resources, kind)}


def pods(resources: list[Resource]) -> list[tuple[str, Resource]]:
    """(name of the workload, its pods' template) of everything that runs omnijourney."""
    return [(r["metadata"]["name"], r["spec"]["template"]) for r in of_kind(resources, *WORKLOADS)]


def containers(template: Resource) -> list[Resource]:
    return [*template["spec"].get("initContainers", ()), *template["spec"]["containers"]]


def environment(resources: list[Resource], template: Resource, container: Resource, pod: str) -> dict[str, str]:
    """What the container finds in its environment in a pod of that name."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= named(resources, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    for variable in container.get("env", ()):
        found[variable["name"]] = variable.get("value") or field(template, variable["valueFrom"]["fieldRef"], pod)
    return found


def field(template: Resource, reference: Mapping[str, str], pod: str) -> str:
    path = reference["fieldPath"]
    if path == "metadata.name":
        return pod
    label = re.fullmatch(r"metadata\.labels\['(.+)'\]", path)
    assert label, path
    value: str = template["metadata"]["labels"][label[1]]
    return value


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    operators = {"In": lambda value, values: value in values, "NotIn": lambda value, values: value not in values}
    return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items()) and all(
        operators[e["operator"]](labels.get(e["key"]), e["values"]) for e in selector.get("matchExpressions", ())
    )


def test_kubernetes_takes_every_core_resource(resources: list[Resource], tmp_path: Path) -> None:
    core = [r for r in resources if "." not in r["apiVersion"] or r["apiVersion"].partition("/")[0].endswith(".k8s.io")]
    assert len(core) > 20
    path = tmp_path / "core.yaml"
    path.write_text(yaml.safe_dump_all(core), "utf-8")
    done = subprocess.run([VALIDATE, "--strict", path], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count(" passed for resource ") == len(core), said


def test_operators_take_every_custom_resource_whose_schema_a_package_carries(resources: list[Resource]) -> None:
    schemas = dict(custom_schemas())
    seen = set()
    for resource in resources:
        kind = (resource["apiVersion"], resource["kind"])
        if kind in schemas:
            jsonschema.Draft202012Validator(schemas[kind]).validate(resource)
            seen.add(resource["kind"])
    assert seen >= {"ServiceMonitor", "PrometheusRule"}
    custom = {r["kind"] for r in resources if "." in r["apiVersion"] and ".k8s.io/" not in r["apiVersion"]}
    assert custom - seen <= UNCHECKED


def custom_schemas() -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """(apiVersion, kind) -> its schema, in which what isn't named isn't allowed."""

    class Loader(yaml.CSafeLoader):
        """PyYAML knows a lone = as a tag of YAML 1.1 and has no value for it."""

    Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)
    for path in fetch_schemas():
        definition = yaml.load(path.read_text("utf-8"), Loader)["spec"]  # noqa: S506 - CSafeLoader
        for version in definition["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            yield (f"{definition['group']}/{version['name']}", definition["names"]["kind"]), schema


def strict(schema: Any) -> Any:
    """The schema as the API server takes it with strict field validation."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(part) for name, part in schema.items()}
    if made.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    # Go's regular expressions, one of which begins in a way that Python's don't know.
    if "(?i)" in str(made.get("pattern", "")):
        made.pop("pattern")
    if made.get("type") == "object" and "properties" in made and "additionalProperties" not in made:
        made["additionalProperties"] = bool(made.get("x-kubernetes-preserve-unknown-fields"))
    return made


def test_a_wrong_field_of_a_custom_resource_is_found(resources: list[Resource]) -> None:
    schema = dict(custom_schemas())[("monitoring.coreos.com/v1", "ServiceMonitor")]
    monitor = yaml.safe_load(yaml.safe_dump(of_kind(resources, "ServiceMonitor")[0]))
    monitor["spec"]["endpoints"][0]["prot"] = "http"
    with pytest.raises(jsonschema.ValidationError, match="prot"):
        jsonschema.Draft202012Validator(schema).validate(monitor)


def test_every_process_understands_its_settings_and_all_agree(resources: list[Resource], tmp_path: Path) -> None:
    shared = []
    for name, template in pods(resources):
        for container in containers(template):
            found = environment(resources, template, container, f"{name}-0")
            settings = read(found, tmp_path)
            assert settings.http_host == "0.0.0.0"  # noqa: S104 - a value, nothing listens
            assert settings.http_port == container.get("ports", [{"containerPort": 8080}])[0]["containerPort"]
            shared.append({k: v for k, v in found.items() if k not in OWN})
    assert len(shared) == len(STAGES) + 3
    assert all(found == shared[0] for found in shared)


def test_commands_are_omnijourneys(resources: list[Resource]) -> None:
    for _, template in pods(resources):
        for container in containers(template):
            assert "command" not in container
            require_command(container["args"])
    for stage, template in pods(resources):
        if stage in STAGES:
            assert template["spec"]["containers"][0]["args"] == ["worker", stage]


def test_every_worker_is_a_member_named_by_its_pod_and_a_user_named_by_its_stage(resources: list[Resource]) -> None:
    assert set(named(resources, "StatefulSet")) == set(STAGES)
    for stage, template in pods(resources):
        if stage in STAGES:
            found = environment(resources, template, template["spec"]["containers"][0], f"{stage}-3")
            assert found["OMNIJOURNEY_INSTANCE_ID"] == f"{stage}-3"
            assert found["OMNIJOURNEY_KAFKA_USERNAME"] == stage


def test_users_have_their_secrets_and_their_rights(resources: list[Resource]) -> None:
    users = named(resources, "KafkaUser")
    assert set(users) == set(acls())
    for name, template in pods(resources):
        [secret] = [v["secret"]["secretName"] for v in template["spec"]["volumes"] if v["name"] == "kafka-user"]
        for container in containers(template):
            found = environment(resources, template, container, f"{name}-0")
            assert found["OMNIJOURNEY_KAFKA_USERNAME"] == secret
        assert secret in users


def test_only_who_works_with_clickhouse_has_its_password_and_a_way_to_it(resources: list[Resource]) -> None:
    holders = {name for name, t in pods(resources) if any(v["name"] == "clickhouse" for v in t["spec"]["volumes"])}
    assert holders == {*CLICKHOUSE_USERS}
    for name, template in pods(resources):
        for container in containers(template) if name in holders else ():
            [secret] = [v["secret"] for v in template["spec"]["volumes"] if v["name"] == "clickhouse"]
            user = CLICKHOUSE_USERS[name]
            assert [item["key"] for item in secret["items"]] == [user]
            found = environment(resources, template, container, name)["OMNIJOURNEY_CLICKHOUSE_URL"]
            assert found == f"clickhouse://{user}@clickhouse-omnijourney:9000/journeys"
        assert (("clickhouse", 9000) in reached(resources, template)) == (name in holders), name


def chosen(resources: list[Resource], labels: Mapping[str, str], direction: str) -> list[Resource]:
    """Specs of the policies of that direction that are put on our pods of ``labels``."""
    policies = [p["spec"] for p in of_kind(resources, "NetworkPolicy")]
    return [p for p in policies if direction in p["policyTypes"] and matches(p["podSelector"], labels)]


def is_meant(peer: Mapping[str, Any], other: str) -> bool:
    """Whether ``peer`` of a policy in our namespace chooses the pods of ``other``."""
    namespace, labels = OTHERS[other]
    within = peer.get("namespaceSelector", {"matchLabels": {NAMESPACE: OURS}})
    return matches(within, {NAMESPACE: namespace}) and matches(peer.get("podSelector", {}), labels)


def allowed(policies: list[Resource], direction: str, peers: str) -> set[tuple[str, int]]:
    """(who, port) that the policies allow, who of `OTHERS`."""
    rules = [rule for policy in policies for rule in policy.get(direction, ())]
    return {
        (other, port["port"])
        for rule in rules
        for port in rule["ports"]
        for other in OTHERS
        if any(is_meant(peer, other) for peer in rule[peers])
    }


def reached(resources: list[Resource], template: Resource) -> set[tuple[str, int]]:
    """(who, port) that the pods' policies let them go to, who of `OTHERS`."""
    policies = chosen(resources, template["metadata"]["labels"], "Egress")
    assert any(not p.get("egress") for p in policies), "refused unless allowed"
    return allowed(policies, "egress", "to")


def test_policies_let_pods_go_where_their_settings_send_them_and_nowhere_else(
    resources: list[Resource], tmp_path: Path
) -> None:
    tables = {("clickhouse", 9000), ("clickhouse", 9440)}
    for name, template in pods(resources):
        found = environment(resources, template, template["spec"]["containers"][0], f"{name}-0")
        settings = read(found, tmp_path)
        kafka = int(settings.kafka_bootstrap.rpartition(":")[2])
        may = reached(resources, template)
        assert may - tables == {("dns", 53), ("kafka", kafka)}, name
        assert may & tables in (tables, set())
    [listener] = of_kind(resources, "Kafka")[0]["spec"]["kafka"]["listeners"]
    assert (listener["port"], listener["tls"]) == (kafka, True)


def test_clickhouse_lets_in_who_goes_there(resources: list[Resource]) -> None:
    [policy] = chosen(resources, OTHERS["clickhouse"][1], "Ingress")
    assert {("clickhouse", 9000), ("operator", 8123), ("prometheus", 8123)} <= allowed([policy], "ingress", "from")
    for name, template in pods(resources):
        let_in = {
            ("clickhouse", port["port"])
            for rule in policy["ingress"]
            for port in rule["ports"]
            if any(matches(peer.get("podSelector", NOBODY), template["metadata"]["labels"]) for peer in rule["from"])
        }
        assert let_in == {way for way in reached(resources, template) if way[0] == "clickhouse"}, name


def test_prometheus_may_come_to_the_port_that_it_scrapes(resources: list[Resource]) -> None:
    for name, template in pods(resources):
        policies = chosen(resources, template["metadata"]["labels"], "Ingress")
        assert allowed(policies, "ingress", "from") == {("prometheus", 8080)}, name


def test_every_container_is_limited_and_without_privileges(resources: list[Resource]) -> None:
    for name, template in pods(resources):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(template):
            resource = container["resources"]
            assert resource["requests"].keys() == {"cpu", "memory"}, name
            assert "memory" in resource["limits"], name
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def images(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == "image" and isinstance(value, str))
        part = list(part.values())
    for piece in part if isinstance(part, list) else ():
        yield from images(piece)


def test_every_image_is_an_exact_version(resources: list[Resource]) -> None:
    found = set(images(resources))
    assert IMAGE in found
    assert [image for image in found if not re.fullmatch(r".+:v?\d+\.\d+\.\d+", image)] == []


def test_the_image_runs_as_the_user_that_owns_its_volume(resources: list[Resource]) -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    for _, template in pods(resources):
        context = template["spec"]["securityContext"]
        assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in dockerfile
    for template in (t for name, t in pods(resources) if name in STAGES):
        mounts = {mount["name"]: mount["mountPath"] for mount in template["spec"]["containers"][0]["volumeMounts"]}
        assert f"VOLUME {mounts['state']}\n" in dockerfile


def test_everything_that_is_referred_to_is_there(resources: list[Resource]) -> None:
    accounts = set(named(resources, "ServiceAccount"))
    secrets = {**GIVEN_SECRETS, **{user: {"password"} for user in named(resources, "KafkaUser")}}
    for name, template in pods(resources):
        spec = template["spec"]
        assert spec["serviceAccountName"] in accounts
        claims = {claim["metadata"]["name"] for claim in claims_of(resources, name)}
        volumes = {volume["name"] for volume in spec["volumes"]} | claims
        assert len(volumes) == len(spec["volumes"]) + len(claims)
        for volume in spec["volumes"]:
            if "secret" in volume:
                assert {item["key"] for item in volume["secret"]["items"]} <= secrets[volume["secret"]["secretName"]]
        for container in containers(template):
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    for trigger in of_kind(resources, "TriggerAuthentication"):
        for reference in trigger["spec"]["secretTargetRef"]:
            assert reference["key"] in secrets[reference["name"]]
        for reference in trigger["spec"]["configMapTargetRef"]:
            assert reference["key"] in named(resources, "ConfigMap")[reference["name"]]["data"]


def claims_of(resources: list[Resource], name: str) -> list[Resource]:
    claims: list[Resource] = (
        named(resources, "StatefulSet").get(name, {"spec": {}})["spec"].get("volumeClaimTemplates", [])
    )
    return claims


def test_a_stage_with_state_keeps_it_on_a_volume_of_each_pod(resources: list[Resource]) -> None:
    with_state = {name for name in named(resources, "StatefulSet") if claims_of(resources, name)}
    assert with_state == {"intake", "identity", "customers"}


def test_services_budgets_and_scrapes_find_the_pods_that_they_are_for(resources: list[Resource]) -> None:
    labels = {name: template["metadata"]["labels"] for name, template in pods(resources)}
    services = named(resources, "Service")
    assert set(services) == {*STAGES, "monitor"}
    for name, service in services.items():
        assert [n for n, has in labels.items() if matches({"matchLabels": service["spec"]["selector"]}, has)] == [name]
    for stage, stateful in named(resources, "StatefulSet").items():
        assert stateful["spec"]["serviceName"] == stage
        assert services[stage]["spec"]["clusterIP"] == "None"
    budgets = named(resources, "PodDisruptionBudget")
    assert set(budgets) == set(STAGES)
    for name, budget in budgets.items():
        assert [n for n, has in labels.items() if matches(budget["spec"]["selector"], has)] == [name]
    scraped = [
        sorted(n for n, s in services.items() if matches(scrape["spec"]["selector"], s["metadata"]["labels"]))
        for scrape in of_kind(resources, "ServiceMonitor")
    ]
    assert sorted(scraped) == [sorted(STAGES), ["monitor"]]


def test_probes_ask_the_paths_that_workers_serve_and_grant_time_to_recover(resources: list[Resource]) -> None:
    for name, template in pods(resources):
        for container in containers(template):
            if name == "prepare":
                continue
            paths = {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")}
            assert set(paths.values()) == {"/live"}
            assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
            startup = container["startupProbe"]
            assert startup["periodSeconds"] * startup["failureThreshold"] >= 300


def test_a_worker_ends_itself_before_it_is_ended(resources: list[Resource], tmp_path: Path) -> None:
    for name, template in pods(resources):
        if name in STAGES:
            found = environment(resources, template, template["spec"]["containers"][0], f"{name}-0")
            grace = template["spec"]["terminationGracePeriodSeconds"]
            assert grace >= read(found, tmp_path).stop_deadline_s + 10


def test_no_stage_is_scaled_beyond_its_partitions(overlay: str, resources: list[Resource]) -> None:
    settings = config.read(settings_of(K8S / "overlays" / overlay / "settings.env"))
    scaled = named(resources, "ScaledObject")
    assert set(scaled) == (set() if overlay == "small" else {"intake", "customers", "sink"})
    for stage, scaler in scaled.items():
        assert scaler["spec"]["maxReplicaCount"] == composition.worker_settings(stage, settings).partitions
        assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": stage}
        # Set here, they would go back to it with each apply.
        assert "replicas" not in named(resources, "StatefulSet")[stage]["spec"]
        [trigger] = scaler["spec"]["triggers"]
        assert trigger["metadata"]["consumerGroup"] == stage
    assert named(resources, "StatefulSet")["identity"]["spec"]["replicas"] == 2


def test_topics_have_as_many_replicas_as_there_are_brokers_to_hold_them(
    overlay: str, resources: list[Resource]
) -> None:
    brokers = sum(p["spec"]["replicas"] for p in of_kind(resources, "KafkaNodePool") if "broker" in p["spec"]["roles"])
    settings = config.read(settings_of(K8S / "overlays" / overlay / "settings.env"))
    topics = {t["spec"]["topicName"]: t["spec"] for t in of_kind(resources, "KafkaTopic")}
    assert {t["replicas"] for t in topics.values()} == {settings.replication}
    assert settings.replication <= brokers
    assert set(topics) == {topic.name for topic in composition.topics(settings)}
    kafka = of_kind(resources, "Kafka")[0]["spec"]["kafka"]["config"]
    assert kafka["min.insync.replicas"] == (1 if settings.replication == 1 else settings.replication - 1)


def test_clickhouse_is_the_cluster_that_the_settings_name(overlay: str, resources: list[Resource]) -> None:
    settings = config.read(settings_of(K8S / "overlays" / overlay / "settings.env"))
    [installation] = of_kind(resources, "ClickHouseInstallation")
    [cluster] = installation["spec"]["configuration"]["clusters"]
    size = (cluster["layout"]["shardsCount"], cluster["layout"]["replicasCount"])
    assert size == ((2, 2) if overlay == "production" else (1, 1))
    assert settings.clickhouse_cluster == (cluster["name"] if overlay == "production" else "")


def test_clickhouse_has_the_users_of_compose_with_the_same_rights(overlay: str, resources: list[Resource]) -> None:
    compose = ElementTree.parse(DEPLOY / "compose" / "clickhouse-users.xml").getroot()  # noqa: S314 - our own file
    rights = {user.tag: {query.text for query in user.iter("query")} for user in compose.iter("users") for user in user}
    rights = {user: queries for user, queries in rights.items() if queries}
    beyond = {"owner": "GRANT CLUSTER, REMOTE ON *.*", "sink": "GRANT REMOTE ON *.*", "analyst": "GRANT REMOTE ON *.*"}
    if overlay == "production":
        rights = {user: queries | {beyond[user]} if user in beyond else queries for user, queries in rights.items()}
    [installation] = of_kind(resources, "ClickHouseInstallation")
    users = installation["spec"]["configuration"]["users"]
    suffix = "/grants/query"
    found = {name.removesuffix(suffix): {*queries} for name, queries in users.items() if name.endswith(suffix)}
    assert found == rights
    for user in rights:
        assert users[f"{user}/k8s_secret_password_sha256_hex"] == f"clickhouse-passwords/{user}_sha256"


def test_production_spreads_each_quorum_over_zones(overlay: str, resources: list[Resource]) -> None:
    if overlay == "small":
        return
    pools = named(resources, "KafkaNodePool")
    spread = {name: pool["spec"]["template"]["pod"]["topologySpreadConstraints"] for name, pool in pools.items()}
    for name, rules in spread.items():
        labels = {"strimzi.io/cluster": "omnijourney", "strimzi.io/pool-name": name}
        assert {(r["topologyKey"], r["whenUnsatisfiable"]) for r in rules if matches(r["labelSelector"], labels)} == {
            (ZONE, "DoNotSchedule"),
            ("kubernetes.io/hostname", "DoNotSchedule"),
        }
    [keeper] = of_kind(resources, "ClickHouseKeeperInstallation")
    [rule] = keeper["spec"]["templates"]["podTemplates"][0]["spec"]["topologySpreadConstraints"]
    assert (rule["topologyKey"], rule["whenUnsatisfiable"]) == (ZONE, "DoNotSchedule")
    assert matches(rule["labelSelector"], {"clickhouse-keeper.altinity.com/chk": "omnijourney"})
    [installation] = of_kind(resources, "ClickHouseInstallation")
    [distribution] = installation["spec"]["templates"]["podTemplates"][0]["podDistribution"]
    assert distribution == {"type": "ReplicaAntiAffinity", "scope": "Shard", "topologyKey": ZONE}


def test_volumes_hold_the_state_of_the_rate_that_the_overlay_is_sized_for(
    overlay: str, resources: list[Resource]
) -> None:
    needed = plan(load(), SIZED_FOR[overlay]).state
    scaled = named(resources, "ScaledObject")
    for stage, state in needed.items():
        [claim] = claims_of(resources, stage)
        size = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) << 30
        # IDENTITY's second has a copy; the others share.
        workers = scaled[stage]["spec"]["minReplicaCount"] if stage in scaled else 1
        assert state <= size * workers, stage
    deploying = (DEPLOY.parent / "docs" / "deploying.md").read_text("utf-8")
    row = f"| {SIZED_FOR['small']} touchpoints a second | {SIZED_FOR['production']} a second |"
    assert row in deploying
