"""What is shipped: its size, its start on a disk that takes no byte code, its memory."""

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

from benchmarks.timing import Row, both
from localcloud.functions.pythons import python_of
from scalein_cli.local import environment, local_cloud
from scalein_cli.package import package

HERE = Path(__file__).parent
ROOT = HERE.parent
RUNTIME = "python3.10"


def shipped(folder: Path, fleet: Path, repeats: int) -> list[Row]:
    """The zip, unpacked, next to what pip installs; both as on a disk that cannot be written to."""
    python = python_of(RUNTIME)
    if python is None:
        return [("the package", f"{RUNTIME} is not here", "")]
    made = package(RUNTIME, None, folder / "scalein.zip", Console(quiet=True))
    ours, plain = folder / "unpacked", folder / "plain"
    zipfile.ZipFile(made.path).extractall(ours)
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(plain)]
    subprocess.run(
        [*install, "-r", str(ROOT / "requirements.txt")], check=True, capture_output=True
    )
    shutil.copytree(
        ROOT / "handler", plain, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    for path in plain.rglob("__pycache__"):
        shutil.rmtree(path)
    whole = Path(shutil.make_archive(str(folder / "plain-zip"), "zip", plain)).stat().st_size
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    with local_cloud(fleet) as ready:
        for number in range(min(repeats, 20)):
            for name, code in (("ours", ours), ("plain", plain)):
                times[name].append(
                    _started(
                        python, code, folder, environment(ready, folder / "policy.json"), number
                    )
                )
    ratio = statistics.median(o / p for o, p in zip(times["ours"], times["plain"], strict=True))
    size = made.path.stat().st_size
    return [
        (f"package for {RUNTIME}", f"{size / 1e6:.2f} MB", "at most 5 MB"),
        ("... of what pip install -t gives, zipped", f"{size / whole:.2f}", ""),
        ("cold start, unpacked package", both(times["ours"]), ""),
        ("cold start, plain folder without byte code", both(times["plain"]), ""),
        ("cold start, package / plain", f"{ratio:.2f}", "at most 0.7"),
    ]


def _started(
    python: str, code: Path, folder: Path, variables: dict[str, str], number: int
) -> float:
    event = folder / "shipped.json"
    asked = {
        "scalingGroupId": "asg-bench",
        "remove": {"count": 1},
        "requestId": f"shipped-{time.time_ns()}-{number}",
    }
    event.write_text(json.dumps(asked))
    own = {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
    began = time.perf_counter()
    told = subprocess.run(
        [python, str(HERE / "invoke.py"), str(event)],
        env={**variables, **own},
        capture_output=True,
        check=True,
    )
    spent = time.perf_counter() - began
    assert told.stdout.strip() == b"removing", told
    return spent


def memory(folder: Path, large: Path) -> list[Row]:
    """Of the whole process of one cold invocation."""
    script = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__'); "
    script += "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
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
