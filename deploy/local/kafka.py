"""How the local Kafka is run: one process that is broker and controller, its data in the stack's folder."""

import base64
import subprocess
import uuid
from pathlib import Path
from typing import NamedTuple

from deploy.local.errors import StackFailed
from deploy.local.ports import HOST
from deploy.local.processes import ProcessSpec

# A worker and ClickHouse share two cores with the broker: the serial collector and few threads suit it. A stack lives
# for minutes, in which the optimizing compiler takes more than half of the broker's time and gives nothing back yet.
_JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
# Voters from configuration, not from the data: the data then survives a change of ports.
controller.quorum.voters=1@{host}:{controller_port}
listeners=CONTROLLER://{host}:{controller_port},{listeners}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
log.dirs={data}
num.partitions=1
num.network.threads=2
num.io.threads=4
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=33554432
# A killed broker is let in again once its old session is over: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""

# Who comes without a name, as the broker itself does, may do everything: tests set up users and rights that way.
_GUARDED = """\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.ssl.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
"""


class Guarded(NamedTuple):
    """Listeners beside the open one: users by SCRAM-SHA-512 and TLS at ``sasl_port``, certificates at ``tls_port``.

    PEM files: ``keystore`` has the broker's private key (PKCS 8) and certificates, ``truststore`` the authorities whose
    certificates are let in. Who comes by them may only do what ACLs allow.
    """

    sasl_port: int
    tls_port: int
    keystore: Path
    truststore: Path


def kafka_process(
    folder: Path, jars: Path, port: int, controller_port: int, guarded: Guarded | None = None
) -> ProcessSpec:
    """Write the configuration into the stack's `folder`, format its storage once, and return what to run.

    Raises StackFailed when formatting fails.
    """
    data = folder / "kafka"
    properties = folder / "kafka.properties"
    listeners = {"PLAINTEXT": port}
    if guarded is not None:
        listeners |= {"SASL_SSL": guarded.sasl_port, "SSL": guarded.tls_port}
    text = _PROPERTIES.format(
        host=HOST,
        listeners=",".join(f"{name}://{HOST}:{at}" for name, at in listeners.items()),
        controller_port=controller_port,
        data=data,
    )
    if guarded is not None:
        text += _GUARDED.format(**guarded._asdict())
    properties.write_text(text, encoding="utf-8")
    if not (data / "meta.properties").exists():
        _format_storage(folder, jars, properties)
    return ProcessSpec(
        name="kafka",
        argv=("java", *_JVM, "-cp", f"{jars}/*", "kafka.Kafka", str(properties)),
        ready_url=f"kafka://{HOST}:{port}",
        stop_seconds=15.0,
        base=True,
    )


def _format_storage(folder: Path, jars: Path, properties: Path) -> None:
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    tool = ("java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", "kafka.tools.StorageTool")
    # The id is joined to its option: a value may begin with a dash.
    command = [*tool, "format", f"--cluster-id={cluster_id}", "--config", str(properties)]
    log = folder / "logs" / "kafka-format.log"
    with log.open("wb") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)  # noqa: S603 - a command of ours, no shell
    if done.returncode != 0:
        raise StackFailed(f"kafka's storage could not be formatted, see {log}")
