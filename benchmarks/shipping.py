"""The package that is deployed: its size, its cold start, its memory, what a rejected event loads.

The cold start is compared with that of a folder that `pip install -t` makes, over HTTPS.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from pathlib import Path

from benchmarks.clouds import POLICY, prepared_cloud, removal_event
from benchmarks.code import ROOT, Code, Program
from benchmarks.command import command_for
from benchmarks.processes import warm_process
from benchmarks.removals import TIMES, Cold, cold_run, ratios
from benchmarks.timing import Row, at_most, milliseconds

MAX_MEGABYTES, MAX_RATIO, MAX_MIB, MAX_MODULES = 5, 0.7, 64, 100
REJECTED = """
import index
from types import SimpleNamespace
index.handler(b'{}', SimpleNamespace(region='cn-hangzhou', request_id='r'))
"""
LOADED = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"


def figures(code: Code, repeats: int) -> list[Row]:
    return [*rejected(code), *package_figures(code, repeats), memory(code)]


def package_figures(code: Code, repeats: int) -> list[Row]:
    """Size and cold start of the package, beside a folder that pip installs."""
    plain = _plain_folder(code)
    plain_size = Path(shutil.make_archive(str(code.folder / "plain"), "zip", plain)).stat().st_size
    size = code.package_path.stat().st_size
    drivers = code.scalein.paths[-1]
    without_byte_code = Program("plain folder", (plain, drivers), code.scalein.arguments)
    runs: dict[str, list[Cold]] = {"package": [], "plain": []}
    with prepared_cloud(code.folder, code.authority, 100) as cloud:
        cold_run(code, code.scalein, cloud, "first")  # brings the server its answers
        for number in range(repeats):
            for name, program in (("package", code.scalein), ("plain", without_byte_code)):
                runs[name].append(cold_run(code, program, cloud, f"shipped-{number}"))
    ratio, best = ratios(runs["package"], runs["plain"], TIMES["processor"])
    figure = "cold start, package / plain folder, processor"
    return [
        at_most(f"package for {code.runtime}", size / 1e6, MAX_MEGABYTES, "{:.2f} MB"),
        Row("... / zip of what pip install -t writes", f"{size / plain_size:.2f}"),
        Row("cold start, unpacked package", _times(runs["package"])),
        Row("cold start, plain folder without byte code", _times(runs["plain"])),
        at_most(figure, ratio, MAX_RATIO, "{:.2f}", f"of the best {best:.2f}"),
    ]


def _plain_folder(code: Code) -> Path:
    """What pip writes, and the handler, without byte code."""
    plain, no_byte_code = code.folder / "plain", shutil.ignore_patterns("__pycache__")
    shutil.copytree(code.eager.paths[0], plain, ignore=no_byte_code)
    shutil.copytree(ROOT / "handler", plain, dirs_exist_ok=True, ignore=no_byte_code)
    return plain


def _times(runs: list[Cold]) -> str:
    processor, wall = (
        milliseconds(statistics.median(time_of(cold) for cold in runs))
        for time_of in TIMES.values()
    )
    return f"{processor} processor, {wall} wall"


def memory(code: Code) -> Row:
    """Peak memory of the whole process of one cold invocation."""
    with (
        prepared_cloud(code.folder, code.authority, 2_000) as cloud,
        warm_process(code, cloud.variables) as process,
    ):
        process.remove(removal_event("memory"))
        peak_mib = process.peak_mib()
    return at_most("peak memory, 2,000 instances, cold", peak_mib, MAX_MIB, "{:.0f} MiB")


def rejected(code: Code) -> list[Row]:
    """The number of modules that a rejected event loads beyond those of jsonschema."""
    own = _modules(code, REJECTED) - _modules(code, "import json, jsonschema")
    sdk = sum(name.startswith("aliyunsdk") for name in own)
    figure = "rejected event, modules beyond jsonschema's"
    return [
        at_most(figure, len(own), MAX_MODULES, "{:.0f}"),
        at_most("rejected event, modules of the SDK", sdk, 0, "{:.0f}"),
    ]


def _modules(code: Code, program: str) -> set[str]:
    """The names of the modules that a program has imported at its end."""
    variables = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "x",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x",
        "SCALEIN_POLICY": json.dumps(POLICY),
    }
    done = subprocess.run(
        [code.python, "-c", program + LOADED],
        env=code.environment(code.scalein, variables),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


main = command_for("The package", 20, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.shipping")
