"""`scalein package`: what Function Compute is given, as a zip that is the same from the same input."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from localcloud.functions.pythons import python_of
from scalein.policy import read_policy
from scalein_cli.local import ROOT

RUNTIMES = ("python3.10", "python3.12")
PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
)  # Debian 10 and later
LEFT_OUT = ("tests", "test", "benchmarks", "__pycache__", "bin")  # folders
NEVER_READ = (".pyi", ".typed", ".h", ".c", ".pyx", ".pxd")
NEVER_IMPORTED = (
    "aliyunsdkcore/vendored/requests/packages/chardet/cli/*",
    "aliyunsdkcore/vendored/requests/packages/chardet/[!_]*",  # scalein.cold_start puts its import off for good
    "charset_normalizer/*.so",  # twins of modules beside them, for speed that nobody needs
    "charset_normalizer/cli/*",
    "redis/commands/*/*",  # of Redis's modules: bf, json, search, timeseries, vectorset
    "redis/multidb/*",
    "redis/asyncio/multidb/*",
    "urllib3/contrib/emscripten/*",
    "urllib3/http2/connection.py",
)
LONGEST_AGO = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can tell
REQUESTS = "aliyunsdkess/request/v20140828"


class PackageError(Exception):
    """It could not be made; the text says why and what to do."""


class Made(NamedTuple):
    path: Path
    parts: dict[str, tuple[int, int]]  # bytes as they are, and zipped, by part
    sha256: str
    compiled: bool  # has byte code for its runtime


def package(runtime: str, policy: Path | None, output: Path, console: Console) -> Made:
    """Raises PackageError."""
    if policy is not None:
        read_policy(policy.read_text(encoding="utf-8"))  # raises ConfigurationError
    with (
        tempfile.TemporaryDirectory(prefix="scalein-package-") as name,
        console.status("Collecting ...") as status,
    ):
        folder = Path(name) / "code"
        status.update(f"Downloading what locks/{runtime}.txt pins, for {runtime} ...")
        _install(runtime, folder)
        status.update("Leaving out what is never imported ...")
        _prune(folder)
        shutil.copytree(
            ROOT / "handler",
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        if policy is not None:
            shutil.copyfile(policy, folder / "policy.json")
        status.update(f"Compiling for {runtime} ...")
        compiled = _compile(runtime, folder)
        status.update("Zipping ...")
        return _zipped(folder, output, compiled)


def show(made: Made, console: Console) -> None:
    table = Table("Part", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("As it is", justify="right")
    table.add_column("Zipped", justify="right")
    for part, (whole, small) in sorted(made.parts.items(), key=lambda entry: -entry[1][1]):
        table.add_row(part, _size(whole), _size(small))
    table.add_row(
        "all", _size(sum(w for w, _ in made.parts.values())), _size(made.path.stat().st_size)
    )
    console.print(table)
    console.print(f"{made.path}  sha256 {made.sha256}", highlight=False, soft_wrap=True)


def _install(runtime: str, folder: Path) -> None:
    """By hash, for the runtime, whatever Python this is."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    where = ["--target", str(folder), "--no-deps", "--no-compile", "--require-hashes"]
    of = ["--implementation", "cp", "--python-version", runtime.removeprefix("python")]
    for platform in PLATFORMS:
        of += ["--platform", platform]
    done = subprocess.run(
        [*pip, *where, *of, "-r", str(ROOT / "locks" / f"{runtime}.txt")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = next(
            (line for line in done.stderr.splitlines() if line.startswith("ERROR")),
            done.stderr[-300:],
        )
        raise PackageError(f"pip could not install what locks/{runtime}.txt pins: {why}")


def _prune(folder: Path) -> None:
    asked = _requests_imported()
    for path in sorted(folder.rglob("*"), reverse=True):
        inside = path.relative_to(folder)
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif (
            any(part in LEFT_OUT for part in inside.parts[:-1])
            or path.suffix in NEVER_READ
            or any(inside.match(pattern) for pattern in NEVER_IMPORTED)
            or (".dist-info" in inside.parts[0] and not _is_licence(inside))
            or (str(inside.parent) == REQUESTS and path.stem not in (*asked, "__init__"))
        ):
            path.unlink()


def _is_licence(inside: Path) -> bool:
    return "licenses" in inside.parts or inside.name.upper().startswith(
        ("LICENSE", "LICENCE", "COPYING", "NOTICE")
    )


def _requests_imported() -> set[str]:
    """The modules of ESS's 80 requests that the function imports."""
    tree = ast.parse((ROOT / "handler/scalein/ess.py").read_text(encoding="utf-8"))
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        module.rpartition(".")[2]
        for module in froms
        if module.startswith(REQUESTS.replace("/", "."))
    }


def _compile(runtime: str, folder: Path) -> bool:
    """Byte code that is valid whatever the files' times: on Function Compute's disk nothing newer is written."""
    python = python_of(runtime)
    if python is None:
        return False
    where = ["-s", str(folder), "-p", "/code"]  # what a traceback tells
    command = [
        python,
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
        *where,
        str(folder),
    ]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}  # the order of a set is in its byte code
    return subprocess.run(command, check=False, capture_output=True, env=fixed).returncode == 0


def _zipped(folder: Path, output: Path, compiled: bool) -> Made:
    parts: dict[str, Counter[str]] = {}
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), LONGEST_AGO)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=9)
            size = parts.setdefault(_part(path.relative_to(folder)), Counter())
            size.update(whole=entry.file_size, small=entry.compress_size)
    sizes = {part: (size["whole"], size["small"]) for part, size in parts.items()}
    return Made(output, sizes, hashlib.sha256(output.read_bytes()).hexdigest(), compiled)


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))


def _part(inside: Path) -> str:
    """The package that a file belongs to."""
    first = inside.parts[0]
    if first in ("scalein", "index.py", "policy.json") or "index.cpython" in inside.name:
        return "scalein"
    if first.startswith("__pycache__"):
        return inside.name.partition(".")[0]
    return "licences" if first.endswith(".dist-info") else first.removesuffix(".py")


def _size(size: int) -> str:
    return f"{size / (1 << 20):.2f} MiB" if size >= 100 << 10 else f"{size / 1024:.1f} KiB"
