"""The only module that knows the Redis client: one script at the server that has the keys' slot, within a deadline.

redis-py sends a script again where a connection breaks before the answer came. In a cluster, a server says which other
one has the slot (MOVED, for good; ASK, while it moves there) or that it cannot tell yet (TRYAGAIN, CLUSTERDOWN).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from scalein.clock import Deadline
from scalein.cold_start import cheap_imports
from scalein.errors import ScaleInError

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

PAUSE_SECONDS = 0.05  # before a cluster that cannot tell yet is asked again
MAX_STEPS = 20  # redirections and pauses of one call


class RedisFailed(ScaleInError):
    """The script has not run, or its answer was lost. The text holds neither keys nor arguments."""


def run_script(
    url: str, deadline: Deadline, script: str, keys: Sequence[str], arguments: Sequence[Any]
) -> Any:
    """What the script returns; all keys must be of one slot. Raises RedisFailed, at the deadline at the latest."""
    tag = keys[0].partition("}")[0]
    try:
        return _run(url, tag, deadline, [script, len(keys), *keys, *arguments])
    except (RedisError, OSError, UnicodeError) as error:
        _addresses().pop(tag, None)  # the server may have lost its slots to another one
        raise RedisFailed(_sentence(error)) from None


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
    """A server. Its connections stay open for the next call."""

    def __init__(self, url: str, address: str) -> None:
        self.deadline: Deadline | None = None  # of the call that is under way
        self._client: Any = Redis.from_url(
            url,
            decode_responses=True,
            retry=Retry(NoBackoff(), 1),  # a connection that the server has closed in the meantime
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
            self._client.connection_pool.disconnect()  # such as to a server that has become a replica
            raise

    def seconds_left(self) -> float:
        """Raises TimeoutError where there are none."""
        left = self.deadline.remaining_seconds() if self.deadline else 0.0
        if left <= 0:
            raise TimeoutError
        return left


def _timed(connection_class: Any, node: _Node) -> Any:
    """Connections whose every wait ends with the call: redis-py's own timeouts begin anew with each byte."""

    class Timed(connection_class):  # type: ignore[misc]
        def _connect(self) -> _TimedSocket:
            try:
                self.socket_connect_timeout = self.socket_timeout = node.seconds_left()
                return _TimedSocket(super()._connect(), node)
            except (
                TimeoutError
            ) as error:  # redis-py 8.1 fails to report it of a Unix socket, which has no port
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
        self._wrapped.settimeout(0 if self._is_polled else self._node.seconds_left())
        return self._wrapped.recv(size)

    def sendall(self, data: bytes) -> None:
        self._wrapped.settimeout(self._node.seconds_left())
        self._wrapped.sendall(data)


def _address(error: AskError, asked: str) -> str:
    """Where the slot is; a server that does not know its own host name leaves it out."""
    host = error.host or asked.rpartition(":")[0]
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
    """Which server has a slot, as far as a server said so, by hash tag. A cache: it may vanish."""
    return {}


@lru_cache(maxsize=16)
def _node(url: str, address: str) -> _Node:
    return _Node(url, address)
