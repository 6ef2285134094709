"""The part of deploy/k8s/ that follows from declarations: Kafka's topics and users for Strimzi, alerts for Prometheus.

`make k8s` writes the files; a test holds them equal to what is declared. Topics have the partitions and replicas that
their overlay's own settings say. Everything else in deploy/k8s/ is written by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from streams import composition, config
from streams.acls import Acl, acls
from streams.topics import Topic

#: Strimzi's Kafka that topics and users belong to, as deploy/k8s/components/kafka names it.
CLUSTER = "omnijourney"
OVERLAYS = ("small", "production")
#: What Strimzi calls Kafka's patterns.
PATTERNS = {"literal": "literal", "prefixed": "prefix"}
_HEAD = "# Written by `make k8s` from {source}: change it there.\n"


def topic_resource(topic: Topic, replication: int) -> Mapping[str, object]:
    """The KafkaTopic of ``topic``. Kubernetes allows no underscore in a name, so Kafka's name stands in the spec."""
    settings = {name: int(value) if value.lstrip("-").isdigit() else value for name, value in topic.config.items()}
    spec = {"topicName": topic.name, "partitions": topic.partitions, "replicas": replication, "config": settings}
    return _resource("KafkaTopic", topic.name.replace("_", "-"), spec)


def user_resource(user: str, granted: Sequence[Acl]) -> Mapping[str, object]:
    """The KafkaUser of ``user``, whose password Strimzi writes into a Secret of that name."""
    rules = [
        {
            "resource": {"type": acl.resource, "name": acl.name, "patternType": PATTERNS[acl.pattern]},
            "operations": list(acl.operations),
        }
        for acl in granted
    ]
    authorization = {"type": "simple", "acls": rules}
    return _resource("KafkaUser", user, {"authentication": {"type": "scram-sha-512"}, "authorization": authorization})


def _resource(kind: str, name: str, spec: Mapping[str, object]) -> Mapping[str, object]:
    metadata = {"name": name, "labels": {"strimzi.io/cluster": CLUSTER}}
    return {"apiVersion": "kafka.strimzi.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def alerts(rules: Iterable[str]) -> str:
    """A PrometheusRule with the groups of ``rules``, the texts of Prometheus' own rule files; comments stay."""
    head = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "omnijourney"},
    }
    groups = (text[text.index("\ngroups:") + len("\ngroups:") :] for text in ("\n" + rule for rule in rules))
    lines = (f"  {line}".rstrip() for group in groups for line in group.strip("\n").splitlines())
    return "\n".join([*_yaml(head), "spec:", "  groups:", *lines]) + "\n"


def settings_of(file: Path) -> dict[str, str]:
    """The variables of an env file, one NAME=value a line."""
    lines = (line.partition("=") for line in file.read_text("utf-8").splitlines())
    return {name: value for name, _, value in lines}


def files(deploy: Path) -> dict[Path, str]:
    """Every generated file below the folder ``deploy``, with its text."""
    k8s = deploy / "k8s"
    rules = sorted((deploy / "prometheus" / "rules").glob("*.yaml"))
    users = (user_resource(user, granted) for user, granted in acls().items())
    made = {
        k8s / "components" / "kafka" / "users.yaml": _documents("streams/acls.py", users),
        k8s / "components" / "prometheus" / "rules.yaml": _HEAD.format(source="deploy/prometheus/rules")
        + alerts(rule.read_text("utf-8") for rule in rules),
    }
    for overlay in OVERLAYS:
        settings = config.read(settings_of(k8s / "overlays" / overlay / "settings.env"))
        topics = (topic_resource(topic, settings.replication) for topic in composition.topics(settings))
        made[k8s / "overlays" / overlay / "topics.yaml"] = _documents("streams/topics.py", topics)
    return made


def _documents(source: str, resources: Iterable[Mapping[str, object]]) -> str:
    texts = ("\n".join(_yaml(resource)) for resource in resources)
    return _HEAD.format(source=source) + "\n---\n".join(texts) + "\n"


def _yaml(value: object, indent: str = "") -> Iterator[str]:
    """Block style; a scalar as JSON has it, which YAML reads alike."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if isinstance(part, Mapping | list):
                yield f"{indent}{name}:"
                yield from _yaml(part, indent + "  ")
            else:
                yield f"{indent}{name}: {json.dumps(part)}"
    elif isinstance(value, list):
        for part in value:
            first, *rest = _yaml(part, indent + "  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest
    else:
        yield f"{indent}{json.dumps(value)}"


def main() -> None:
    """Write the files anew below the folder named on the command line."""
    for path, text in files(Path(sys.argv[1])).items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
