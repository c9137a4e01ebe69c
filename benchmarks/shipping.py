"""The package that is deployed: its size, its cold start on a read-only disk, its memory."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from rich.console import Console

from benchmarks.timing import Row, median_and_best
from localcloud.functions.pythons import python_of
from scalein_cli.local import environment, local_cloud
from scalein_cli.package import package

HERE = Path(__file__).parent
ROOT = HERE.parent
RUNTIME = "python3.10"


def package_figures(folder: Path, fleet: Path, repeats: int) -> list[Row]:
    """Size and cold start of the package, beside a folder that pip installs."""
    python = python_of(RUNTIME)
    if python is None:
        return [("the package", f"{RUNTIME} is not installed", "")]
    made = package(RUNTIME, None, folder / "scalein.zip", Console(quiet=True))
    unpacked, plain = folder / "unpacked", folder / "plain"
    zipfile.ZipFile(made.path).extractall(unpacked)
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(plain)]
    subprocess.run(
        [*install, "-r", str(ROOT / "requirements.txt")], check=True, capture_output=True
    )
    shutil.copytree(
        ROOT / "handler", plain, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    for path in plain.rglob("__pycache__"):
        shutil.rmtree(path)
    plain_size = Path(shutil.make_archive(str(folder / "plain-zip"), "zip", plain)).stat().st_size
    times: dict[str, list[float]] = {"package": [], "plain": []}
    with local_cloud(fleet) as ready:
        for number in range(min(repeats, 20)):
            for name, code in (("package", unpacked), ("plain", plain)):
                variables = environment(ready, folder / "policy.json")
                times[name].append(_cold_start(python, code, folder, variables, number))
    pairs = zip(times["package"], times["plain"], strict=True)
    ratio = statistics.median(package_time / plain_time for package_time, plain_time in pairs)
    size = made.path.stat().st_size
    return [
        (f"package for {RUNTIME}", f"{size / 1e6:.2f} MB", "at most 5 MB"),
        ("... / zip of what pip install -t writes", f"{size / plain_size:.2f}", ""),
        ("cold start, unpacked package", median_and_best(times["package"]), ""),
        ("cold start, plain folder without byte code", median_and_best(times["plain"]), ""),
        ("cold start, package / plain", f"{ratio:.2f}", "at most 0.7"),
    ]


def _cold_start(
    python: str, code: Path, folder: Path, variables: dict[str, str], number: int
) -> float:
    """Seconds of a whole process that removes one instance."""
    event = folder / "shipped.json"
    request = {
        "scalingGroupId": "asg-bench",
        "remove": {"count": 1},
        "requestId": f"shipped-{time.time_ns()}-{number}",
    }
    event.write_text(json.dumps(request))
    own = {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
    started_at = time.perf_counter()
    done = subprocess.run(
        [python, str(HERE / "invoke.py"), str(event)],
        env={**variables, **own},
        capture_output=True,
        check=True,
    )
    seconds = time.perf_counter() - started_at
    assert done.stdout.strip() == b"removing", done
    return seconds


def memory(folder: Path, large: Path) -> list[Row]:
    """Peak memory of the whole process of one cold invocation."""
    script = (
        "import runpy, sys; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__'); "
        "lines = open('/proc/self/status').read().splitlines(); "
        "print(next(line.split()[1] for line in lines if line.startswith('VmHWM')))"
    )
    event = folder / "memory.json"
    event.write_text(json.dumps({"scalingGroupId": "asg-bench", "remove": {"count": 1}}))
    with local_cloud(large) as ready:
        variables = {
            **os.environ,
            **environment(ready, folder / "policy.json"),
            "PYTHONPATH": str(ROOT / "handler"),
        }
        command = [sys.executable, "-c", script, str(HERE / "invoke.py"), str(event)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    peak = int(done.stdout.split()[-1]) / 1024
    return [("peak memory, 2,000 instances, cold", f"{peak:.0f} MiB", "at most 64 MiB")]
