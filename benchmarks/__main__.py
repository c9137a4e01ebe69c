"""Prints the figures: `python -m benchmarks` (or `make bench`). Ratios within this one run; times vary by machine."""

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
from benchmarks.timing import Row, both, printed
from scalein_cli.local import environment, local_cloud
from scalein_cli.options import console_of

HERE = Path(__file__).parent
ROOT = HERE.parent
EVENT: dict[str, Any] = {"scalingGroupId": "asg-bench", "remove": {"count": 1}}
POLICY: dict[str, Any] = {"groups": {"asg-bench": {}}}
ROUND = 30  # of three programs, each of which takes an instance


def fleet_file(folder: Path, instances: int) -> Path:
    """A group that takes removal after removal: desired capacity lets them run side by side."""
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
    """A folder in this checkout with the handler as it is shipped: with byte code."""
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
    """Whole process, interpreter to the first RemoveInstances, in turn, so that both see the same machine."""
    walls: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    for first in range(
        0, repeats, ROUND
    ):  # a fresh fleet each time, for every turn takes two instances away
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
                    wall, cpu, said = _process([sys.executable, *arguments], variables)
                    walls.setdefault(name, []).append(wall)
                    spent.setdefault(name, []).append(cpu)
                    assert name != "scalein" or said == "removing", said
    rows = [(f"cold start, {name}", both(times), "") for name, times in walls.items()]
    newer = statistics.median(
        o / e for o, e in zip(walls["scalein"], walls["eager script, newer SDK"], strict=True)
    )
    rows.append(("cold start, scalein / eager with the newer SDK, wall", f"{newer:.2f}", ""))
    for what, times in (("wall", walls), ("processor", spent)):
        pairs = zip(times["scalein"], times["eager script"], strict=True)
        ratio = statistics.median(ours / eager for ours, eager in pairs)
        best = min(times["scalein"]) / min(times["eager script"])
        goal = "at most 0.85" if what == "wall" else ""
        rows.append(
            (f"cold start, scalein / eager, {what}", f"{ratio:.2f} (of the best {best:.2f})", goal)
        )
    return rows


def _process(command: list[str], variables: dict[str, str]) -> tuple[float, float, str]:
    """Wall and processor seconds of a whole process, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout.strip()


def rejected() -> list[Row]:
    """Modules that a rejected event loads beyond jsonschema's own."""

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
    """The handler's own time: a whole warm invocation less the time in which an SDK call was under way."""
    from aliyunsdkcore.client import AcsClient

    import index
    import scalein.cloud.sdk
    from scalein.clock import SystemClock
    from scalein.timing import CallTimer

    timer = CallTimer(SystemClock())

    class Watched(AcsClient):  # type: ignore[misc]
        def do_action_with_exception(self, request: Any) -> Any:
            with timer.call(request.get_action_name()):
                return super().do_action_with_exception(request)

    vars(scalein.cloud.sdk)["AcsClient"] = Watched  # the one place where a benchmark looks inside
    own = []
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
            spent = timer.take()
            assert outcome["status"] == "removing", outcome
            own.append(spent.seconds - spent.waiting_seconds)
    return [("warm invocation, 100 instances, beyond the SDK calls", both(own), "at most 2 ms")]


@click.command()
@click.option("--repeats", default=40, show_default=True, help="How often each thing is done.")
def main(repeats: int) -> None:
    """Measures cold start, planning and a warm invocation against the local cloud, and prints one table."""
    console = console_of()
    audit = logging.getLogger(
        "scalein.audit"
    )  # its lines are made, and go nowhere: batches would fill the screen
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
            *shipping.shipped(folder, fleet_file(folder, 100), repeats),
            *shipping.memory(folder, large),
        ]
    printed(rows, console, f"Python {sys.version.split()[0]}, {repeats} repeats")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
