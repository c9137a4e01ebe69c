"""Lays out the code that is measured: the package as it is deployed, and scripts to compare with.

All of it has byte code of the same kind, made by the Python of the runtime, and the trust store of
each has the certificates of its own bundle and one of the run's authority.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks import trust
from localcloud.functions.pythons import python_of
from scalein_cli.errors import CommandError
from scalein_cli.options import RUNTIMES
from scalein_cli.package import package

HERE = Path(__file__).parent
ROOT = HERE.parent
SCHEMA = ROOT / "handler/scalein/schemas/removal-request.schema.json"
SDK_BUNDLE = "aliyunsdkcore/vendored/requests/packages/certifi/cacert.pem"
NEWER_SDK = "alibabacloud-ess20220222"
DRIVERS = ("invoke.py", "serve.py", "eager.py", "eager_tea.py", "eager_parallel.py")
TRUST_STORES = ("package", "runtime", "bundle")


class Program(NamedTuple):
    """A program to measure: the modules that it may import, and its command line."""

    name: str
    paths: tuple[Path, ...]
    arguments: tuple[str, ...]


class Code(NamedTuple):
    """Where everything is, for one runtime."""

    folder: Path
    python: str
    runtime: str
    authority: trust.Authority
    package_path: Path  # the zip file
    scalein: Program
    eager: Program
    newer: Program
    trust_variables: dict[str, str]
    trust_bundle: Path  # the certificates of the SDK's bundle, and the authority's
    conditions: str  # under which the figures are true

    def environment(self, program: Program, variables: dict[str, str]) -> dict[str, str]:
        """The whole environment of a process of that program."""
        return {
            **variables,
            **self.trust_variables,
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": ":".join(map(str, program.paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }


@contextmanager
def deployed_code(runtime: str | None = None, trust_store: str = "package") -> Iterator[Code]:
    """Makes the package and the folders beside it. Raises CommandError without such a Python.

    `trust_store`: package (what the package has), runtime (a directory of hashed names that the
    runtime has), bundle (one that ALIBABA_CLOUD_CA_BUNDLE names).
    """
    runtime, python = _python(runtime)
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=cache, prefix="benchmarks-") as name:
        folder = Path(name)
        authority = trust.make_authority(folder)
        made = package(runtime, None, folder / "scalein.zip")
        scalein, eager, newer, drivers = (
            folder / part for part in ("scalein", "eager", "newer", "drivers")
        )
        zipfile.ZipFile(made.path).extractall(scalein)
        install(python, eager, "-r", str(ROOT / "requirements.txt"))
        install(python, newer, f"{NEWER_SDK}=={_pinned_version(NEWER_SDK)}", *_pin("jsonschema"))
        drivers.mkdir()
        for module in DRIVERS:
            shutil.copyfile(HERE / module, drivers / module)
        for part in (scalein, eager, newer):
            trust.add_to_stores(authority.certificate, part)
        for part in (eager, newer, drivers):
            compile_folder(python, part)
        yield Code(
            folder,
            bare_python(python, folder / "python"),
            runtime,
            authority,
            made.path,
            Program("scalein", (scalein, drivers), ("-m", "invoke")),
            Program("eager script", (eager, drivers), ("-m", "eager", str(SCHEMA))),
            Program("eager script, newer SDK", (newer, drivers), ("-m", "eager_tea", str(SCHEMA))),
            _trust_variables(folder, eager / SDK_BUNDLE, trust_store),
            eager / SDK_BUNDLE,
            f"{runtime}, HTTPS with {trust.certificate_count(eager / SDK_BUNDLE)} trusted "
            f"certificates ({trust_store})",
        )


def _python(runtime: str | None) -> tuple[str, str]:
    """The name of a runtime, and the path of its Python. Raises CommandError."""
    for name in (runtime,) if runtime else RUNTIMES:
        if python := python_of(name):
            return name, python
    raise CommandError(
        f"The package is measured with the Python of its runtime, and this machine has no "
        f"{runtime or ' and no '.join(RUNTIMES)}. Install one, for instance with pyenv."
    )


def bare_python(python: str, folder: Path) -> str:
    """Makes an environment of that Python without packages, and returns its interpreter.

    What this machine's own packages import at each start of Python (files .pth) is not measured.
    """
    command = [python, "-m", "venv", "--without-pip", "--symlinks", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return str(folder / "bin/python")


def install(python: str, target: Path, *requirements: str) -> None:
    """Installs packages with pip, without byte code."""
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-compile", "--target", str(target), *requirements]
    subprocess.run(command, check=True, capture_output=True)


def compile_folder(python: str, folder: Path) -> None:
    """Writes byte code as the package has it. Files that do not compile are left as they are."""
    options = ("-q", "--invalidation-mode", "unchecked-hash")
    command = [python, "-m", "compileall", *options, str(folder)]
    subprocess.run(command, check=False, capture_output=True)


def _pin(name: str) -> tuple[str]:
    return (f"{name}=={_pinned_version(name)}",)


def _pinned_version(name: str) -> str:
    text = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-run.txt").read_text()
    text += (ROOT / "requirements-dev.txt").read_text()
    match = re.search(rf"^{re.escape(name)}==(\S+)", text, re.MULTILINE)
    assert match, name
    return match[1]


def _trust_variables(folder: Path, bundle: Path, trust_store: str) -> dict[str, str]:
    """Hides the machine's own trust store, which lacks the run's authority."""
    hashed_names = folder / "hashed-names"
    if trust_store == "runtime":
        trust.make_directory(bundle, hashed_names)
    else:
        hashed_names.mkdir()
    variables = {"SSL_CERT_DIR": str(hashed_names), "SSL_CERT_FILE": str(folder / "none.pem")}
    if trust_store == "bundle":
        variables["ALIBABA_CLOUD_CA_BUNDLE"] = str(bundle)
    return variables
