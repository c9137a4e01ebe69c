"""Servers of bare sockets that answer as a test says, and the handler's gateway before them."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from scalein.addresses import Endpoint
from scalein.clock import Clock, Deadline
from scalein.cloud.ess import EssGateway
from scalein.timing import CallTimer
from tests.support.clock import DrivenClock
from tests.support.deployment import settings_of

Conversation = Callable[[socket.socket], None]


@contextmanager
def serving(
    conversation: Conversation, certificate: tuple[str, str] | None = None
) -> Iterator[str]:
    """host:port of a server that holds the conversation; over TLS where it has a certificate."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                if context is None:
                    conversation(connection)
                    return
                with context.wrap_socket(connection, server_side=True) as secured:
                    conversation(secured)

        def listen() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=listen, daemon=True).start()
        try:
            yield "{}:{}".format(*listener.getsockname())
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def request_on(connection: socket.socket) -> str:
    """The head of the next request, which is read whole; empty where the client hung up."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(4096)
        if not part:
            return ""
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    missing = int(header_of(head.decode(), "content-length") or 0) - len(body)
    while missing > 0 and (part := connection.recv(missing)):
        missing -= len(part)
    return head.decode()


def header_of(head: str, wanted: str) -> str:
    lines = (line.partition(":") for line in head.splitlines())
    return next((value.strip() for name, _, value in lines if name.lower() == wanted), "")


def action_of(head: str) -> str:
    return header_of(head, "x-acs-action")


def answer_of(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def replying(reply_to: Callable[[str], bytes]) -> Iterator[str]:
    """host:port of a server that answers each action with such bytes."""

    def converse(connection: socket.socket) -> None:
        while head := request_on(connection):
            connection.sendall(reply_to(action_of(head)))

    with serving(converse) as endpoint:
        yield endpoint


def gateway_to(
    endpoint: str,
    clock: Clock | None = None,
    seconds: float = 30.0,
    secure: bool = False,
    timer: CallTimer | None = None,
) -> EssGateway:
    """The handler's own gateway."""
    settings = settings_of(Endpoint(endpoint, secure), read_timeout_seconds=10.0)
    return EssGateway(settings, Deadline.after(seconds, clock or DrivenClock()), timer)


GROUP = {"ScalingGroupId": "asg-1", "LifecycleState": "Active", "MinSize": 0, "TotalCapacity": 0}
EMPTY = {
    "DescribeScalingGroups": {"TotalCount": 1, "ScalingGroups": {"ScalingGroup": [GROUP]}},
    "DescribeScalingInstances": {"TotalCount": 0, "ScalingInstances": {"ScalingInstance": []}},
    "DescribeScalingActivities": {"TotalCount": 0, "ScalingActivities": {"ScalingActivity": []}},
    "RemoveInstances": {"ScalingActivityId": "asa-1"},
    "DescribeMetricLast": {"Code": "200", "Datapoints": "[]"},
}


def empty_group(action: str) -> bytes:
    return answer_of(json.dumps(EMPTY[action]).encode())
