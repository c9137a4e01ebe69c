"""`scalein package`: makes the zip file for Function Compute, the same from the same input."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console

import scalein
from localcloud.functions.pythons import python_of
from scalein.errors import ConfigurationError
from scalein.policy import read_policy
from scalein_cli.errors import CommandError
from scalein_cli.options import RUNTIMES, console_for_output, existing_file, new_file, progress
from scalein_cli.packing import pack_cold_start
from scalein_cli.pinned import install_pinned
from scalein_cli.resources import resource
from scalein_cli.tables import Column, print_table
from scalein_cli.trust_store import hashed_directory

OMITTED_FOLDERS = ("tests", "test", "benchmarks", "__pycache__", "bin")
OMITTED_SUFFIXES = (".pyi", ".typed", ".h", ".c", ".pyx", ".pxd")
OMITTED_FILES = (
    "aliyunsdkcore/vendored/requests/packages/chardet/cli/*",
    # scalein.cold_start replaces the import of chardet.
    "aliyunsdkcore/vendored/requests/packages/chardet/[!_]*",
    # Parts of JSON Schema's own schemas, which only the check of a schema reads: that is a test's
    # work. jsonschema reads whatever it has at its import.
    "jsonschema_specifications/schemas/*/vocabularies/*",
    "charset_normalizer/*.so",  # faster copies of modules that have a .py file too
    "charset_normalizer/cli/*",
    "redis/commands/*/*",  # of Redis modules: bf, json, search, timeseries, vectorset
    "redis/multidb/*",
    "redis/asyncio/multidb/*",
    "urllib3/contrib/emscripten/*",
    "urllib3/http2/connection.py",
)
LEDGER_PACKAGES = {"redis": ("redis", "async_timeout")}
SDK_BUNDLE = "aliyunsdkcore/vendored/requests/packages/certifi/cacert.pem"
CERTIFICATES = "scalein/cloud/certificates"  # scalein.cloud.tls
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can hold
SCALEIN = Path(scalein.__file__).parent
REQUESTS = "aliyunsdkess/request/v20140828"


class Package(NamedTuple):
    """The zip file that was made."""

    path: Path
    sizes_by_part: dict[str, tuple[int, int]]  # bytes before and after compression
    sha256: str
    has_byte_code: bool  # for its runtime


@click.command("package")
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default="python3.10",
    show_default=True,
    help="Runtime of the function.",
)
@click.option("--policy", type=existing_file, help="Policy document to put beside index.py.")
@click.option(
    "--ledger",
    type=click.Choice(tuple(LEDGER_PACKAGES)),
    help="Put the client of this ledger into the file.  [default: none, a third less]",
)
@click.option(
    "--output",
    type=new_file,
    default=Path("scalein.zip"),
    show_default=True,
    help="Zip file to write.",
)
def package_command(runtime: str, policy: Path | None, ledger: str | None, output: Path) -> None:
    """Make the zip file for Function Compute.

    The same input makes the same bytes.

    \b
        scalein package --policy policy.json
        scalein package --policy policy.json --ledger redis

    The file has handler/, the packages that locks/ pins by hash for the runtime (whatever Python
    runs this command), the certificates that the SDK trusts in a hashed directory, and byte code if
    the Python of the runtime is installed on this machine. It omits what is never imported: tests,
    type information, metadata, ESS requests that the function does not send, and cryptography.

    The exit status is 0 if the file was made, 1 if not.
    """
    console = console_for_output()
    made = package(runtime, policy, output, ledger)
    _print_sizes(made, console)
    if not made.has_byte_code:
        console.print(
            f"{runtime} is not installed on this machine, so the package has no byte code and a "
            "cold start takes longer."
        )


def package(runtime: str, policy: Path | None, output: Path, ledger: str | None = None) -> Package:
    """Makes the zip file. Raises CommandError."""
    if policy is not None:
        try:
            read_policy("", str(policy.resolve()))
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
    with (
        tempfile.TemporaryDirectory(prefix="scalein-package-") as name,
        progress("Collecting ...") as status,
    ):
        folder = Path(name) / "code"
        status.update(f"Downloading what locks/{runtime}.txt pins, for {runtime} ...")
        install_pinned(runtime, folder)
        status.update("Removing files that are never imported ...")
        _remove_unused_files(folder, ledger)
        shutil.copyfile(resource("handler/index.py"), folder / "index.py")
        shutil.copytree(SCALEIN, folder / "scalein", ignore=shutil.ignore_patterns("__pycache__"))
        _write_certificates(folder)
        if policy is not None:
            shutil.copyfile(policy, folder / "policy.json")
        status.update(f"Compiling for {runtime} ...")
        has_byte_code = _compile(runtime, folder)
        if has_byte_code:
            pack_cold_start(runtime, folder)
        status.update("Zipping ...")
        return _write_zip(folder, output, has_byte_code)


def _print_sizes(made: Package, console: Console) -> None:
    largest_first = sorted(made.sizes_by_part.items(), key=lambda entry: -entry[1][1])
    rows = [[part, _size_text(size), _size_text(zipped)] for part, (size, zipped) in largest_first]
    total_size = sum(size for size, _ in made.sizes_by_part.values())
    rows.append(["total", _size_text(total_size), _size_text(made.path.stat().st_size)])
    columns = (Column("Part"), Column("Size", is_number=True), Column("Zipped", is_number=True))
    print_table(console, columns, rows)
    console.print(f"{made.path}  sha256 {made.sha256}", highlight=False, soft_wrap=True)


def _remove_unused_files(folder: Path, ledger: str | None) -> None:
    for name, packages in LEDGER_PACKAGES.items():
        for unused in packages if name != ledger else ():
            for path in (*folder.glob(unused), *folder.glob(f"{unused}-*.dist-info")):
                shutil.rmtree(path)
    imported_requests = _imported_requests()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif _is_unused(path.relative_to(folder), imported_requests):
            path.unlink()


def _is_unused(inside: Path, imported_requests: set[str]) -> bool:
    """Whether the function never reads the file; the path is relative to the package's folder."""
    if any(part in OMITTED_FOLDERS for part in inside.parts[:-1]):
        return True
    if inside.suffix in OMITTED_SUFFIXES:
        return True
    if any(inside.match(pattern) for pattern in OMITTED_FILES):
        return True
    if ".dist-info" in inside.parts[0]:
        return not _is_licence(inside)
    is_request = str(inside.parent) == REQUESTS
    return is_request and inside.stem not in (*imported_requests, "__init__")


def _is_licence(inside: Path) -> bool:
    return "licenses" in inside.parts or inside.name.upper().startswith(
        ("LICENSE", "LICENCE", "COPYING", "NOTICE")
    )


def _write_certificates(folder: Path) -> None:
    """Writes the certificates that the SDK trusts as a hashed directory: to read one of them costs
    a cold start much less than to read them all.
    """
    directory = folder / CERTIFICATES
    directory.mkdir(parents=True)
    bundle = (folder / SDK_BUNDLE).read_text(encoding="utf-8")
    for name, certificate in hashed_directory(bundle).items():
        (directory / name).write_bytes(certificate)


def _imported_requests() -> set[str]:
    """The modules of the SDK's 80 ESS requests that the function imports."""
    imported = set()
    for path in SCALEIN.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                package_name, _, module = node.module.rpartition(".")
                if package_name == REQUESTS.replace("/", "."):
                    imported.add(module)
    return imported


def _compile(runtime: str, folder: Path) -> bool:
    """Whether byte code was written: the Python of the runtime is installed and compiles the files.

    The byte code is valid whatever the files' times, for Function Compute's disk is read-only.
    """
    python = python_of(runtime)
    if python is None:
        return False
    traceback_paths = ["-s", str(folder), "-p", "/code"]
    command = [
        python,
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
        *traceback_paths,
        str(folder),
    ]
    # Byte code has the order of a set in it.
    variables = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, check=False, capture_output=True, env=variables).returncode == 0


def _write_zip(folder: Path, output: Path, has_byte_code: bool) -> Package:
    parts: dict[str, Counter[str]] = {}
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=9)
            size = parts.setdefault(_part(path.relative_to(folder)), Counter())
            size.update(full=entry.file_size, zipped=entry.compress_size)
    sizes = {part: (size["full"], size["zipped"]) for part, size in parts.items()}
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    return Package(output, sizes, digest, has_byte_code)


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))


def _part(inside: Path) -> str:
    """The installed package, or `scalein`, that a file belongs to."""
    first = inside.parts[0]
    if first in ("scalein", "index.py", "policy.json") or "index.cpython" in inside.name:
        return "scalein"
    if first.startswith("__pycache__"):
        return inside.name.partition(".")[0]
    return "licences" if first.endswith(".dist-info") else first.removesuffix(".py")


def _size_text(size: int) -> str:
    return f"{size / (1 << 20):.2f} MiB" if size >= 100 << 10 else f"{size / 1024:.1f} KiB"
