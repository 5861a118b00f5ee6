"""Three brokers of one cluster, each behind a proxy that its clients go through."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from broker.clients import opened
from broker.errors import BrokerRefusedError, BrokerUnreachableError
from operations.programs.addresses import HOST, address_of, free_port
from operations.programs.kafka import new_cluster_id
from tests.chaos.faults import BROKERS
from tests.support.kafka import KafkaBroker
from tests.support.processes import freeze
from tests.support.tcp_proxy import OPEN, TcpProxies, TcpProxy
from tests.support.waiting import wait_until

START_SECONDS: Final = 120.0

PROPERTIES: Final = """\
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{{port}},INTERNAL://{host}:{internal},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{advertised},INTERNAL://{host}:{internal}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INTERNAL
default.replication.factor={brokers}
min.insync.replicas=2
offsets.topic.replication.factor={brokers}
offsets.topic.num.partitions=3
transaction.state.log.replication.factor={brokers}
transaction.state.log.min.isr=2
# A follower that sleeps is left behind soon, and leaders move back.
replica.lag.time.max.ms=5000
leader.imbalance.check.interval.seconds=10
"""


class Node:
    """One broker, its controller, and the proxy before it."""

    def __init__(self, broker: KafkaBroker, proxy: TcpProxy) -> None:
        self.broker = broker
        self.proxy = proxy
        self.is_sound = True
        """False once it was told to end, or its disk is full: it is to be started again."""

    @property
    def address(self) -> str:
        return address_of(self.proxy.port)

    def kill(self) -> None:
        self.broker.kill()

    def pause(self) -> None:
        freeze(self.broker.process)

    def resume(self) -> None:
        self.broker.process.send_signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Tell it to shut down in order, and do not wait."""
        self.is_sound = False
        self.broker.process.send_signal(signal.SIGTERM)

    def fill_disk(self) -> None:
        """Let every further write to a file fail, as on a full disk: the limit needs no root."""
        self.is_sound = False
        _, hard = resource.prlimit(self.broker.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.broker.process.pid, resource.RLIMIT_FSIZE, (0, hard))

    def launch(self) -> None:
        if not self.broker.alive:
            self.broker.launch()
            self.is_sound = True

    def heal(self) -> None:
        """Undo all that was done to it, and see that it starts."""
        self.proxy.set(OPEN)
        if self.broker.alive:
            self.resume()
        if not self.is_sound:
            self.broker.kill()
        self.launch()


class Cluster:
    """The brokers; `bootstrap` are the addresses of their proxies."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = nodes
        self.bootstrap = ",".join(node.address for node in nodes)

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Cluster]:
        """Yield a new cluster that serves; its data are in the folder."""
        controllers = [free_port() for _ in range(BROKERS)]
        voters = ",".join(f"{node}@{HOST}:{port}" for node, port in enumerate(controllers, start=1))
        cluster_id = new_cluster_id()
        with ExitStack() as stack:
            proxies = stack.enter_context(TcpProxies())
            nodes = []
            for number, controller in enumerate(controllers, start=1):
                port = free_port()
                proxy = proxies.before(port)
                properties = PROPERTIES.format(
                    node=number,
                    voters=voters,
                    host=HOST,
                    internal=free_port(),
                    controller=controller,
                    advertised=proxy.port,
                    brokers=BROKERS,
                )
                broker = KafkaBroker(
                    folder / f"kafka-{number}",
                    port=port,
                    heap_mb=256,
                    properties=properties,
                    cluster_id=cluster_id,
                )
                stack.callback(broker.kill)
                nodes.append(Node(broker, proxy))
            cluster = cls(tuple(nodes))
            cluster.heal(lambda: None)
            yield cluster

    def heal(self, meanwhile: Callable[[], None]) -> None:
        """Undo all faults and wait until all brokers serve; `meanwhile` is called now and then."""
        for node in self.nodes:
            node.heal()

        def serve() -> bool:
            meanwhile()
            for node in self.nodes:
                node.launch()
            return all(node.broker.alive and node.broker.is_ready for node in self.nodes)

        assert wait_until(serve, seconds=START_SECONDS, every=0.2), "\n".join(
            "\n".join(node.broker.log_end(5)) for node in self.nodes
        )

    def controller(self) -> Node | None:
        """Return the active controller; None where nobody says who it is."""
        try:
            with closing(
                opened(KafkaAdminClient, self.bootstrap, request_timeout_ms=2_000)
            ) as admin:
                found = admin.describe_metadata_quorum()
        except (KafkaError, BrokerUnreachableError, BrokerRefusedError):
            return None
        leader = found["topics"][0]["partitions"][0]["leader_id"]
        return self.nodes[leader - 1] if 1 <= leader <= len(self.nodes) else None
