"""A server of HTTPS that answers from prepared bytes: `python -m benchmarks.prepared_server`.

It takes the first answer of each kind from a local cloud, and repeats its bytes from then on, so
that a client is measured and not the cloud behind it. It keeps connections open, and can wait
before each answer as a network does. A kind is the API version, the action and the page.

It prints {"endpoint": HOST:PORT}. For each line on its standard input it prints what it counted
since the line before, as JSON, and it ends at the end of its input.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import click

END_OF_HEAD = b"\r\n\r\n"
REMOVAL = "RemoveInstances"


class Kind(NamedTuple):
    """What an answer depends on."""

    version: str
    action: str
    page: str


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Counts:
    """What happened since the counts were last taken."""

    handshakes: int = 0
    resumed: int = 0  # handshakes that continued an earlier TLS session
    forwarded: int = 0  # calls that the local cloud answered
    first_removal_at: float | None = None  # s, by time.monotonic, when its request was complete
    calls: Counter[str] = field(default_factory=Counter)  # by action
    connections: set[int] = field(default_factory=set)  # that carried a call

    def as_json(self) -> str:
        return json.dumps({**vars(self), "connections": len(self.connections)})


class PreparedAnswers:
    """Answers by kind; the cloud behind is asked once for each."""

    def __init__(self, cloud: str, delay_seconds: float) -> None:
        self.counts = Counts()
        self.delay_seconds = delay_seconds
        self._cloud = cloud
        self._answers: dict[Kind, bytes] = {}

    def take_counts(self) -> Counts:
        counts, self.counts = self.counts, Counts()
        return counts

    def answer(self, request: Request, connection: int) -> bytes:
        """Returns head and body of the answer; the head lacks its Date."""
        kind = _kind_of(request)
        self.counts.calls[kind.action] += 1
        self.counts.connections.add(connection)
        if kind.action == REMOVAL and self.counts.first_removal_at is None:
            self.counts.first_removal_at = time.monotonic()
        if kind not in self._answers:
            self.counts.forwarded += 1
            self._answers[kind] = self._forward(request)
        return self._answers[kind]

    def _forward(self, request: Request) -> bytes:
        connection = http.client.HTTPConnection(self._cloud, timeout=30)
        try:
            # As it came, with its Host: it is part of what a client signs.
            connection.request(request.method, request.target, request.body, request.headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        head = (
            f"Content-Type: {response.headers['Content-Type']}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: keep-alive\r\n\r\n"
        )
        return f"HTTP/1.1 {response.status} {response.reason}\r\n{head}".encode() + body


def _kind_of(request: Request) -> Kind:
    """The two SDKs name version and action in the query or in headers."""
    query = dict(parse_qsl(urlsplit(request.target).query))
    if "Action" not in query and request.body:
        query |= parse_qsl(request.body.decode("latin-1"))
    headers = request.headers
    version = query.get("Version") or headers.get("x-acs-version", "")
    action = query.get("Action") or headers.get("x-acs-action", "")
    return Kind(version, action, query.get("PageNumber", "1"))


class Connection(asyncio.Protocol):
    """Reads requests of one connection, one after another, and answers each."""

    def __init__(self, answers: PreparedAnswers, number: int) -> None:
        self._answers = answers
        self._number = number
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # after the handshake
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._answers.counts.handshakes += 1
        if transport.get_extra_info("ssl_object").session_reused:
            self._answers.counts.resumed += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._take_request()) is not None:
            answer = self._answers.answer(request, self._number)
            if self._answers.delay_seconds:
                loop = asyncio.get_running_loop()
                loop.call_later(self._answers.delay_seconds, self._write, answer)
            else:
                self._write(answer)

    def _take_request(self) -> Request | None:
        """Takes the first whole request from what was received; None if there is none yet."""
        head, mark, rest = self._received.partition(END_OF_HEAD)
        if not mark:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        size = int(headers.get("content-length", "0"))
        if len(rest) < size:
            return None
        self._received = rest[size:]
        method, target, _ = first.split(" ")
        return Request(method, target, headers, rest[:size])

    def _write(self, answer: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        status, _, rest = answer.partition(b"\r\n")
        date = f"\r\nDate: {formatdate(usegmt=True)}\r\n".encode()
        self._transport.write(status + date + rest)


async def serve(answers: PreparedAnswers, certificate: Path, key: Path) -> None:
    """Serves until the standard input ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    numbers = iter(range(1 << 62))
    server = await loop.create_server(
        lambda: Connection(answers, next(numbers)), "127.0.0.1", 0, ssl=context, backlog=256
    )
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"endpoint": f"https://localhost:{port}"}), flush=True)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(answers.take_counts().as_json(), flush=True)


@click.command(context_settings={"show_default": True})
@click.option("--cloud", required=True, help="HOST:PORT of a local cloud, over plain HTTP.")
@click.option("--delay", default=0.0, help="Seconds before each answer.")
@click.option("--certificate", type=Path, required=True, help="PEM file of the certificate.")
@click.option("--key", type=Path, required=True, help="PEM file of its key.")
def main(cloud: str, delay: float, certificate: Path, key: Path) -> None:
    """Answers over HTTPS with bytes that a local cloud gave once."""
    asyncio.run(serve(PreparedAnswers(cloud, delay), certificate, key))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.prepared_server")
