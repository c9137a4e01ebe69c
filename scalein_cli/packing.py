"""Moves the byte code that a cold start imports into one file (scalein.packed)."""

from __future__ import annotations

import marshal
import os
import subprocess
from pathlib import Path

from localcloud.functions.pythons import python_of
from scalein.compiled import Codes, Pattern
from scalein.packed import FILE_NAME, Entries, packed_bytes
from scalein_cli.errors import CommandError

HEADER_BYTES = 16  # of a .pyc file: magic number, flags, hash of the source
MAGIC_BYTES = 4
RECORDER = Path(__file__).with_name("cold_start_recorder.py")
Module = tuple[str, bool, str]  # source file, whether it is a package, byte code
Recorded = tuple[dict[str, Module], list[Pattern], dict[str, Codes]]


def pack_cold_start(runtime: str, folder: Path) -> None:
    """Writes the file, and deletes the .pyc files that it replaces. Raises CommandError."""
    folder = folder.resolve()
    modules, patterns, codes = _record_cold_start(runtime, folder)
    magic_number, byte_code, entries = b"", b"", Entries()
    for name, (source, is_package, cached) in sorted(modules.items()):
        content = Path(cached).read_bytes()
        magic_number, start = content[:MAGIC_BYTES], len(byte_code)
        byte_code += content[HEADER_BYTES:]
        relative_path = str(Path(source).relative_to(folder))
        entries[name] = (relative_path, is_package, start, len(byte_code))
        Path(cached).unlink()
    content = packed_bytes((entries, patterns, codes), byte_code, magic_number)
    (folder / "scalein" / FILE_NAME).write_bytes(content)


def _record_cold_start(runtime: str, folder: Path) -> Recorded:
    """Returns what the recorder records. Raises CommandError."""
    variables = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # what is compiled may have the order of a set
    }
    done = subprocess.run(
        # Without site: what this machine's Python imports at its start is not recorded.
        [str(python_of(runtime)), "-S", "-c", RECORDER.read_text(encoding="utf-8"), str(folder)],
        env=variables,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(
            f"The package does not import in {runtime}: "
            f"{done.stderr.decode(errors='replace').strip()[-300:]} "
            "Check that index.py and its modules import what locks/ pins."
        )
    recorded: Recorded = marshal.loads(done.stdout)  # noqa: S302 (of the process above)
    return recorded
