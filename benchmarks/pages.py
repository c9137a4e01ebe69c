"""How many pages of 100 instances a server answers, what one costs it, and how soon it starts.

`python -m benchmarks.pages` measures the local cloud at 2,000 instances; with `--moto PYTHON` (a
Python that has moto[server]) moto beside it, with pages of 50, which is AWS's limit; with `--beside
FOLDER` another checkout of this project. Closed loop over a few connections; requests are signed
before they are timed. The servers take turns, and the best turn counts: other work on the machine
makes figures worse, never better.
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

PAGE_SIZE, AWS_PAGE_SIZE = 100, 50
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
    page_size: int
    count: int  # of pages in a turn
    turns: list[Turn] = field(default_factory=list)

    def requests(self) -> list[bytes]:
        """Returns the requests of one turn: each page in its turn."""
        return [self._request(number) for number in range(self.count)]

    def _request(self, number: int) -> bytes:
        if self.page_size == AWS_PAGE_SIZE:
            action = {"Action": "DescribeAutoScalingInstances", "MaxRecords": str(AWS_PAGE_SIZE)}
            return _http("/", urlencode({**action, "Version": "2011-01-01"}), load.AWS_HEADERS)
        page = {
            "Action": "DescribeScalingInstances",
            "ScalingGroupId": "asg-load",
            "PageSize": str(self.page_size),
            "PageNumber": str(number % (SIZE // self.page_size) + 1),
        }
        return _http("/?" + urlencode(load.signed(page)), "", {"Host": "127.0.0.1"})

    def take_turn(self) -> None:
        """Reads the pages over a few connections, of which each waits for one answer."""
        requests = self.requests()
        with ExitStack() as stack:
            address = ("127.0.0.1", self.server.port)
            connections = [
                stack.enter_context(socket.create_connection(address)) for _ in range(CONNECTIONS)
            ]
            used, started_at = processor_seconds(self.server.process.pid), time.monotonic()
            for number, request in enumerate(requests):
                connection = connections[number % CONNECTIONS]
                if number >= CONNECTIONS:
                    _read_answer(connection)
                connection.sendall(request)
            for connection in connections:
                _read_answer(connection)
            seconds = time.monotonic() - started_at
            used = processor_seconds(self.server.process.pid) - used
        self.turns.append(Turn(self.count / seconds, 1_000 * used / self.count))

    def rows(self) -> list[Row]:
        pages = max(turn.pages_per_second for turn in self.turns)
        milliseconds = min(turn.milliseconds for turn in self.turns)
        name = f"{self.server.name}: pages of {self.page_size} a second"
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


def _read_answer(connection: socket.socket) -> None:
    """Reads one answer to its end. Raises RuntimeError unless it is a page."""
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _received(connection)
    head = bytes(received[:end]).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(bytes(received[:500]).decode("utf-8", "replace"))
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    missing = end + 4 + length - len(received)
    while missing > 0:
        missing -= len(_received(connection))


def _received(connection: socket.socket) -> bytes:
    part = connection.recv(1 << 18)
    if not part:
        raise RuntimeError("the server closed a connection")
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
        servers = [Contestant(stack.enter_context(load.localcloud()), PAGE_SIZE, 2_000)]
        if beside:
            other = stack.enter_context(load.localcloud(beside))
            servers.append(Contestant(other._replace(name=beside.name), PAGE_SIZE, 300))
        if moto_python:
            moto = stack.enter_context(load.moto(moto_python))
            servers.append(Contestant(moto, AWS_PAGE_SIZE, 100))
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
