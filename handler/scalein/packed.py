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
from struct import Struct
from types import CodeType, ModuleType

from scalein.compiled import Codes, Pattern, add_codes, add_patterns

FILE_NAME = "packed.bin"  # beside this module
HEADER = Struct("<4sI")  # MAGIC_NUMBER, and where the byte code begins; between them is the index
# By the module's name: the path of its source, relative to the folder of the code; whether it is a
# package; and where in the byte code its own begins and ends.
Entries = dict[str, tuple[str, bool, int, int]]
Index = tuple[Entries, list[Pattern], dict[str, Codes]]


class Loader(SourceFileLoader):
    """Loads a module as from its source file, but has its byte code already."""

    def __init__(self, name: str, path: str, byte_code: memoryview, codes: Codes | None) -> None:
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

    def __init__(self, folder: str, index: Index, byte_code: memoryview) -> None:
        self._folder = folder
        self._entries, self._patterns, self._codes_by_module = index
        self._byte_code = byte_code

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
        relative_path, is_package, start, end = entry
        file, codes = f"{self._folder}/{relative_path}", self._codes_by_module.get(fullname)
        loader = Loader(fullname, file, self._byte_code[start:end], codes)
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
    _, start = HEADER.unpack_from(content)
    whole = memoryview(content)  # slices of it are no copies
    index: Index = marshal.loads(whole[HEADER.size : start])  # noqa: S302
    return Finder(folder, index, whole[start:])


def packed_bytes(index: Index, byte_code: bytes, magic_number: bytes) -> bytes:
    """Returns the content of such a file."""
    # Version 2 of marshal writes the same bytes whatever else refers to the values.
    index_bytes = marshal.dumps(index, 2)
    header = HEADER.pack(magic_number, HEADER.size + len(index_bytes))
    return header + index_bytes + byte_code
