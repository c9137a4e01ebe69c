"""Moves the byte code that a cold start imports into one file (scalein.packed)."""

from __future__ import annotations

import json
import marshal
import os
import subprocess
from pathlib import Path

from localcloud.functions.pythons import python_of
from scalein.packed import FILE_NAME, Entries
from scalein_cli.errors import CommandError

HEADER_BYTES = 16  # of a .pyc file: magic number, flags, hash of the source
MAGIC_BYTES = 4
# Imports what one removal needs; prints the modules that are in the package's folder.
COLD_START = """
import json, sys
import index
from scalein import contract
from scalein.cloud import ess
contract.validator("removal-request")
found = {}
for name, module in list(sys.modules.items()):
    spec = getattr(module, "__spec__", None)
    if spec and name not in ("__main__", "index", "scalein", "scalein.packed"):
        if spec.origin and spec.origin.startswith(sys.argv[1] + "/") and spec.cached:
            is_package = spec.submodule_search_locations is not None
            found[name] = (spec.origin, is_package, spec.cached)
print(json.dumps(found))
"""


def pack_cold_start(runtime: str, folder: Path) -> None:
    """Writes the file, and deletes the .pyc files that it replaces. Raises CommandError."""
    folder = folder.resolve()
    magic_number, entries = b"", Entries()
    for name, (source, is_package, cached) in sorted(_modules_of_a_cold_start(runtime, folder)):
        byte_code = Path(cached).read_bytes()
        magic_number = byte_code[:MAGIC_BYTES]
        relative_path = str(Path(source).relative_to(folder))
        entries[name] = (relative_path, is_package, byte_code[HEADER_BYTES:])
        Path(cached).unlink()
    # Version 2 of marshal writes the same bytes whatever else refers to the values.
    (folder / "scalein" / FILE_NAME).write_bytes(magic_number + marshal.dumps(entries, 2))


def _modules_of_a_cold_start(runtime: str, folder: Path) -> list[tuple[str, tuple[str, bool, str]]]:
    """Returns name, and (source file, whether it is a package, byte code), of each module."""
    variables = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [str(python_of(runtime)), "-c", COLD_START, str(folder)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(
            f"The package does not import in {runtime}: {done.stderr.strip()[-300:]} "
            "Check that index.py and its modules import what locks/ pins."
        )
    modules: dict[str, tuple[str, bool, str]] = json.loads(done.stdout)
    return list(modules.items())
