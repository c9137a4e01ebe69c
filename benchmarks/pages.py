"""How many pages of 100 instances a server answers, what one costs it, and how soon it starts.

`python -m benchmarks.pages` measures the local cloud at 2,000 instances; with `--moto PYTHON` (a
Python that has moto[server]) moto beside it, which has no pages of instances: all are in each of
its answers, and an answer counts as 20 pages. With `--beside FOLDER` another checkout of this
project. Closed loop over a few connections; requests are signed before they are timed. The servers
take turns, and the best turn counts: other work on the machine makes figures worse, never better.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import click
from rich.console import Console

from benchmarks import load
from benchmarks.load import ROOT, SIZE, Server
from benchmarks.timing import Row, at_most, print_table

PAGE_SIZE = 100
CONNECTIONS = 4
MIN_PAGES, MAX_MILLISECONDS = 1_000, 1.0  # a second; of processor time, each
GROUPS, GROUP_SIZE, MAX_START_SECONDS = 10, 10_000, 2.0
TICKS = os.sysconf("SC_CLK_TCK")


class Turn(NamedTuple):
    """What one turn of one server gave."""

    pages_per_second: float
    milliseconds: float  # of processor time, a page


@dataclass
class Contestant:
    """A server, and its turns."""

    server: Server
    pages: int  # in an answer
    count: int  # of answers in a turn
    turns: list[Turn] = field(default_factory=list)

    def requests(self) -> list[bytes]:
        """The requests of one turn: each page in its turn."""
        return [self._request(number) for number in range(self.count)]

    def _request(self, number: int) -> bytes:
        if self.server.name == "moto":
            action = {"Action": "DescribeAutoScalingInstances", "Version": "2011-01-01"}
            return _http("/", urlencode(action), load.AWS_HEADERS)
        page = {
            "Action": "DescribeScalingInstances",
            "ScalingGroupId": "asg-load",
            "PageSize": str(PAGE_SIZE),
            "PageNumber": str(number % (SIZE // PAGE_SIZE) + 1),
        }
        return _http("/?" + urlencode(load.signed(page)), "", {"Host": "127.0.0.1"})

    def take_turn(self) -> None:
        """Reads the pages over a few connections, of which each waits for one answer."""
        requests, pid = self.requests(), self.server.process.pid
        connections = [Connection(self.server.port) for _ in range(CONNECTIONS)]
        used, started_at = processor_seconds(pid), time.monotonic()
        for number, request in enumerate(requests):
            connection = connections[number % CONNECTIONS]
            if number >= CONNECTIONS:
                connection.receive()
            connection.send(request)
        for connection in connections:
            connection.receive()
        seconds, used = time.monotonic() - started_at, processor_seconds(pid) - used
        for connection in connections:
            connection.close()
        pages = self.pages * self.count
        self.turns.append(Turn(pages / seconds, 1_000 * used / pages))

    def rows(self) -> list[Row]:
        pages = max(turn.pages_per_second for turn in self.turns)
        milliseconds = min(turn.milliseconds for turn in self.turns)
        name = f"{self.server.name}: pages of {PAGE_SIZE} a second"
        cost_name = f"{self.server.name}: ... processor time of one"
        if self.server.name != "localcloud":
            return [Row(name, f"{pages:,.0f}"), Row(cost_name, f"{milliseconds:.2f} ms")]
        goal = f"at least {MIN_PAGES:,}"
        return [
            Row(name, f"{pages:,.0f}", goal, pages >= MIN_PAGES),
            at_most(cost_name, milliseconds, MAX_MILLISECONDS, "{:.2f} ms"),
        ]


def _http(path: str, body: str, headers: dict[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body]).encode()


class Connection:
    """A connection that waits for one answer at a time, opened again where the server closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def send(self, request: bytes) -> None:
        self._socket = self._socket or socket.create_connection(("127.0.0.1", self._port), 60)
        self._socket.sendall(request)

    def receive(self) -> None:
        """Reads one answer to its end. Raises RuntimeError unless it is a page."""
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._part()
        head = bytes(received[:end]).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(bytes(received[:500]).decode("utf-8", "replace"))
        length = int(head.partition(b"\ncontent-length:")[2].split(b"\r\n")[0])
        missing = end + 4 + length - len(received)
        while missing > 0:
            missing -= len(self._part())
        if b"connection: close" in head:
            self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _part(self) -> bytes:
        part = self._socket.recv(1 << 18) if self._socket is not None else b""
        if not part:
            raise RuntimeError("the server closed a connection in an answer")
        return part


def processor_seconds(pid: int) -> float:
    """The processor time that all threads of a process took so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def start_seconds(root: Path = ROOT) -> float:
    """How long the local cloud takes from its command to its ready line, with a large fleet."""
    groups = [load.group(f"asg-{n}", GROUP_SIZE, f"i-{n}-") for n in range(GROUPS)]
    started_at = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        fleet = Path(folder) / "fleet.json"
        fleet.write_text(json.dumps({"groups": groups}))
        started_at = time.monotonic()
        with load.started(fleet, root):
            return time.monotonic() - started_at


@contextmanager
def contestants(moto_python: str | None, beside: Path | None) -> Iterator[list[Contestant]]:
    with ExitStack() as stack:
        servers = [Contestant(stack.enter_context(load.localcloud()), 1, 2_000)]
        if beside:
            other = stack.enter_context(load.localcloud(beside))
            servers.append(Contestant(other._replace(name=beside.name), 1, 300))
        if moto_python:
            moto = stack.enter_context(load.moto(moto_python))
            servers.append(Contestant(moto, SIZE // PAGE_SIZE, 10))
        yield servers


@click.command(context_settings={"show_default": True})
@click.option("--turns", default=5, help="How often each server takes its turn.")
@click.option("--moto", "moto_python", help="A Python that has moto[server].")
@click.option(
    "--beside",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of another checkout, whose local cloud is measured too.",
)
def main(turns: int, moto_python: str | None, beside: Path | None) -> None:
    """Measures the servers and prints one table."""
    console = Console()
    with contestants(moto_python, beside) as servers:
        for _ in range(turns):
            for contestant in servers:
                with console.status(f"{contestant.server.name} ..."):
                    contestant.take_turn()
        table_rows = [row for contestant in servers for row in contestant.rows()]
    with console.status("start ..."):
        seconds = min(start_seconds() for _ in range(3))
    start_name = f"localcloud: start with {GROUPS} groups of {GROUP_SIZE:,}"
    table_rows.append(at_most(start_name, seconds, MAX_START_SECONDS, "{:.2f} s"))
    print_table(table_rows, console, f"A fleet of {SIZE:,}")


if __name__ == "__main__":
    main()
