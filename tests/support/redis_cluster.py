"""A real Redis Cluster: three servers that share the slots, and a replica of the first."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.support.needs import skip_without

SLOTS = 16_384
OPTIONS = (
    "--cluster-enabled yes --cluster-node-timeout 500 --cluster-require-full-coverage no "
    "--repl-diskless-sync-delay 0 --save --appendonly no --cluster-config-file nodes.conf"
)


class Server:
    def __init__(self, command: str, folder: Path) -> None:
        self.port, bus = free_port(), free_port()
        folder.mkdir()
        options = [
            *OPTIONS.split(),
            "--port",
            str(self.port),
            "--cluster-port",
            str(bus),
            "--dir",
            str(folder),
        ]
        options[options.index("--save") + 1 : options.index("--save") + 1] = [""]
        self.process = subprocess.Popen([command, *options], cwd=folder, stdout=subprocess.DEVNULL)
        self.bus = bus
        self.client: Redis = Redis(
            port=self.port, retry=Retry(ConstantBackoff(0.02), 500), decode_responses=True
        )

    @property
    def id(self) -> str:
        return str(self.call("CLUSTER", "MYID"))

    def call(self, *command: object) -> Any:
        return self.client.execute_command(*command)  # type: ignore[no-untyped-call]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class RedisCluster:
    def __init__(self, masters: list[Server], replica: Server) -> None:
        self.masters, self.replica = masters, replica

    @property
    def url(self) -> str:
        """Returns the URL of the second server, which has neither the first slots nor the last."""
        return f"redis://127.0.0.1:{self.masters[1].port}"

    def slot_of(self, key: str) -> int:
        return int(self.masters[1].call("CLUSTER", "KEYSLOT", key))

    def owner_of(self, slot: int) -> Server:
        return self.masters[min(slot * 3 // SLOTS, 2)]

    def begin_to_move(self, slot: int, source: Server, target: Server) -> None:
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)

    def move_keys(self, slot: int, source: Server, target: Server, count: int = 100) -> None:
        for key in source.call("CLUSTER", "GETKEYSINSLOT", slot, count):
            source.call("MIGRATE", "127.0.0.1", target.port, key, 0, 1_000)

    def end_move(self, slot: int, target: Server) -> None:
        for server in (target, *(one for one in self.masters if one is not target)):
            server.call("CLUSTER", "SETSLOT", slot, "NODE", target.id)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until(is_true: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for servers to agree: they gossip in real time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if is_true():
                return
        except RedisError:
            pass
        time.sleep(0.05)
    pytest.fail("the servers of the cluster did not agree in time")


@contextmanager
def redis_cluster() -> Iterator[RedisCluster]:
    command = shutil.which("redis-server")
    if command is None:
        skip_without("redis-server", "sh tools/install_server.sh redis-server")
    with TemporaryDirectory(prefix="scalein-cluster-", ignore_cleanup_errors=True) as name:
        servers = [Server(command, Path(name) / str(number)) for number in range(4)]
        try:
            yield _join(servers)
        finally:
            for server in servers:
                server.client.close()
                server.kill()


def _join(servers: list[Server]) -> RedisCluster:
    *masters, replica = servers
    for number, server in enumerate(masters):
        first, last = -(-number * SLOTS // 3), -(-(number + 1) * SLOTS // 3) - 1
        server.call("CLUSTER", "ADDSLOTSRANGE", first, last)
    for server in servers[1:]:
        server.call("CLUSTER", "MEET", "127.0.0.1", masters[0].port, masters[0].bus)
    wait_until(
        lambda: all(
            server.call("CLUSTER", "NODES").count(" connected") == len(servers)
            for server in servers
        )
    )
    wait_until(
        lambda: all("cluster_state:ok" in server.call("CLUSTER", "INFO") for server in servers)
    )
    replica.call("CLUSTER", "REPLICATE", masters[0].id)
    wait_until(lambda: replica.client.info("replication")["master_link_status"] == "up")
    return RedisCluster(masters, replica)
