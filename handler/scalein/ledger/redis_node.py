"""Runs a script at the Redis server that has the slot of its keys, within a deadline.

redis-py sends a script again if the connection breaks before the answer. In a cluster, a server
says which other one has the slot (MOVED: for good; ASK: while the slot moves there), or that it
cannot say yet (TRYAGAIN, CLUSTERDOWN).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from scalein.clock import Deadline
from scalein.cold_start import cheap_imports
from scalein.errors import LedgerUnavailable

with cheap_imports():
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import (
        AskError,
        AuthenticationError,
        ClusterDownError,
        MovedError,
        NoPermissionError,
        RedisError,
        ResponseError,
        TryAgainError,
    )
    from redis.retry import Retry

PAUSE_SECONDS = 0.05  # before another call to a cluster that cannot say yet
MAX_STEPS = 20  # redirections and pauses of one call


def run_script(
    url: str, deadline: Deadline, script: str, keys: Sequence[str], arguments: Sequence[Any]
) -> Any:
    """Returns what the script returns; all keys must be of one slot.

    Raises LedgerUnavailable, at the deadline at the latest: then the script has not run, or its
    answer was lost.
    """
    tag = keys[0].partition("}")[0]
    try:
        return _run(url, tag, deadline, [script, len(keys), *keys, *arguments])
    except (RedisError, OSError, UnicodeError) as error:
        _addresses().pop(tag, None)  # another server may have the slot by now
        raise LedgerUnavailable(_sentence(error)) from None


def _run(url: str, tag: str, deadline: Deadline, command: Sequence[Any]) -> Any:
    address, is_asking = _addresses().get(tag, ""), False
    for _ in range(MAX_STEPS):
        node = _node(url, address)
        try:
            return node.run(command, deadline, is_asking)
        except MovedError as error:
            address = _addresses()[tag] = _address(error, address)
            is_asking = False
        except AskError as error:
            address, is_asking = _address(error, address), True
        except (TryAgainError, ClusterDownError):
            if deadline.remaining_seconds() <= PAUSE_SECONDS:
                raise
            deadline.clock.sleep(PAUSE_SECONDS)
            address, is_asking = _addresses().get(tag, ""), False
    raise RedisError


class _Node:
    """One server. Its connections stay open for the next call."""

    def __init__(self, url: str, address: str) -> None:
        self.deadline: Deadline | None = None  # of the present call
        self._client: Any = Redis.from_url(
            url,
            decode_responses=True,
            retry=Retry(NoBackoff(), 1),  # for an idle connection that the server closed
        )
        pool = self._client.connection_pool
        if address:
            host, _, port = address.rpartition(":")
            if "path" in pool.connection_kwargs:
                raise RedisError
            pool.connection_kwargs.update(host=host, port=int(port))
        pool.connection_class = _timed(pool.connection_class, self)

    def run(self, command: Sequence[Any], deadline: Deadline, is_asking: bool) -> Any:
        self.deadline = deadline
        try:
            if not is_asking:
                return self._client.eval(*command)
            pipeline = self._client.pipeline(transaction=False)  # one connection for both
            pipeline.execute_command("ASKING")
            pipeline.eval(*command)
            return pipeline.execute()[1]
        except (AskError, TryAgainError, ClusterDownError):
            raise
        except ResponseError:
            self._client.connection_pool.disconnect()  # the server may have become a replica
            raise

    def remaining_seconds(self) -> float:
        """Returns the seconds until the deadline. Raises TimeoutError if there are none."""
        seconds = self.deadline.remaining_seconds() if self.deadline else 0.0
        if seconds <= 0:
            raise TimeoutError
        return seconds


def _timed(connection_class: Any, node: _Node) -> Any:
    """Returns a class of connections whose waits all end with the call: redis-py's own timeouts
    start again with each byte.
    """

    class Timed(connection_class):  # type: ignore[misc]
        def _connect(self) -> _TimedSocket:
            try:
                self.socket_connect_timeout = self.socket_timeout = node.remaining_seconds()
                return _TimedSocket(super()._connect(), node)
            except TimeoutError as error:
                # redis-py 8.1 cannot report a TimeoutError of a Unix socket, which has no port.
                raise OSError("no connection in time") from error

    return Timed


class _TimedSocket:
    def __init__(self, wrapped: socket.socket, node: _Node) -> None:
        self._wrapped = wrapped
        self._node = node
        self._is_polled = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def settimeout(self, seconds: float | None) -> None:
        self._is_polled = seconds == 0

    def recv(self, size: int) -> bytes:
        self._wrapped.settimeout(0 if self._is_polled else self._node.remaining_seconds())
        return self._wrapped.recv(size)

    def sendall(self, data: bytes) -> None:
        self._wrapped.settimeout(self._node.remaining_seconds())
        self._wrapped.sendall(data)


def _address(error: AskError, called_address: str) -> str:
    """Returns the address of the slot's server. An error without a host means the called host."""
    host = error.host or called_address.rpartition(":")[0]
    if not host:
        raise RedisError
    return f"{host}:{error.port}"


def _sentence(error: Exception) -> str:
    kind = type(error).__name__
    if isinstance(error, (AuthenticationError, NoPermissionError)):
        return (
            f"the ledger refuses the user, the password or the rights of SCALEIN_LEDGER ({kind})."
        )
    if isinstance(error, ResponseError):
        return (
            f"the ledger cannot write now ({kind}): look at its memory, its replicas, its cluster."
        )
    return f"the ledger does not answer ({kind})."


@lru_cache(maxsize=1)
def _addresses() -> dict[str, str]:
    """Returns the address by hash tag of each server that another one named.

    It is a cache, which may vanish.
    """
    return {}


@lru_cache(maxsize=16)
def _node(url: str, address: str) -> _Node:
    return _Node(url, address)
