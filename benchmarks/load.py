"""The local cloud under load, beside moto's server: 200 calls a second, a fleet of 2,000.

`python -m benchmarks.load` measures the local cloud; with `--moto PYTHON` (a Python that has
moto[server]) it measures moto too, with the corresponding calls of AWS Auto Scaling. Open loop: a
call is sent when it is due, whether or not the call before it has ended.
"""

from __future__ import annotations

import http.client
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import click
from rich.console import Console

from benchmarks.timing import Row, at_most, milliseconds, print_table
from localcloud.signature_v1 import signature, string_to_sign

ROOT = Path(__file__).parents[1]
SIZE, CONNECTIONS = 2_000, 16
MAX_GROWTH_MIB = 2.0  # in the second half: memory is flat
MAX_DELAY_SECONDS = 10  # at the end: calls that are due longer are not sent
KEY, SECRET = "localcloud", "a secret of this benchmark"
CREDENTIAL = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/autoscaling/aws4_request"
AWS_HEADERS = {
    "Authorization": CREDENTIAL,
    "Content-Type": "application/x-www-form-urlencoded",
    "Host": "autoscaling.us-east-1.amazonaws.com",
}


class Server(NamedTuple):
    name: str
    port: int
    process: subprocess.Popen[str]
    call: Callable[[http.client.HTTPConnection, int], bytes]  # makes the call of this number


@dataclass
class Figures:
    latencies: list[float] = field(default_factory=list)  # s, from when a call was due
    errors: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)  # MiB, resident, over time
    seconds: float = 0.0  # from the first call to the last answer


def ess_call(connection: http.client.HTTPConnection, number: int) -> bytes:
    """One of twenty calls: nine read instances, nine groups, one activities; one changes."""
    kind = number % 20
    action: dict[str, str] = {
        "Action": "DescribeScalingInstances",
        "ScalingGroupId": "asg-load",
        "PageSize": "50",
    }
    if kind < 9:
        action["PageNumber"] = str(number % (SIZE // 50) + 1)
    elif kind < 18:
        action = {"Action": "DescribeScalingGroups"}
    elif kind == 18:
        action = {"Action": "DescribeScalingActivities", "ScalingGroupId": "asg-load"}
    else:
        action = {
            "Action": "SetInstancesProtection",
            "ScalingGroupId": "asg-load",
            "ProtectedFromScaleIn": "true",
        }
        action["InstanceId.1"] = f"i-{number % SIZE:05}"
    return _post(connection, "/?" + urlencode(signed(action)), "", {})


def signed(action: dict[str, str]) -> dict[str, str]:
    """The parameters of one call, signed for POST."""
    params = {
        "Version": "2014-08-28",
        "RegionId": "cn-hangzhou",
        "Format": "JSON",
        "AccessKeyId": KEY,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **action,
    }
    params["Signature"] = signature(SECRET, string_to_sign("POST", params))
    return params


def aws_call(connection: http.client.HTTPConnection, number: int) -> bytes:
    """The corresponding call of AWS, which lists groups without their instances."""
    kind = number % 20
    if kind < 9:
        action = {"Action": "DescribeAutoScalingInstances", "MaxRecords": "50"}
    elif kind < 18:
        action = {"Action": "DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1": "small"}
    elif kind == 18:
        action = {"Action": "DescribeLaunchConfigurations"}  # moto has no activities
    else:
        action = {
            "Action": "SuspendProcesses",
            "AutoScalingGroupName": "small",
            "ScalingProcesses.member.1": "Launch",
        }
    return _aws(connection, action)


def _aws(connection: http.client.HTTPConnection, action: dict[str, str]) -> bytes:
    body = urlencode({**action, "Version": "2011-01-01"})
    return _post(connection, "/", body, AWS_HEADERS)


def _post(
    connection: http.client.HTTPConnection, path: str, body: str, headers: dict[str, str]
) -> bytes:
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise RuntimeError(f"HTTP {response.status}: {content[:200]!r}")
    return content


def load(server: Server, rate: int, seconds: int) -> Figures:
    figures, numbers, lock = Figures(), itertools.count(), threading.Lock()
    started_at = time.monotonic() + 0.2

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        while True:
            number = next(numbers)
            due = started_at + number / rate
            if number >= rate * seconds:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() > started_at + seconds + MAX_DELAY_SECONDS:
                figures.errors["not sent: the server is too far behind"] += 1
                continue
            try:
                server.call(connection, number)
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                figures.errors[f"{type(error).__name__}: {error}"[:100]] += 1
                connection.close()
            with lock:
                figures.latencies.append(time.monotonic() - due)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        figures.memory.append(resident(server.process.pid))
        time.sleep(1)
    figures.seconds = time.monotonic() - started_at
    return figures


def resident(pid: int) -> float:
    """The memory of a process, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / (1 << 20)


@contextmanager
def localcloud(root: Path = ROOT) -> Iterator[Server]:
    """The local cloud of a checkout, with one group."""
    with tempfile.TemporaryDirectory() as folder:
        fleet = Path(folder) / "fleet.json"
        fleet.write_text(json.dumps({"groups": [group("asg-load", SIZE, "i-")]}))
        with started(fleet, root) as server:
            yield server


def group(id: str, size: int, prefix: str) -> dict[str, Any]:
    """A scaling group of the fleet file."""
    member = {"createdTime": "2026-05-01T00:00:00Z", "scalingConfigurationId": "asc-1"}
    members = [{"instanceId": f"{prefix}{n:05}", **member} for n in range(size)]
    return {"scalingGroupId": id, "minSize": 0, "maxSize": size, "instances": members}


@contextmanager
def started(fleet: Path, root: Path = ROOT) -> Iterator[Server]:
    """The local cloud of a checkout, once it is ready."""
    options = ["--fleet", str(fleet), "--access-key-secret", SECRET]
    with _process([sys.executable, "-m", "localcloud", *options], root) as process:
        assert process.stdout
        endpoint = json.loads(process.stdout.readline())["endpoint"]
        yield Server("localcloud", int(endpoint.split(":")[1]), process, ess_call)


@contextmanager
def moto(python: str, port: int = 15_987) -> Iterator[Server]:
    with _process([python, "-m", "moto.server", "-p", str(port)], Path.cwd()) as process:
        server = Server("moto", port, process, aws_call)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        for _ in range(100):
            try:
                _aws(connection, {"Action": "DescribeAutoScalingGroups"})
                break
            except OSError:
                connection.close()
                time.sleep(0.2)
        _aws(
            connection,
            {
                "Action": "CreateLaunchConfiguration",
                "LaunchConfigurationName": "l",
                "ImageId": "ami-12c6146b",
                "InstanceType": "t2.micro",
            },
        )
        for name, size in (("big", SIZE), ("small", 2)):
            group = {
                "AutoScalingGroupName": name,
                "LaunchConfigurationName": "l",
                "MinSize": "0",
                "MaxSize": str(SIZE),
            }
            zones = {"AvailabilityZones.member.1": "us-east-1a", "DesiredCapacity": str(size)}
            _aws(connection, {"Action": "CreateAutoScalingGroup", **group, **zones})
        yield server


@contextmanager
def _process(command: list[str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:  # moto waits for its threads
                process.kill()
                process.wait()


def rows(server: Server, figures: Figures, rate: int, seconds: int) -> list[Row]:
    latencies, memory = sorted(figures.latencies), figures.memory
    p99 = latencies[int(len(latencies) * 0.99)]
    half = len(memory) // 2
    growth = statistics.median(memory[-5:]) - statistics.median(memory[half : half + 5])
    calls_per_second = len(latencies) / max(seconds, figures.seconds)
    has_goal = server.name == "localcloud"
    errors, median = figures.errors.total(), statistics.median(latencies)
    call_name = f"{server.name}: {rate} calls a second for {seconds} s, errors"
    growth_name = f"{server.name}: ... growth since half time"
    return [
        Row(call_name, str(errors), "0", errors == 0) if has_goal else Row(call_name, str(errors)),
        Row(f"{server.name}: calls answered in a second", f"{calls_per_second:.0f}"),
        Row(f"{server.name}: latency, from when the call was due", milliseconds(median)),
        Row(f"{server.name}: ... 99th percentile", milliseconds(p99)),
        Row(f"{server.name}: memory at the end", f"{memory[-1]:.0f} MiB"),
        at_most(growth_name, growth, MAX_GROWTH_MIB, "{:.1f} MiB")
        if has_goal
        else Row(growth_name, f"{growth:.1f} MiB"),
    ]


@click.command(context_settings={"show_default": True})
@click.option("--rate", default=200, help="Calls a second.")
@click.option("--seconds", default=60, help="How long.")
@click.option("--moto", "moto_python", help="A Python that has moto[server].")
def main(rate: int, seconds: int, moto_python: str | None) -> None:
    """Measures the servers and prints one table."""
    table_rows: list[Row] = []
    servers = [localcloud()]
    if moto_python:
        servers.append(moto(moto_python))
    console = Console()
    for started in servers:
        with started as server, console.status(f"{server.name} ..."):
            figures = load(server, rate, seconds)
            table_rows += rows(server, figures, rate, seconds)
            for error, number in figures.errors.most_common(3):
                console.print(f"{server.name}: {number} times {error}", highlight=False)
    print_table(table_rows, console, f"A fleet of {SIZE:,}")


if __name__ == "__main__":
    main()
