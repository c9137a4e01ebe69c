"""Bounds what a call may cost: one deadline from connecting to the last byte, and a number of bytes.

There are two copies of requests: its own, and the one inside the ESS SDK; `BoundedAdapter` goes before the HTTPAdapter
of either. A request is sent once: neither copy repeats one by itself, not even where an idle connection is broken.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPResponse
from io import BufferedReader, RawIOBase
from typing import Any

from scalein.clock import SystemClock

MAX_ANSWER_BYTES = (
    3 << 20
)  # a page of 100 instances has 0.1 MB, 50 activities of 800 instances each have 2 MB
CHUNK_BYTES = 1 << 16
LEAST_SECONDS = 0.001  # a socket with a timeout of 0 does not wait at all
TLS_ALERT = "\x15\x03"  # how a TLS server answers plain HTTP
PLAIN_HTTP = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")  # how OpenSSL sees it
Base: Any = object  # the other half of each mixin: a class of requests, urllib3 or http.client


class Misconnected(Exception):
    """The deployment is wrong, so that asking again will not help. The text says what is wrong."""


class AnswerTooLarge(Exception):
    """An answer has more than MAX_ANSWER_BYTES."""


class BoundedAdapter(Base):  # type: ignore[misc]
    """Reads the whole body, within the time and the bytes that there are. The timeout is (connect, whole), in seconds.

    Raises Misconnected, AnswerTooLarge, and the OSErrors of requests.
    """

    timeout_type: Any  # of urllib3
    error_type: Any  # of urllib3

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _bound_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        return _bound_pools(super().proxy_manager_for(*args, **options))

    def cert_verify(self, *args: Any) -> None:
        try:
            super().cert_verify(*args)
        except OSError:
            raise Misconnected("the trust store cannot be read") from None

    def send(self, request: Any, **options: Any) -> Any:
        connect, whole = options.pop("timeout")
        within = self.timeout_type(connect=min(connect, whole), read=whole, total=whole)
        response = super().send(request, **{**options, "stream": True, "timeout": within})
        try:
            response._content = b"".join(_body(response.raw))
        except BaseException as error:
            response.raw.close()  # what is left of the answer must not be taken for the next one
            if isinstance(error, self.error_type):
                raise ConnectionError(type(error).__name__) from error
            raise
        response._content_consumed = True
        return response


def _body(raw: Any) -> Iterator[bytes]:
    """As it travels, not unpacked: no encoding was asked for, and gzip may hold a thousand times its size."""
    size = 0
    while chunk := raw.read(CHUNK_BYTES, decode_content=False):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise AnswerTooLarge
        yield chunk


def _bound_pools(manager: Any) -> Any:
    """The manager of urllib3, its connections bounded."""
    manager.pool_classes_by_scheme = {
        scheme: pool if issubclass(pool.ConnectionCls, BoundedConnection) else _bounded_pool(pool)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager


def _bounded_pool(pool: Any) -> Any:
    connection = type("Bounded", (BoundedConnection, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class BoundedResponse(HTTPResponse):
    """The timeout that the socket has when an answer begins is for all of it, and not for each read."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp: Any = BufferedReader(_Reader(self.fp.detach(), sock))

    def begin(self) -> None:
        try:
            super().begin()
        except BadStatusLine as error:
            if str(error).startswith(TLS_ALERT):
                raise Misconnected("plain HTTP is set, and the server speaks HTTPS") from None
            raise


class _Reader(RawIOBase):
    """Reads of a socket, all within the timeout that it had."""

    def __init__(self, raw: Any, sock: Any) -> None:
        self._raw = raw
        self._sock = sock
        self._until = _now() + sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - _now()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedConnection(Base):  # type: ignore[misc]
    """Connects within its timeout in all, whatever a host has of addresses."""

    response_class = BoundedResponse

    def connect(self) -> None:
        try:
            super().connect()
        except Exception as error:
            wrong = _misconnection(error) or _misconnection(error.__context__)
            if wrong:
                raise Misconnected(wrong) from None
            raise

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.timeout)  # what is left on it is of the answer before
        super().request(*args, **options)

    def _new_conn(self) -> socket.socket:
        until = _now() + self.timeout
        failed: OSError = OSError("the host has no address")
        for *_, address in socket.getaddrinfo(
            self._dns_host.strip("[]"), self.port, type=socket.SOCK_STREAM
        ):
            try:
                numeric: Any = address[:2]
                made = socket.create_connection(numeric, max(LEAST_SECONDS, until - _now()))
            except OSError as error:
                failed = error
                continue
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(max(LEAST_SECONDS, until - _now()))  # for the handshake, and to send
            return made
        raise failed


def _misconnection(error: BaseException | None) -> str:
    """What of the deployment makes connecting fail; empty: nothing of it."""
    if (
        isinstance(error, ssl.SSLCertVerificationError)
        or type(error).__name__ == "CertificateError"
    ):
        return "the certificate of the server does not verify"
    if isinstance(error, ssl.SSLError) and error.reason in PLAIN_HTTP:
        return "HTTPS is set, and the server speaks plain HTTP"
    if isinstance(error, FileNotFoundError) or getattr(error, "library", "") in ("X509", "PEM"):
        return "the trust store cannot be read"
    return ""


def _now() -> float:
    return SystemClock().monotonic()  # sockets know real time only
