"""ESS as it fails: a closed port, a server that never answers, or faults of the local cloud."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks.instances import LivingCloud
from benchmarks.trust import Authority

REFUSED, NO_HANDSHAKE, NO_ANSWER = "refused", "no-handshake", "no-answer"
ACTIONS = (
    "DescribeScalingGroups",
    "DescribeScalingInstances",
    "DescribeScalingActivities",
    "RemoveInstances",
)
ALWAYS = 10**9

Count = Callable[[], int]


@contextmanager
def failing_ess(
    fault: str, cloud: LivingCloud, authority: Authority, slow_seconds: float
) -> Iterator[tuple[str, Count]]:
    """Yields where ESS is, and what counts the calls that it had.

    Calls that a closed port refuses are counted by who makes them: here they are 0.
    """
    if fault == REFUSED:
        yield _closed_port(), lambda: 0
    elif fault in (NO_HANDSHAKE, NO_ANSWER):
        with silent_server(authority if fault == NO_ANSWER else None) as silent:
            yield silent
    else:
        for action in ACTIONS:  # and not Function Compute's
            cloud.inside.faults.add(fault, action, ALWAYS, slow_seconds)
        yield cloud.endpoint, cloud.inside.faults.occurrences.total


@contextmanager
def silent_server(authority: Authority | None) -> Iterator[tuple[str, Count]]:
    """Runs a server that accepts connections and never answers. Without an authority it does not
    even begin TLS: then each connection counts as a call.
    """
    calls, context = Counter[str](), None
    if authority:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.server_certificate, authority.server_key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = (listener, context, calls)
        threading.Thread(target=_accept, args=arguments, daemon=True).start()
        try:
            yield _url_of(listener), calls.total
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, context: ssl.SSLContext | None, calls: Counter[str]) -> None:
    with suppress(OSError):
        while True:
            connection = listener.accept()[0]
            arguments = (connection, context, calls)
            threading.Thread(target=_listen, args=arguments, daemon=True).start()


def _listen(connection: socket.socket, context: ssl.SSLContext | None, calls: Counter[str]) -> None:
    """Reads what a client sends until it hangs up. No connection is used twice."""
    with suppress(OSError), connection:
        if context is None:
            calls["connection"] += 1
            while connection.recv(4096):
                pass
            return
        with context.wrap_socket(connection, server_side=True) as secured:
            calls["call"] += bool(secured.recv(4096))
            while secured.recv(4096):
                pass


def _closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return _url_of(listener)


def _url_of(listener: socket.socket) -> str:
    return f"https://localhost:{listener.getsockname()[1]}"
