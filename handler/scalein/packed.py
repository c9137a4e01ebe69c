"""Imports what a cold start needs from one file, which `scalein package` writes.

To find, open and check 200 files of byte code takes a tenth of the time of their import.
The file is of one version of Python, and ignored by others.
"""

import marshal
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import MAGIC_NUMBER
from io import FileIO
from types import CodeType, ModuleType

from scalein.compiled import Codes, Pattern, add_codes, add_patterns

# Beside this module: MAGIC_NUMBER, then (entries, patterns, codes by module), marshalled.
FILE_NAME = "packed.bin"
# By the module's name: the path of its source, relative to the folder of the code; whether it is a
# package; and its byte code.
Entries = dict[str, tuple[str, bool, bytes]]


class Loader(SourceFileLoader):
    """Loads a module as from its source file, but has its byte code already."""

    def __init__(self, name: str, path: str, byte_code: bytes, codes: Codes | None) -> None:
        super().__init__(name, path)
        self._byte_code = byte_code
        self._codes = codes

    def get_code(self, fullname: str) -> CodeType | None:  # noqa: ARG002 (the protocol's)
        code: CodeType = marshal.loads(self._byte_code)  # noqa: S302 (part of the package)
        return code

    def exec_module(self, module: ModuleType) -> None:
        if self._codes:
            add_codes(module, self._codes)
        super().exec_module(module)


class Finder:
    """Finds the modules of the file, before any path is searched."""

    def __init__(
        self,
        folder: str,
        entries: Entries,
        patterns: Sequence[Pattern],
        codes_by_module: dict[str, Codes],
    ) -> None:
        self._folder = folder
        self._entries = entries
        self._patterns = patterns
        self._codes_by_module = codes_by_module

    def install(self) -> None:
        """Has modules imported from the file, and imports take from it what they would compile."""
        add_patterns(self._patterns)
        for name, codes in self._codes_by_module.items():
            if name in sys.modules:
                add_codes(sys.modules[name], codes)
        sys.meta_path.insert(0, self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 (the protocol's)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        entry = self._entries.get(fullname)
        if entry is None:
            return None
        relative_path, is_package, byte_code = entry
        file = f"{self._folder}/{relative_path}"
        loader = Loader(fullname, file, byte_code, self._codes_by_module.get(fullname))
        spec = ModuleSpec(fullname, loader, origin=file, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [file.rpartition("/")[0]]
        return spec


def install() -> None:
    """Has the modules of the file imported from it, if there is one for this Python."""
    own_folder = __file__.rpartition("/")[0]
    finder = finder_of(own_folder.rpartition("/")[0], f"{own_folder}/{FILE_NAME}")
    if finder is not None:
        finder.install()


def finder_of(folder: str, file: str) -> Finder | None:
    """Returns the finder of a file; None if it is missing, or of another Python."""
    try:
        with FileIO(file) as packed:
            content = packed.readall()
    except FileNotFoundError:
        return None
    if not content.startswith(MAGIC_NUMBER):
        return None
    return Finder(folder, *marshal.loads(content[len(MAGIC_NUMBER) :]))  # noqa: S302
