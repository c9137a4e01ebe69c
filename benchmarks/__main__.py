"""Prints the figures: `python -m benchmarks` (or `make bench`).

Compare ratios within one run; times vary by machine.
"""

from __future__ import annotations

import compileall
import json
import logging
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from benchmarks import acting, intake, planning, shipping
from benchmarks.timing import Row, median_and_best, print_table
from scalein_cli.local import environment, local_cloud
from scalein_cli.options import console_for_output

HERE = Path(__file__).parent
ROOT = HERE.parent
EVENT: dict[str, Any] = {"scalingGroupId": "asg-bench", "remove": {"count": 1}}
POLICY: dict[str, Any] = {"groups": {"asg-bench": {}}}
ROUND = 30  # repeats with one fleet: each program removes an instance


def fleet_file(folder: Path, instances: int) -> Path:
    """Writes a fleet whose group takes removals at the same time, as it has a desired capacity."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    members = [
        {
            "instanceId": f"i-{number:05}",
            "createdTime": (start + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "zoneId": f"cn-hangzhou-{'ghi'[number % 3]}",
            "scalingConfigurationId": f"asc-{number * 4 // instances}",
        }
        for number in range(instances)
    ]
    group = {
        "scalingGroupId": "asg-bench",
        "minSize": 0,
        "maxSize": 2_000,
        "desiredCapacity": instances,
    }
    fleet = folder / "fleet.json"
    fleet.write_text(
        json.dumps({"activitySeconds": 0, "groups": [{**group, "instances": members}]})
    )
    return fleet


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder in this checkout with the handler as it is deployed: with byte code."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        shutil.copytree(
            ROOT / "handler", folder / "handler", ignore=shutil.ignore_patterns("__pycache__")
        )
        (folder / "policy.json").write_text(json.dumps(POLICY))
        compileall.compile_dir(folder / "handler", quiet=1)
        yield folder


def cold_start(folder: Path, repeats: int) -> list[Row]:
    """Time of a whole process, from the interpreter to the first RemoveInstances.

    The programs take turns, so that load on the machine affects all of them.
    """
    walls: dict[str, list[float]] = {}
    processor: dict[str, list[float]] = {}
    for first in range(0, repeats, ROUND):  # a new fleet each time: each turn removes instances
        with local_cloud(fleet_file(folder, 100)) as ready:
            variables = {
                **os.environ,
                **environment(ready, folder / "policy.json"),
                "PYTHONPATH": str(folder / "handler"),
            }
            for number in range(first, min(first + ROUND, repeats)):
                event = folder / "event.json"
                event.write_text(json.dumps({**EVENT, "requestId": f"bench-{number}"}))
                programs = {
                    "bare interpreter": ["-c", "pass"],
                    "eager script": [str(HERE / "eager.py"), str(event)],
                    "eager script, newer SDK": [str(HERE / "eager_tea.py"), str(event)],
                    "scalein": [str(HERE / "invoke.py"), str(event)],
                }
                for name, arguments in programs.items():
                    wall, cpu, output = _process([sys.executable, *arguments], variables)
                    walls.setdefault(name, []).append(wall)
                    processor.setdefault(name, []).append(cpu)
                    assert name != "scalein" or output == "removing", output
    rows = [(f"cold start, {name}", median_and_best(times), "") for name, times in walls.items()]
    pairs = zip(walls["scalein"], walls["eager script, newer SDK"], strict=True)
    ratio = statistics.median(scalein / eager for scalein, eager in pairs)
    rows.append(("cold start, scalein / eager with the newer SDK, wall", f"{ratio:.2f}", ""))
    for what, times in (("wall", walls), ("processor", processor)):
        pairs = zip(times["scalein"], times["eager script"], strict=True)
        ratio = statistics.median(scalein / eager for scalein, eager in pairs)
        best = min(times["scalein"]) / min(times["eager script"])
        goal = "at most 0.85" if what == "wall" else ""
        rows.append(
            (f"cold start, scalein / eager, {what}", f"{ratio:.2f} (of the best {best:.2f})", goal)
        )
    return rows


def _process(command: list[str], variables: dict[str, str]) -> tuple[float, float, str]:
    """Wall and processor seconds of a whole process, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started_at = time.perf_counter()
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    wall = time.perf_counter() - started_at
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout.strip()


def rejected() -> list[Row]:
    """The number of modules that a rejected event loads beyond those of jsonschema."""

    def modules(program: str) -> set[str]:
        script = f"{program}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
        keys = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "x",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x",
            "SCALEIN_POLICY": json.dumps(POLICY),
        }
        variables = {**os.environ, **keys, "PYTHONPATH": str(ROOT / "handler")}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=variables,
            capture_output=True,
            text=True,
            check=True,
        )
        return set(json.loads(done.stdout.splitlines()[-1]))

    program = (
        "import index\nfrom types import SimpleNamespace\n"
        "index.handler(b'{}', SimpleNamespace(region='cn-hangzhou', request_id='r'))"
    )
    own = modules(program) - modules("import json, jsonschema")
    sdk = sum(name.startswith("aliyunsdk") for name in own)
    return [
        ("rejected event, modules beyond jsonschema's", str(len(own)), "at most 100"),
        ("rejected event, modules of the SDK", str(sdk), "0"),
    ]


def warm(folder: Path, repeats: int) -> list[Row]:
    """The handler's own time: a whole warm invocation less the time of its SDK calls."""
    from aliyunsdkcore.client import AcsClient

    import index
    import scalein.cloud.sdk
    from scalein.clock import SystemClock
    from scalein.timing import CallTimer

    timer = CallTimer(SystemClock())

    class TimedClient(AcsClient):  # type: ignore[misc]
        def do_action_with_exception(self, request: Any) -> Any:
            with timer.call(request.get_action_name()):
                return super().do_action_with_exception(request)

    vars(scalein.cloud.sdk)["AcsClient"] = TimedClient
    durations = []
    with local_cloud(fleet_file(folder, 100)) as ready:
        os.environ.update(environment(ready, folder / "policy.json"))
        context = SimpleNamespace(
            region="cn-hangzhou", request_id="bench", function=SimpleNamespace(timeout=60)
        )
        index.initialize(context)
        for number in range(min(repeats, 90)):
            event = json.dumps({**EVENT, "requestId": f"warm-{number}"}).encode()
            timer.take()
            outcome = index.handler(event, context)
            times = timer.take()
            assert outcome["status"] == "removing", outcome
            durations.append(times.seconds - times.waiting_seconds)
    figure = "warm invocation, 100 instances, without the SDK calls"
    return [(figure, median_and_best(durations), "at most 2 ms")]


@click.command()
@click.option(
    "--repeats", default=40, show_default=True, help="Number of measurements of each figure."
)
def main(repeats: int) -> None:
    """Measures cold start, planning and warm invocations against the local cloud."""
    console = console_for_output()
    # Audit lines are made and not printed: those of a batch would fill the screen.
    audit = logging.getLogger("scalein.audit")
    audit.addHandler(logging.NullHandler())
    audit.propagate = False
    with workplace() as folder, console.status("Measuring ..."):
        rows = [
            *rejected(),
            *cold_start(folder, repeats),
            *planning.figures(repeats),
            *warm(folder, repeats),
        ]
        rows += [
            *intake.one_message(repeats),
            *intake.batches(folder, fleet_file),
            *acting.figures(folder, repeats),
        ]
        large = fleet_file(folder, 2_000).rename(folder / "large.json")
        rows += [
            *shipping.package_figures(folder, fleet_file(folder, 100), repeats),
            *shipping.memory(folder, large),
        ]
    print_table(rows, console, f"Python {sys.version.split()[0]}, {repeats} repeats")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
