"""Bounds what a call costs: one deadline from connecting to the last byte, and a maximal size.

The ESS SDK carries its own copy of requests, beside the one that fc2 uses; `BoundedAdapter` goes
before the HTTPAdapter of either. A request is sent once: neither copy repeats one by itself, not
even if an idle connection is broken.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from http.client import BadStatusLine, HTTPResponse
from io import BufferedReader, RawIOBase
from typing import Any

from scalein.clock import Clock, SystemClock
from scalein.cloud.parallel import Costs
from scalein.cloud.tls import (
    ISSUER_UNKNOWN,
    Context,
    Contexts,
    contexts,
    is_unverified,
    unverified_text,
)

# A page of 100 instances has 0.1 MB, 50 activities of 800 instances each have 2 MB.
MAX_ANSWER_BYTES = 3 << 20
CHUNK_BYTES = 1 << 16
# How long servers keep an idle connection is not published; nginx does for 75 s by default, and a
# network may forget one sooner. A new connection costs less than a call that fails.
MAX_IDLE_SECONDS = 15.0
MIN_SECONDS = 0.001  # a socket with a timeout of 0 does not wait at all
MISCONNECTED = "Misconnected"
TLS_ALERT = "\x15\x03"  # how a TLS server answers plain HTTP
# What OpenSSL reports if a server answers TLS with plain HTTP.
PLAIN_HTTP = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
Base: Any = object  # the other half of each mixin: a class of requests, urllib3 or http.client


class TransportError(Exception):
    """There is no usable answer, by a cause that the SDKs do not distinguish. The text names it.

    `code` is Misconnected if the deployment is wrong, so that another attempt fails too, and
    TooLarge if the answer has more than MAX_ANSWER_BYTES.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def _misconnected(sentence: str) -> TransportError:
    return TransportError(MISCONNECTED, sentence)


class BoundedAdapter(Base):  # type: ignore[misc]
    """Reads the whole body within a time and a size. The timeout is (connect, whole), in seconds.

    Raises TransportError, and the OSErrors of requests.
    """

    timeout_type: Any  # of urllib3
    error_type: Any  # of urllib3
    clock: Clock = SystemClock()
    contexts: Callable[[], Contexts] = staticmethod(contexts)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        self.costs = Costs()
        super().init_poolmanager(*args, **options)
        self._bound_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        return self._bound_pools(super().proxy_manager_for(*args, **options))

    def _bound_pools(self, manager: Any) -> Any:
        """Has a pool manager of urllib3 make bounded connections; returns the manager."""
        manager.pool_classes_by_scheme = {
            scheme: pool if issubclass(pool, BoundedPool) else self._bounded(pool, scheme)
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }
        return manager

    def _bounded(self, pool: Any, scheme: str) -> Any:
        is_first_urllib3 = hasattr(pool, "_prepare_conn")
        own = (SecureConnection,) if scheme == "https" and is_first_urllib3 else ()
        parents = (BoundedConnection, *own, pool.ConnectionCls)
        connection = type("Bounded", parents, {"costs": self.costs, "clock": self.clock})
        return type(pool.__name__, (BoundedPool, pool), {"ConnectionCls": connection})

    def cert_verify(self, pool: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002
        """Gives the pool the shared TLS context, in place of files that each connection reads.

        A server is always verified: by certificates that `verify` names, if it is a path.
        """
        if pool.scheme != "https":
            return
        try:
            context = self.contexts().get(verify if isinstance(verify, str) else "")
        except (OSError, ValueError):
            raise _misconnected("the trust store cannot be read") from None
        pool.cert_reqs, pool.ca_certs, pool.ca_cert_dir = "CERT_REQUIRED", None, None
        pool.conn_kw["ssl_context"] = context

    def send(self, request: Any, **options: Any) -> Any:
        connect, whole = options.pop("timeout")
        timeout = self.timeout_type(connect=min(connect, whole), read=whole, total=whole)
        response = super().send(request, **{**options, "stream": True, "timeout": timeout})
        try:
            response._content = b"".join(_chunks(response.raw))
        except BaseException as error:
            response.raw.close()  # unread bytes must not become the beginning of the next answer
            if isinstance(error, self.error_type):
                raise ConnectionError(type(error).__name__) from error
            raise
        response._content_consumed = True
        return response


def _chunks(raw: Any) -> Iterator[bytes]:
    """Yields the body as it travels, not unpacked: the request names no encoding, and gzip may hold
    a thousand times its size.
    """
    size = 0
    while chunk := raw.read(CHUNK_BYTES, decode_content=False):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise TransportError(
                "TooLarge", f"the answer has more than {MAX_ANSWER_BYTES >> 20} MiB."
            )
        yield chunk


class BoundedResponse(HTTPResponse):
    """Applies the socket's timeout at its beginning to the whole answer, and not to each read."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp: Any = BufferedReader(_Reader(self.fp.detach(), sock))

    def begin(self) -> None:
        try:
            super().begin()
        except BadStatusLine as error:
            if str(error).startswith(TLS_ALERT):
                raise _misconnected("plain HTTP is set, and the server speaks HTTPS") from None
            raise


class _Reader(RawIOBase):
    """Reads a socket, all within the timeout that the socket had at the beginning."""

    def __init__(self, raw: Any, sock: Any) -> None:
        self._raw = raw
        self._sock = sock
        self._end = _now() + sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining_seconds = self._end - _now()
        if remaining_seconds <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(remaining_seconds)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedConnection(Base):  # type: ignore[misc]
    """Connects within its timeout in all, however many addresses the host has."""

    clock: Clock
    costs: Costs
    timeout: float
    idle_since: tuple[float, datetime] | None = None
    response_class = BoundedResponse

    def connect(self) -> None:
        started = _now()
        try:
            self._connect_once_or_twice()
            self.costs.add_handshake(self, started, _now())
        except Exception as error:
            host = self._tunnel_host or self.host  # behind a proxy, or without one
            cause = _misconnection(error, host) or _misconnection(error.__context__, host)
            if cause:
                raise _misconnected(cause) from None
            raise

    def _connect_once_or_twice(self) -> None:
        """Connects again if the supplement of the trust store is needed, before anything is sent.

        Both within one timeout.
        """
        end, context = _now() + self.timeout, getattr(self, "ssl_context", None)
        supplemented = context if isinstance(context, Context) and context.supplement else None
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            if supplemented is None or error.verify_code not in ISSUER_UNKNOWN:
                raise
            supplemented.read_supplement()
            self.timeout = max(MIN_SECONDS, end - _now())
            super().connect()

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.timeout)  # it still has the timeout of the answer before
        super().request(*args, **options)

    def is_stale(self) -> bool:
        """Whether it has been idle for long, by the clock that says more: a frozen process may find
        either of them stopped.
        """
        if self.idle_since is None:
            return False
        monotonic, now = self.idle_since
        seconds = (self.clock.now() - now).total_seconds()
        return max(seconds, self.clock.monotonic() - monotonic) > MAX_IDLE_SECONDS

    def getresponse(self, *args: Any, **options: Any) -> Any:
        started = _now()
        response = super().getresponse(*args, **options)
        self.costs.add_answer(_now() - started)
        return response

    def close(self) -> None:
        self.costs.remove_connection(self)
        super().close()

    def _new_conn(self) -> socket.socket:
        end = _now() + self.timeout
        last_error: OSError = OSError("the host has no address")
        for *_, address in socket.getaddrinfo(
            self._dns_host.strip("[]"), self.port, type=socket.SOCK_STREAM
        ):
            try:
                numeric: Any = address[:2]
                connection = socket.create_connection(numeric, max(MIN_SECONDS, end - _now()))
            except OSError as error:
                last_error = error
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(max(MIN_SECONDS, end - _now()))  # for the handshake, and to send
            return connection
        raise last_error


class SecureConnection(Base):  # type: ignore[misc]
    """Connects by TLS in place of urllib3 1, which does not have OpenSSL verify host names."""

    def connect(self) -> None:
        self.sock = self._new_conn()
        if self._tunnel_host:
            self._tunnel()  # by CONNECT
            self.auto_open = 0  # this connection must not reconnect without the proxy
        host = (self._tunnel_host or self.host).strip("[]").rstrip(".")
        self.sock = self.ssl_context.wrap_socket(self.sock, server_hostname=host)
        self.is_verified = True


class BoundedPool(Base):  # type: ignore[misc]
    """Gives out no connection that has been idle for long: it may be dead without a sign."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if connection.sock is not None and connection.is_stale():
            connection.close()
            connection = self._new_conn()
        connection.idle_since = None
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.idle_since = connection.clock.monotonic(), connection.clock.now()
        super()._put_conn(connection)


def _misconnection(error: BaseException | None, host: str) -> str:
    """Returns the fault of the deployment that makes connecting fail; "" for any other error."""
    if is_unverified(error):
        return unverified_text(error, host)
    if isinstance(error, ssl.SSLError) and error.reason in PLAIN_HTTP:
        return "HTTPS is set, and the server speaks plain HTTP"
    if isinstance(error, FileNotFoundError) or getattr(error, "library", "") in ("X509", "PEM"):
        return "the trust store cannot be read"
    return ""


def _now() -> float:
    return SystemClock().monotonic()  # the timeouts of sockets are in real time
