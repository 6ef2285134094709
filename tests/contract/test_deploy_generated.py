"""What deploy/k8s/ has of declarations is what is declared."""

import pytest
import yaml

from streams.manifests import CLUSTER, alerts, files, topic_resource
from streams.topics import Topic, declared
from tests.contract.deployments import DEPLOY


def test_generated_files_are_what_is_declared_now() -> None:
    stale = [str(path) for path, text in files(DEPLOY).items() if path.read_text("utf-8") != text]
    assert stale == [], "run `make k8s`"


@pytest.mark.parametrize("topic", declared(24, 12), ids=lambda topic: topic.name)
def test_a_topic_keeps_its_name_partitions_and_settings(topic: Topic) -> None:
    resource = topic_resource(topic, 3)
    spec = resource["spec"]
    assert (spec["topicName"], spec["partitions"], spec["replicas"]) == (topic.name, topic.partitions, 3)
    assert {name: str(value) for name, value in spec["config"].items()} == topic.config
    assert resource["metadata"]["labels"] == {"strimzi.io/cluster": CLUSTER}
    assert "_" not in resource["metadata"]["name"]


def test_alerts_of_several_files_are_groups_of_one_resource() -> None:
    texts = ["# first\ngroups:\n  - name: a\n    rules: []\n", "groups:\n  - name: b\n    rules: []\n"]
    assert yaml.safe_load(alerts(texts))["spec"] == {"groups": [{"name": "a", "rules": []}, {"name": "b", "rules": []}]}
